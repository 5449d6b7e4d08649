"""Making tokens for drafts and for some versions: form, page, lists, letters, histories."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from indexsite.actors import DRAFTS_AND_READING, Permission
from indexsite.models import AuditEvent
from indexsite.requirements import NewDraft, scope
from releases.models import Project
from tests.support import cast, people
from tests.support.tokens import basic, request_with, token_of
from tests.support.worker import run_queued
from tokens.authentication import TokenCredential, authenticate
from tokens.forms import BOXES
from tokens.models import GATHERING, USES, USES_OF_DRAFTS, Token

pytestmark = pytest.mark.django_db

LIST, CREATE = "/account/tokens/", "/account/tokens/create/"
SECRET = re.compile(r"idx-[A-Za-z0-9_-]{40,}")


@pytest.fixture
def sampleproject(alice: User) -> Project:
    return cast.ProjectFactory(name="sampleproject", owner=alice)


@pytest.fixture
def make(client: Client, alice: User, sampleproject: Project) -> Callable[..., Any]:
    """Fill the form in as alice, with these boxes ticked."""
    people.sign_in(client, alice)

    def send(*boxes: str, **changed: str) -> Any:
        return client.post(
            CREATE,
            {
                "description": "ci",
                "permissions": boxes,
                "scope": "project:sampleproject",
                "expiry": "30",
                **changed,
            },
        )

    return send


def letters(mail_dir: Path) -> list[str]:
    run_queued()
    found = []
    for path in sorted(mail_dir.glob("*.eml")):
        text = message_from_bytes(path.read_bytes(), policy=policy.default).get_body(("plain",))
        assert text is not None
        found.append(text.get_content())
    return found


def test_every_use_can_be_chosen_and_none_is_preselected(client: Client, make: Callable[..., Any]) -> None:
    page = client.get(CREATE).text
    boxes = re.findall(r'<input type="checkbox" name="permissions" value="([^"]+)"[^>]*>', page)
    assert boxes == [
        "history:read", "members:read", "draft:read", "draft:upload", "draft:replace", "release:publish", "upload",
        "release:yank", "members:invite",
    ]  # fmt: skip
    assert not re.search(r'<input type="checkbox"[^>]*checked', page)
    covered = set(map(Permission, boxes)).union(*BOXES.values())
    assert covered == set(Permission) - {Permission.READ_ACCOUNT}
    assert USES.keys() | USES_OF_DRAFTS.keys() == covered


def test_a_token_for_drafts_gathers_and_does_no_more(
    client: Client, make: Callable[..., Any], alice: User, sampleproject: Project, mail_dir: Path
) -> None:
    page = make("draft:upload").text
    token = Token.objects.get()
    (secret,) = set(SECRET.findall(page))
    assert "twine upload --non-interactive --repository-url http://testserver/draft/legacy/ dist/*" in page
    assert "uv publish --publish-url http://testserver/draft/legacy/ --check-url http://testserver/simple/" in page
    assert "http://testserver/legacy/" not in page
    assert "Its uploads wait in a draft" in page
    actor = authenticate(request_with(basic(secret)))
    assert isinstance(actor.credential, TokenCredential)
    assert actor.credential.is_drafts_only
    assert actor.credential.permissions == GATHERING | {Permission.READ_ACCOUNT}
    assert actor.credential.permissions < DRAFTS_AND_READING

    words = "see, install, open, fill and submit drafts"
    assert f"may {words}" in client.get(LIST).text
    assert f"may {words}" in client.get("/manage/project/sampleproject/tokens/").text
    assert words in client.get(f"{LIST}{token.pk}/revoke/").text
    event = AuditEvent.objects.get(name="token.created")
    assert event.data["scope"] == f"project sampleproject, to {words}"
    assert f"was created for project sampleproject, to {words}." in client.get("/account/history/").text
    (letter,) = letters(mail_dir)
    assert f"May:          {words}\n" in letter


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        (["draft:read"], "see and install drafts"),
        (["draft:replace"], "see, change and cancel drafts"),
        (["release:publish"], "see, submit and publish drafts"),
        (["draft:upload", "release:publish"], "see, install, open, fill, submit and publish drafts"),
        (
            ["history:read", "release:yank", "draft:read"],
            "see and install drafts; read history and yank and un-yank",
        ),
        (["upload"], "upload"),
        (["upload", "release:publish"], "upload"),
    ],
)
def test_each_choice_is_said_in_words(
    client: Client, make: Callable[..., Any], boxes: list[str], words: str
) -> None:
    assert make(*boxes).status_code == 200
    assert f"may {words}</span>" in client.get(LIST).text


def test_what_a_row_was_narrowed_to_later_is_what_lists_say(client: Client, alice: User) -> None:
    token = token_of(alice)
    token.caveats.append([101])
    token.save()
    odd = token_of(alice, description="odd")
    odd.caveats.append([99])
    odd.save()
    people.sign_in(client, alice)
    page = client.get(LIST).text
    assert "may see, install, open, fill, submit, change and cancel drafts</span>" in page
    assert "may do nothing</span>" in page


def test_drafts_only_and_publishing_at_once_are_not_one_token(make: Callable[..., Any]) -> None:
    answer = make("draft:upload", "upload")
    assert answer.status_code == 400
    assert "choose that or drafts only, not both." in answer.text
    assert re.search(r'value="draft:upload"[^>]*checked', answer.text)
    assert not Token.objects.exists()


def test_nothing_chosen_is_a_sentence(make: Callable[..., Any]) -> None:
    answer = make()
    assert answer.status_code == 400
    assert "Choose what the token is for; release workflows need drafts or uploads." in answer.text


def test_a_token_for_some_versions(
    client: Client, make: Callable[..., Any], sampleproject: Project, mail_dir: Path
) -> None:
    page = make("draft:upload", versions=" >=2, <3 ").text
    (secret,) = set(SECRET.findall(page))
    assert "versions <code>&gt;=2,&lt;3</code>" in page
    token = Token.objects.get()
    assert [103, ">=2,<3"] in token.caveats
    actor = authenticate(request_with(basic(secret)))
    opens = scope(Permission.DRAFT_CREATE)
    assert opens(actor, NewDraft(sampleproject, "2.1")) is None
    assert opens(actor, NewDraft(sampleproject, "3.0")) is not None
    assert "&gt;=2,&lt;3" in client.get(LIST).text
    assert "&gt;=2,&lt;3" in client.get("/manage/project/sampleproject/tokens/").text
    event = AuditEvent.objects.get(name="token.created")
    assert event.data["scope"].startswith("project sampleproject, versions >=2,<3, to see")
    (letter,) = letters(mail_dir)
    assert "Good for:     project sampleproject, versions >=2,<3\n" in letter


@pytest.mark.parametrize("versions", ["2", "newer", ">=2 and <3", ">=", "=>2", ",", "\u00fc", "==2;==3"])
def test_versions_that_cannot_be_read_are_told_and_kept(make: Callable[..., Any], versions: str) -> None:
    answer = make("upload", versions=versions)
    assert answer.status_code == 400
    assert "Write versions as installers read them, such as &gt;=2,&lt;3." in answer.text
    assert re.search(r'name="versions" value="[^"]+"[^>]*aria-invalid="true"', answer.text)
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ("history:read", "read history"),
        ("members:read", "see members"),
        ("release:yank", "yank and un-yank"),
        ("members:invite", "invite members"),
    ],
)
def test_versions_do_not_go_with_what_asks_for_none(make: Callable[..., Any], box: str, words: str) -> None:
    answer = make("draft:upload", box, versions=">=2")
    assert answer.status_code == 400
    assert f"leave them out, or make another token to {words}." in answer.text
    assert not Token.objects.exists()


def test_nobody_makes_a_token_for_drafts_of_a_project_that_is_not_theirs(
    client: Client, make: Callable[..., Any], bob: User
) -> None:
    cast.ProjectFactory(name="foreign", owner=bob)
    for box in ("draft:read", "draft:upload", "draft:replace", "release:publish"):
        assert make(box, scope="project:foreign").status_code == 400
    assert not Token.objects.exists()
