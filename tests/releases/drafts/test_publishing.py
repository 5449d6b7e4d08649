"""From a draft to a release: all files in one transaction, or none; review freezes what will be published."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from indexsite import clock
from indexsite.errors import InvalidInput, PermissionRefused
from indexsite.models import AuditEvent
from releases.actions.drafts.ending import cancel_draft
from releases.actions.drafts.files import remove_file
from releases.actions.drafts.publishing import finish_draft, publish_draft, return_draft, submit_draft
from releases.actions.drafts.standing import DraftClosed, DraftEmpty, FilenameConflict, FilesNotReady
from releases.models import (
    Draft,
    DraftState,
    File,
    Project,
    ProjectStatus,
    Release,
    ReservedFilename,
    SimplePage,
    UsedFilename,
    digest_of,
)
from tests.support import cast
from tests.support.distributions import make_sdist, make_wheel
from tests.support.drafts import add, again, announce, begin, by_token, gathered, in_browser
from tests.support.letters import delivered, said
from tests.support.uploads import nothing_changes, token_for, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(alice: User, bob: User) -> Project:
    project = cast.ProjectFactory(name="sampleproject", owner=alice, maintainer=bob)
    upload(make_wheel(version="0.1"), token_for(alice, project))
    return Project.objects.get()


def trail() -> list[str]:
    return [event.name for event in AuditEvent.objects.order_by("pk")]


def listed() -> list[str]:
    page = SimplePage.objects.get(name="sampleproject")
    return sorted(file["filename"] for file in json.loads(bytes(page.json))["files"])


def publish(actor: object, draft: Draft) -> Draft:
    return finish_draft(actor=actor, draft=draft, at=clock.now())


def test_all_files_of_a_draft_become_a_release_at_once(alice: User, project: Project, mail_dir: Path) -> None:
    sdist, wheel = make_sdist(), make_wheel()
    actor = by_token(alice)
    draft = gathered(actor, sdist, wheel)
    assert listed() == ["sampleproject-0.1-py3-none-any.whl"]
    delivered(mail_dir)

    published = publish(actor, draft)

    assert (published.state, published.digest) == (DraftState.PUBLISHED, digest_of(published.files.all()))
    assert listed() == [
        "sampleproject-0.1-py3-none-any.whl", "sampleproject-1.0-py3-none-any.whl", "sampleproject-1.0.tar.gz",
    ]  # fmt: skip
    release = Release.objects.get(version="1.0")
    assert release.summary == "A sample project"
    assert {(file.filename, file.sha256) for file in release.files.all()} == {
        (sdist.filename, sdist.sha256), (wheel.filename, wheel.sha256),
    }  # fmt: skip
    assert {file.uploaded_by for file in release.files.all()} == {alice}
    assert UsedFilename.objects.count() == 3
    assert trail()[-4:] == ["release.created", "file.published", "file.published", "draft.published"]
    letters = [letter for letter in delivered(mail_dir) if "1.0 is published" in letter["Subject"]]
    assert sorted(letter["To"] for letter in letters) == ["alice@example.org", "bob@example.org"]
    file = release.files.get(package_type="sdist")
    assert b"".join(Client().get(f"/files/{file.path}").streaming_content) == sdist.content
    # Asked again, because the answer was lost: the same answer, and nothing happens twice.
    with nothing_changes(mail_dir.parent / "files"):
        assert publish(actor, draft).state == DraftState.PUBLISHED


def test_a_first_release_makes_its_project_public(alice: User, mail_dir: Path) -> None:
    actor = by_token(alice)
    draft = gathered(actor)

    publish(actor, draft)

    project = Project.objects.get()
    assert project.was_published
    assert Client().get("/project/sampleproject/").status_code == 200
    assert trail()[-4:] == ["project.created", "release.created", "file.published", "draft.published"]
    (letter,) = [letter for letter in delivered(mail_dir) if letter["To"] == "alice@example.org"][-1:]
    assert "sampleproject" in letter["Subject"]


def test_what_was_reserved_can_be_published_directly_and_stays(alice: User) -> None:
    draft = begin(by_token(alice), version="2.0")

    assert upload(make_wheel(), token_for(alice)).status_code == 200
    cancel_draft(actor=in_browser(alice), draft=draft, at=clock.now())

    assert Project.objects.get().was_published
    assert Counter(trail())["project.created"] == 1
    assert "project.reservation-ended" not in trail()


def test_nothing_is_published_while_a_file_is_not_ready(alice: User, project: Project, files_dir: Path) -> None:
    actor = by_token(alice)
    draft = gathered(actor, make_sdist())
    file = announce(actor, draft, make_wheel())

    with nothing_changes(files_dir), pytest.raises(FilesNotReady, match=r"whl' \(pending\)"):
        publish(actor, draft)
    remove_file(actor=actor, file=file)
    assert publish(actor, draft).state == DraftState.PUBLISHED


def test_an_empty_draft_is_not_published(alice: User, project: Project) -> None:
    draft = begin(by_token(alice))

    with pytest.raises(DraftEmpty):
        publish(by_token(alice), draft)

    assert again(draft).state == DraftState.OPEN


def test_a_conflict_with_what_was_published_meanwhile_publishes_nothing(
    alice: User, project: Project, files_dir: Path
) -> None:
    actor, wheel = by_token(alice), make_wheel(files={"sampleproject/__init__.py": b"other = 1\n"})
    draft = gathered(actor, make_sdist(), make_wheel())
    assert upload(wheel, token_for(alice)).status_code == 200

    with nothing_changes(files_dir), pytest.raises(FilenameConflict) as refused:
        publish(actor, draft)

    assert refused.value.filenames == [wheel.filename]
    assert not File.objects.filter(package_type="sdist").exists()


def test_a_token_that_may_not_publish_hands_in_and_a_person_publishes(
    alice: User, bob: User, erin: User, project: Project, mail_dir: Path
) -> None:
    cast.grant(erin, project, "approver")
    actor = by_token(bob, permissions=["draft:create", "draft:upload", "draft:submit"])
    draft = gathered(actor, make_wheel())
    delivered(mail_dir)

    handed_in = publish(actor, draft)

    assert (handed_in.state, handed_in.wire_state) == (DraftState.REVIEW, "processing")
    assert handed_in.digest == digest_of(draft.files.all())
    assert [row.filename for row in ReservedFilename.objects.all()] == ["sampleproject-1.0-py3-none-any.whl"]
    letters = [letter for letter in delivered(mail_dir) if "waits for you" in letter["Subject"]]
    assert sorted(letter["To"] for letter in letters) == [
        "alice@example.org",
        "bob@example.org",
        "erin@example.org",
    ]
    assert f"/manage/draft/{draft.public_id}/" in said(letters[0])
    assert handed_in.files.get().sha256 in said(letters[0])
    # Frozen: nobody adds, removes or cancels.
    for attempt in (
        lambda: add(by_token(alice), handed_in, make_sdist()),
        lambda: remove_file(actor=by_token(alice), file=draft.files.get()),
        lambda: cancel_draft(actor=in_browser(alice), draft=handed_in, at=clock.now()),
    ):
        with pytest.raises(DraftClosed, match="being reviewed"):
            attempt()
    # And nobody publishes that name past it.
    refusal = upload(make_wheel(), token_for(alice))
    assert (refusal.status_code, refusal.json()["code"]) == (409, "name-reserved")
    with pytest.raises(PermissionRefused):
        publish_draft(actor=actor, draft=handed_in, digest=handed_in.digest, at=clock.now())
    with pytest.raises(DraftClosed, match="not what you looked at"):
        publish_draft(actor=in_browser(alice), draft=handed_in, digest="0" * 64, at=clock.now())

    published = publish_draft(actor=in_browser(alice), draft=handed_in, digest=handed_in.digest, at=clock.now())

    assert published.state == DraftState.PUBLISHED
    assert "sampleproject-1.0-py3-none-any.whl" in listed()
    assert not ReservedFilename.objects.exists()
    event = AuditEvent.objects.get(name="draft.published")
    assert (event.actor, event.data["digest"]) == (alice, handed_in.digest)


def test_without_a_fresh_proof_a_person_publishes_nothing(alice: User, project: Project) -> None:
    draft = submit_draft(actor=by_token(alice), draft=gathered(by_token(alice)), at=clock.now())

    with pytest.raises(PermissionRefused) as refused:
        publish_draft(actor=cast.actor(alice, fresh=False), draft=draft, digest=draft.digest, at=clock.now())

    assert refused.value.code == "step-up-needed"
    assert again(draft).state == DraftState.REVIEW


def test_a_returned_draft_says_why_and_can_change(
    alice: User, bob: User, project: Project, mail_dir: Path
) -> None:
    draft = submit_draft(actor=by_token(bob), draft=gathered(by_token(bob)), at=clock.now())
    delivered(mail_dir)
    with pytest.raises(InvalidInput, match="reason"):
        return_draft(actor=in_browser(alice), draft=draft, reason=" ", at=clock.now())
    with pytest.raises(PermissionRefused):
        return_draft(actor=by_token(alice), draft=draft, reason="no", at=clock.now())

    returned = return_draft(
        actor=in_browser(alice), draft=draft, reason="The changelog is missing", at=clock.now()
    )

    assert (returned.wire_state, returned.notice, returned.digest) == ("error", "The changelog is missing", "")
    assert not ReservedFilename.objects.exists()
    (letter,) = [letter for letter in delivered(mail_dir) if "was returned" in letter["Subject"]]
    assert letter["To"] == "bob@example.org"
    assert "The changelog is missing" in said(letter)
    add(by_token(bob), returned, make_sdist())
    assert submit_draft(actor=by_token(bob), draft=returned, at=clock.now()).digest != draft.digest


@pytest.mark.parametrize("status", [ProjectStatus.ARCHIVED, ProjectStatus.QUARANTINED])
def test_a_project_that_is_closed_meanwhile_gets_nothing(alice: User, project: Project, status: str) -> None:
    draft = submit_draft(actor=by_token(alice), draft=gathered(by_token(alice)), at=clock.now())
    Project.objects.update(status=status)

    with pytest.raises(PermissionRefused) as refused:
        publish_draft(actor=in_browser(alice), draft=draft, digest=draft.digest, at=clock.now())

    assert refused.value.code == "project-closed"
    assert again(draft).state == DraftState.REVIEW


def test_publishing_many_files_asks_little_for_each(
    alice: User, project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    actor = by_token(alice)
    draft = gathered(actor, *(make_wheel(tag=f"cp3{minor}-none-any") for minor in range(10, 20)))

    # Per file: the used name, the file, its event.
    with django_assert_max_num_queries(60 + 3 * 10):
        publish(actor, draft)

    assert len(listed()) == 11
