"""The pages of drafts: who sees them, what they offer, and that a button does one thing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import User
from indexsite import clock
from releases.actions.drafts.ending import cancel_draft
from releases.actions.drafts.publishing import submit_draft
from releases.models import Draft, DraftState, File, Project
from tests.support import cast
from tests.support.distributions import make_sdist, make_wheel
from tests.support.drafts import again, announce, begin, by_token, gathered, in_browser
from tests.support.people import browser
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(alice: User, bob: User, erin: User) -> Project:
    project = cast.ProjectFactory(name="sampleproject", owner=alice, maintainer=bob)
    cast.grant(erin, project, "approver")
    upload(make_wheel(version="0.1"), token_for(alice, project))
    return Project.objects.get()


def offered(client: Client, draft: Draft) -> set[str]:
    """Which acts the page leads to."""
    text = client.get(f"/manage/draft/{draft.public_id}/").text
    return set(re.findall(rf'/manage/draft/{draft.public_id}/([a-z-]+)/"', text))


def test_members_see_drafts_and_strangers_hear_that_there_is_none(
    alice: User, erin: User, mallory: User, project: Project
) -> None:
    draft = gathered(by_token(alice), make_sdist())
    list_of, page = "/manage/project/sampleproject/drafts/", f"/manage/draft/{draft.public_id}/"

    for member in (alice, erin):
        client = browser(member)
        assert page in client.get(list_of).text
        shown = client.get(page)
        assert (shown.status_code, shown["Cache-Control"]) == (
            200,
            "max-age=0, no-cache, no-store, must-revalidate, private",
        )
        assert draft.files.get().sha256 in shown.text
        assert draft.files.get().blake2_256 in shown.text
        assert "token &quot;token" in shown.text
    assert browser(mallory).get(page).status_code == browser(mallory).get(list_of).status_code == 404
    assert Client().get(page)["Location"].startswith("/account/login/")
    acts = ("hand-in", "return", "publish", "cancel", "preview")
    assert {browser(mallory).post(f"{page}{act}/").status_code for act in acts} == {404}


def test_the_page_offers_what_the_person_may_do_now(alice: User, bob: User, erin: User, project: Project) -> None:
    draft = begin(by_token(bob))
    assert offered(browser(alice), draft) == {"cancel", "preview"}
    file = announce(by_token(bob), draft, make_wheel())
    assert "announced" in browser(alice).get(f"/manage/draft/{draft.public_id}/").text
    file.delete()
    cancel_draft(actor=in_browser(alice), draft=draft, at=clock.now())
    assert offered(browser(alice), draft) == set()

    full = gathered(by_token(bob))
    assert offered(browser(alice), full) == {"cancel", "hand-in", "preview"}
    assert offered(browser(erin), full) == set()
    submit_draft(actor=by_token(bob), draft=full, at=clock.now())
    assert offered(browser(alice), full) == {"publish", "return", "preview"}
    assert offered(browser(erin), full) == {"return"}


def test_from_handing_in_to_publishing_by_buttons(alice: User, project: Project, mail_dir: Path) -> None:
    draft = gathered(by_token(alice), make_wheel(), make_sdist())
    client, page = browser(alice), f"/manage/draft/{draft.public_id}/"

    assert "Nothing in it can change" in client.get(f"{page}hand-in/").text
    assert again(draft).state == DraftState.OPEN
    assert client.post(f"{page}hand-in/")["Location"] == page
    handed_in = again(draft)
    form = client.get(f"{page}publish/").text
    assert f'value="{handed_in.digest}"' in form
    assert not File.objects.filter(release__version="1.0").exists()

    refused = client.post(f"{page}publish/", {"digest": "0" * 64})
    assert refused.status_code == 409
    assert "not what you looked at" in refused.text
    assert client.post(f"{page}publish/", {"digest": handed_in.digest})["Location"] == page

    assert again(draft).state == DraftState.PUBLISHED
    assert File.objects.filter(release__version="1.0").count() == 2
    assert "It was published on" in client.get(page).text
    assert offered(client, draft) == set()


def test_publishing_asks_for_a_fresh_proof_and_keeps_the_form(alice: User, project: Project) -> None:
    draft = submit_draft(actor=by_token(alice), draft=gathered(by_token(alice)), at=clock.now())
    client = browser(alice)
    session = client.session
    for name in ("reauthenticated_at", "factor_at"):
        session.pop(name, None)
    past = clock.now().timestamp() - 86_400
    session["account_authentication_methods"] = [
        {**method, "at": past} for method in session.get("account_authentication_methods", [])
    ]
    session.save()

    answer = client.post(f"/manage/draft/{draft.public_id}/publish/", {"digest": draft.digest})

    assert answer["Location"].startswith("/account/second-factor/")
    assert again(draft).state == DraftState.REVIEW


def test_returned_with_a_reason_and_canceled_with_the_name(alice: User) -> None:
    draft = submit_draft(actor=by_token(alice), draft=gathered(by_token(alice)), at=clock.now())
    client, page = browser(alice), f"/manage/draft/{draft.public_id}/"

    assert client.post(f"{page}return/", {"reason": ""}).status_code == 400
    assert client.post(f"{page}return/", {"reason": "Not <yet>"})["Location"] == page
    assert "Not &lt;yet&gt;" in client.get(page).text
    old = again(draft).token
    assert client.post(f"{page}preview/")["Location"] == page
    assert again(draft).token != old
    assert "is free for others again" in client.get(f"{page}cancel/").text
    assert client.post(f"{page}cancel/", {"reason": ""})["Location"] == page

    assert not Project.with_deleted.exists()
    assert "no longer reserved" in client.get(page).text
    assert client.get(f"{page}publish/").status_code == 409
