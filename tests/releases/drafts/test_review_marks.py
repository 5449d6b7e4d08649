"""What the public reads of a release's review: numbers and rules of that time, and nothing about other files."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import User
from indexsite import clock
from releases.actions.drafts.publishing import finish_draft, publish_draft, submit_draft
from releases.actions.drafts.standing import FilenameConflict
from releases.actions.lifecycle.deleting import delete_file
from releases.models import (
    Draft,
    File,
    PolicyChange,
    PolicyChangeState,
    Project,
    Publishing,
    ReservedFilename,
    ReviewMark,
    Role,
    RoleKind,
)
from tests.support import cast, people
from tests.support.approvals import approve, in_review, old_key, release, reviewed_project
from tests.support.distributions import Distribution, make_sdist, make_wheel
from tests.support.drafts import by_token, gathered, in_browser
from tests.support.policy_changes import post_policy, worker_after
from tests.support.projects import people_url
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db

WHOLE = "Staged, approved by 2 people"
WHEEL, SDIST = "sampleproject-1.0-py3-none-any.whl", "sampleproject-1.0.tar.gz"


@pytest.fixture
def reviewed(alice: User, bob: User, erin: User) -> Project:
    """Two have to agree, and not whoever uploaded."""
    return reviewed_project(alice, bob, erin)


def page(path: str = "/project/sampleproject/") -> str:
    """What a visitor reads, without tags."""
    answer = Client().get(path)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def told(path: str = "/pypi/sampleproject/json") -> dict[str, Any]:
    review: dict[str, Any] = Client().get(path).json()["_indexsite"]["review"]
    return review


def agreed(by: User, *approvers: User, files: tuple[Distribution, ...] = ()) -> Draft:
    """A draft that was reviewed, agreed to and released."""
    draft = in_review(by, *files)
    for approver in approvers:
        approve(approver, draft)
    return release(by, draft)


def publish_now(by: User, *files: Distribution) -> Draft:
    """As a pipeline does that may publish."""
    actor = by_token(by)
    return finish_draft(actor=actor, draft=gathered(actor, *files), at=clock.now())


# -- whole releases ---------------------------------------------------------------------------------------------


def test_two_of_two_are_told_with_the_rules_and_without_names(
    alice: User, bob: User, erin: User, reviewed: Project
) -> None:
    agreed(alice, bob, erin, files=(make_wheel(), make_sdist()))

    for path in ("/project/sampleproject/", "/project/sampleproject/1.0/"):
        shown = page(path)
        assert shown.count(WHOLE) == 2  # beside the version, and in its own words below
        assert (
            "The rules then: review is required and uploads become drafts; 2 people have to agree; "
            "those who uploaded do not count; with a security key."
        ) in shown
        assert "bob" not in shown
        assert "erin" not in shown
        assert 'href="/help/#review"' in Client().get(path).text
    for path in ("/pypi/sampleproject/json", "/pypi/sampleproject/1.0/json"):
        (draft,) = told(path)["drafts"]
        assert (told(path)["files"], told(path)["staged"]) == (2, 2)
        assert sorted(draft["files"]) == [WHEEL, SDIST]
        assert draft["approvals"] == 2
        assert draft["policy"] == {
            "mode": "required-auto",
            "approvals": 2,
            "four_eyes": True,
            "approve_by_code": False,
            "version": 1,
        }
        assert "bob" not in str(told(path))


def test_more_may_agree_than_have_to(alice: User, bob: User, erin: User, reviewed: Project) -> None:
    Project.objects.update(approvals=1)
    agreed(alice, bob, erin)

    assert WHOLE in page()
    assert (told()["drafts"][0]["approvals"], told()["drafts"][0]["policy"]["approvals"]) == (2, 1)


def test_a_token_that_publishes_its_draft_is_no_review(alice: User) -> None:
    cast.ProjectFactory(name="sampleproject", owner=alice)
    publish_now(alice)

    shown = page()
    assert "Published from a draft , without approvals" in shown
    assert "The rules then: review is optional." in shown
    assert "approved by" not in shown
    assert told()["drafts"][0]["approvals"] == 0
    assert told()["drafts"][0]["policy"]["mode"] == "optional"


def test_a_draft_that_somebody_publishes_by_page_says_how_many_had_agreed(
    alice: User, bob: User, erin: User, reviewed: Project
) -> None:
    Project.objects.update(publishing=Publishing.OPTIONAL, approvals=0, four_eyes=False)
    draft = in_review(alice)
    publish_draft(actor=in_browser(alice), draft=draft, digest=draft.digest, at=clock.now())

    assert "Published from a draft" in page()
    assert told()["drafts"][0]["approvals"] == 0


def test_an_upload_has_nothing_to_say(alice: User) -> None:
    assert upload(make_wheel(), token_for(alice)).status_code == 200

    assert "Review" not in page()
    assert "draft" not in page()
    assert told() == {"files": 1, "staged": 0, "drafts": []}
    assert not ReviewMark.objects.exists()


# -- what comes later -------------------------------------------------------------------------------------------


def test_the_number_stays_when_an_approver_goes_and_the_rules_change(
    alice: User, bob: User, erin: User, reviewed: Project
) -> None:
    cast.grant(cast.person("frank"), reviewed, RoleKind.APPROVER)
    agreed(alice, bob, erin)
    before = told()
    # Else a second owner had to agree to what follows.
    Project.objects.update(four_eyes=False)

    people.browser(alice).post(people_url(reviewed, "member/erin/"), {"act": "remove"})
    removal = PolicyChange.objects.get()
    assert worker_after(timedelta(hours=73), removal) == PolicyChangeState.DONE
    assert not Role.objects.filter(user=erin).exists()
    assert post_policy(alice, reviewed, "required-explicit", 2, four_eyes=True).status_code == 302
    reviewed.refresh_from_db()
    assert (reviewed.publishing, reviewed.policy_version > 1) == (Publishing.EXPLICIT, True)

    assert told() == before
    assert WHOLE in page()
    assert "uploads become drafts" in page()


def test_a_file_that_is_uploaded_later_is_not_covered(
    alice: User, bob: User, erin: User, reviewed: Project
) -> None:
    agreed(alice, bob, erin)
    Project.objects.update(publishing=Publishing.OPTIONAL, approvals=0, four_eyes=False)
    assert upload(make_sdist(), token_for(alice)).status_code == 200

    shown = page()
    assert "Staged in part" in shown
    # Only where it says of how many files.
    assert shown.count(WHOLE) == shown.count(f"1 of 2 files: {WHOLE}") == 1
    assert "1 of 2 files was uploaded directly, and nothing above is about it." in shown
    assert shown.count("Uploaded directly, not part of a draft") == 1
    assert (told()["files"], told()["staged"]) == (2, 1)
    assert told()["drafts"][0]["files"] == [WHEEL]


def test_deleted_files_count_no_more(alice: User, bob: User, erin: User, reviewed: Project) -> None:
    agreed(alice, bob, erin)
    Project.objects.update(publishing=Publishing.OPTIONAL, approvals=0, four_eyes=False)
    upload(make_sdist(), token_for(alice))
    actor = in_browser(alice)

    delete_file(actor=actor, file=File.objects.get(filename=SDIST), at=clock.now())
    assert page().count(WHOLE) == 2
    assert (told()["files"], told()["staged"]) == (1, 1)

    upload(make_wheel(tag="py2-none-any"), token_for(alice))
    delete_file(actor=actor, file=File.objects.get(filename=WHEEL), at=clock.now())
    # The only file left came by itself.
    assert "approved by" not in page()
    assert told() == {"files": 1, "staged": 0, "drafts": []}


def test_two_drafts_of_one_release_speak_each_for_their_own_files(
    alice: User, bob: User, erin: User, reviewed: Project
) -> None:
    agreed(alice, bob, erin)
    Project.objects.update(approvals=1, policy_version=2)
    agreed(alice, bob, files=(make_sdist(),))

    shown = page()
    # Of the release as a whole no more than of its worst file.
    assert shown.count("Staged, approved by 1 person") == 2
    assert f"1 of 2 files: {WHOLE}" in shown
    assert "1 of 2 files: Staged, approved by 1 person" in shown
    assert [(draft["files"], draft["approvals"], draft["policy"]["version"]) for draft in told()["drafts"]] == [
        ([WHEEL], 2, 1),
        ([SDIST], 1, 2),
    ]


def test_each_release_has_its_own(alice: User, bob: User, erin: User, reviewed: Project) -> None:
    agreed(alice, bob, erin)
    Project.objects.update(publishing=Publishing.OPTIONAL, approvals=0, four_eyes=False)
    upload(make_wheel(version="2.0"), token_for(alice))

    assert "approved by" not in page()
    assert told() == {"files": 1, "staged": 0, "drafts": []}
    assert WHOLE in page("/project/sampleproject/1.0/")
    assert told("/pypi/sampleproject/1.0/json")["staged"] == 1


# -- the row ----------------------------------------------------------------------------------------------------


def test_what_is_not_published_has_no_mark(alice: User) -> None:
    cast.ProjectFactory(name="sampleproject", owner=alice)
    old_key(alice)
    first = submit_draft(actor=by_token(alice), draft=gathered(by_token(alice)), at=clock.now())
    ReservedFilename.objects.all().delete()
    assert upload(make_wheel(), token_for(alice)).status_code == 200

    with pytest.raises(FilenameConflict):
        publish_draft(actor=in_browser(alice), draft=first, digest=first.digest, at=clock.now())

    assert not ReviewMark.objects.exists()


def test_the_database_keeps_no_mark_that_the_rules_did_not_allow(
    alice: User, bob: User, erin: User, reviewed: Project
) -> None:
    agreed(alice, bob, erin)

    with pytest.raises(IntegrityError), transaction.atomic():
        ReviewMark.objects.update(approvals=1)
