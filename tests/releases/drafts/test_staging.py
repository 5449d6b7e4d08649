"""Uploads of today's clients that land in a draft: by address, by form, and by token."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from indexsite.actors import Permission
from releases.actions.drafts.standing import review_address
from releases.models import Draft, DraftFile, DraftState, File, Project, RoleKind
from tests.support import cast
from tests.support.distributions import make_sdist, make_wheel
from tests.support.tokens import basic
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db

DRAFT = "/draft/legacy/"
ADDING = [Permission.DRAFT_CREATE, Permission.DRAFT_UPLOAD, Permission.DRAFT_READ]
MEDIA_TYPE = "application/vnd.pypi.upload.v2+json"


@pytest.fixture
def project(alice: User, bob: User) -> Project:
    return cast.ProjectFactory(name="sampleproject", owner=alice, maintainer=bob, last_serial=1)


def test_the_first_file_begins_a_draft_and_the_others_join_it(alice: User, bob: User, project: Project) -> None:
    first = upload(make_wheel(), token_for(alice), path=DRAFT)
    second = upload(make_sdist(), token_for(bob), path="/draft/legacy")

    draft = Draft.objects.get()
    for answer in (first, second):
        assert answer.status_code == 200
        assert answer["Location"] == review_address(draft)
        assert review_address(draft) in answer.content.decode()
    assert {file.filename: file.created_by for file in draft.files.all()} == {
        make_wheel().filename: alice,
        make_sdist().filename: bob,
    }
    assert not File.objects.exists()


def test_a_form_or_a_token_stages_at_the_address_that_publishes(alice: User, project: Project) -> None:
    by_form = upload(make_wheel(), token_for(alice), staged="true")
    by_token = upload(make_sdist(), token_for(alice, permissions=ADDING))

    assert (by_form.status_code, by_token.status_code) == (200, 200)
    assert DraftFile.objects.count() == 2
    assert not File.objects.exists()


def test_programs_get_the_session(alice: User, project: Project) -> None:
    wheel = make_wheel()
    data = {**wheel.fields(), "content": SimpleUploadedFile(wheel.filename, wheel.content)}
    headers = {"Authorization": basic(token_for(alice)), "Accept": MEDIA_TYPE}

    answer = Client().post(DRAFT, data, headers=headers)

    assert answer["Content-Type"] == MEDIA_TYPE
    assert answer.json()["files"][wheel.filename]["status"] == "completed"


def test_the_same_file_again_changes_nothing(alice: User, project: Project, files_dir: Path) -> None:
    secret = token_for(alice, permissions=ADDING)
    upload(make_wheel(), secret, path=DRAFT)

    again = upload(make_wheel(), secret, path=DRAFT)

    assert again.status_code == 200
    assert again.content.startswith(b"Already staged")
    assert DraftFile.objects.count() == 1


def test_other_bytes_of_a_name_need_the_right_to_replace(alice: User, project: Project) -> None:
    other = make_wheel(files={"sampleproject/__init__.py": b"# other\n"})
    upload(make_wheel(), token_for(alice), path=DRAFT)

    refused = upload(other, token_for(alice, permissions=ADDING), path=DRAFT)
    assert (refused.status_code, refused.json()["code"]) == (403, "file-in-draft")
    assert upload(other, token_for(alice), path=DRAFT).status_code == 200
    assert list(DraftFile.objects.order_by("pk").values_list("state", "sha256")) == [
        ("canceled", make_wheel().sha256),
        ("completed", other.sha256),
    ]


def test_what_is_being_reviewed_is_refused_with_403(alice: User, project: Project, files_dir: Path) -> None:
    """A 409 would look like success to `twine --skip-existing`."""
    secret = token_for(alice)
    upload(make_wheel(), secret, path=DRAFT)
    Draft.objects.update(state=DraftState.REVIEW)

    assert upload(make_wheel(), secret, path=DRAFT).status_code == 200
    refused = upload(make_sdist(), secret, path=DRAFT)

    assert (refused.status_code, refused.json()["code"]) == (403, "draft-closed")
    assert "/manage/draft/" in refused.reason_phrase
    assert DraftFile.objects.count() == 1


def test_a_published_file_is_answered_as_it_would_be_elsewhere(alice: User, project: Project) -> None:
    secret = token_for(alice)
    upload(make_wheel(), secret)

    assert upload(make_wheel(), secret, path=DRAFT).status_code == 200
    other = make_wheel(files={"sampleproject/__init__.py": b"# other\n"})
    refused = upload(other, secret, path=DRAFT)
    assert refused.status_code == 400
    assert "File already exists" in refused.reason_phrase
    assert not Draft.objects.exists()


@pytest.mark.parametrize("path", [DRAFT, "/legacy/"])
def test_strangers_and_approvers_stage_nothing(
    mallory: User, erin: User, project: Project, files_dir: Path, path: str
) -> None:
    cast.grant(erin, project, RoleKind.APPROVER)
    for user in (mallory, erin):
        assert upload(make_wheel(), token_for(user), path=path, staged="true").status_code == 403

    assert not Draft.objects.exists()


def test_a_second_source_distribution_and_bad_files_are_refused(alice: User, project: Project) -> None:
    secret = token_for(alice)
    assert upload(make_wheel(), secret, path=DRAFT, sha256_digest="0" * 64).status_code == 400
    assert not Draft.objects.exists()


def test_a_new_name_is_reserved_by_its_first_staged_file(alice: User, mallory: User) -> None:
    assert upload(make_wheel("fresh"), token_for(alice), path=DRAFT).status_code == 200

    assert Draft.objects.get().reserves_name
    assert upload(make_wheel("fresh"), token_for(mallory), path=DRAFT).status_code in {400, 403}
    assert Client().get("/simple/fresh/").status_code == 404
