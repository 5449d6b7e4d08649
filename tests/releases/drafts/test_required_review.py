"""Where review is required nothing is published around it: by no client, no address, no fallback."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from accounts.models import User
from indexsite import clock
from indexsite.errors import PermissionRefused
from releases.actions.drafts.publishing import finish_draft
from releases.models import Draft, DraftState, File, Project, Publishing
from tests.support import cast
from tests.support.approvals import reviewed_project
from tests.support.distributions import make_sdist, make_wheel
from tests.support.drafts import again, by_token, gathered
from tests.support.lifecycle import delete, purge
from tests.support.people import browser
from tests.support.tokens import basic
from tests.support.uploads import state, token_for, upload

pytestmark = pytest.mark.django_db
MEDIA_TYPE = "application/vnd.pypi.upload.v2+json"


@pytest.fixture
def project(alice: User, bob: User, erin: User) -> Project:
    project = reviewed_project(alice, bob, erin)
    Project.objects.update(publishing=Publishing.OPTIONAL, approvals=0)
    assert upload(make_wheel(version="0.1"), token_for(alice)).status_code == 200
    return project


def require_review(mode: Publishing) -> None:
    Project.objects.update(publishing=mode, approvals=2)


@pytest.mark.parametrize("path", ["/legacy/", "/legacy"])
def test_an_upload_becomes_a_draft_where_the_rules_say_so(alice: User, project: Project, path: str) -> None:
    require_review(Publishing.AUTO)
    answers = [upload(file, token_for(alice), path=path) for file in (make_wheel(), make_sdist(), make_wheel())]

    draft = Draft.objects.get()
    for answer in answers:
        assert (answer.status_code, answer["Location"]) == (
            200,
            f"http://testserver/manage/draft/{draft.public_id}/",
        )
        assert "Nothing is published yet" in answer.content.decode()
    assert draft.files.count() == 2
    assert not File.objects.filter(release__version="1.0").exists()


def test_an_upload_is_refused_with_the_way_to_drafts_where_the_rules_say_so(
    alice: User, project: Project, files_dir: Path
) -> None:
    require_review(Publishing.EXPLICIT)
    before = state(files_dir)
    answer = upload(make_wheel(), token_for(alice))

    # Never 409: some clients take that for "is there already" and go on as if it had worked.
    assert answer.status_code == 403
    assert answer.json()["code"] == "draft-required"
    for said in (answer.reason_phrase, answer.json()["detail"]):
        assert "http://testserver/draft/legacy/" in said
    assert f'id="{answer.json()["code"]}"' in Client().get("/help/problems/").text
    assert state(files_dir) == before
    # The ways that it names.
    assert upload(make_wheel(), token_for(alice), path="/draft/legacy/").status_code == 200
    assert upload(make_sdist(), token_for(alice), staged="true").status_code == 200
    assert Draft.objects.get().files.count() == 2


@pytest.mark.parametrize("mode", [Publishing.AUTO, Publishing.EXPLICIT])
def test_no_token_publishes_through_the_protocol_of_drafts(
    alice: User, project: Project, mode: Publishing
) -> None:
    require_review(mode)
    draft = gathered(by_token(alice))
    headers = {"Authorization": basic(token_for(alice)), "Accept": MEDIA_TYPE}
    answer = Client().post(
        f"/upload/2.0/session/{draft.public_id}/publish/",
        '{"meta": {"api-version": "2.0"}}',
        content_type=MEDIA_TYPE,
        headers=headers,
    )

    assert answer.status_code == 202
    ours = answer.json()["meta"]["_indexsite"]
    assert (answer.json()["status"], ours["approvals"], ours["publishing"]) == (
        "processing",
        {"given": 0, "needed": 2},
        mode.value,
    )
    assert ours["review"] == f"http://testserver/manage/draft/{draft.public_id}/"
    assert not File.objects.filter(release__version="1.0").exists()


@pytest.mark.parametrize("mode", [Publishing.AUTO, Publishing.EXPLICIT])
def test_a_token_made_to_publish_drafts_is_worth_nothing(alice: User, project: Project, mode: Publishing) -> None:
    draft = gathered(by_token(alice))
    alone = by_token(alice, permissions=["release:publish"])
    require_review(mode)

    with pytest.raises(PermissionRefused):
        finish_draft(actor=alone, draft=draft, at=clock.now())
    assert again(draft).state == DraftState.OPEN


@pytest.mark.parametrize("mode", [Publishing.AUTO, Publishing.EXPLICIT])
def test_deleting_the_project_is_no_way_around(alice: User, project: Project, mode: Publishing) -> None:
    """Its owner may begin a deleted name anew, under the rules that it had."""
    require_review(mode)
    delete(browser(alice), "project")
    purge()

    answer = upload(make_wheel(version="3.0"), token_for(alice))

    staged = mode == Publishing.AUTO
    assert answer.status_code == (200 if staged else 403)
    assert Draft.objects.count() == staged
    assert staged or answer.json()["code"] == "draft-required"
    assert not File.objects.filter(release__version="3.0").exists()


def test_deleted_and_begun_anew_without_such_rules_publishes(alice: User, project: Project) -> None:
    delete(browser(alice), "project")
    purge()
    assert upload(make_wheel(version="3.0"), token_for(alice)).status_code == 200
    assert File.objects.filter(release__version="3.0").exists()


@pytest.mark.parametrize("mode", [Publishing.AUTO, Publishing.EXPLICIT])
@pytest.mark.parametrize("query", ["", "?version=1.0"])
def test_a_token_for_uploads_is_of_use_for_drafts(
    alice: User, project: Project, mode: Publishing, query: str
) -> None:
    require_review(mode)
    answer = Client().get(f"/api/v1/token/{query}", headers={"Authorization": basic(token_for(alice, project))})
    assert answer.json()["projects"][0]["may_upload"] is True


def test_strangers_hear_what_they_hear_of_every_project(alice: User, mallory: User, project: Project) -> None:
    require_review(Publishing.AUTO)
    cast.ProjectFactory(name="other", owner=alice, last_serial=1)
    known = upload(make_wheel(), token_for(mallory))
    other = upload(make_wheel("other"), token_for(mallory))
    assert (known.status_code, other.status_code) == (403, 403)
    assert known.json()["code"] == other.json()["code"] == "no-role"


def test_the_page_that_publishes_without_a_key_is_closed(alice: User, project: Project) -> None:
    draft = gathered(by_token(alice))
    require_review(Publishing.AUTO)
    finish_draft(actor=by_token(alice), draft=draft, at=clock.now())

    page = browser(alice).get(f"/manage/draft/{draft.public_id}/publish/")
    assert page.status_code == 403
    assert "publishes after review only" in page.text
    sent = browser(alice).post(f"/manage/draft/{draft.public_id}/publish/", {"digest": again(draft).digest})
    assert (sent.status_code, again(draft).state) == (403, DraftState.REVIEW)
