"""Deleting a file, a release, a project; restoring it; and what is left when the time is over."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from indexsite import clock, storage
from indexsite.models import AuditEvent
from releases import sweeping
from releases.actions.lifecycle import purging
from releases.models import Deletion, File, Project, Release, RoleKind, SimplePage, UsedFilename
from tests.support import cast
from tests.support.lifecycle import (
    AFTER,
    DELETE,
    MANAGE,
    SDIST,
    WHEEL,
    delete,
    purge,
    sampleproject,
    serial,
    simple_json,
    undo,
    yanked,
)
from tests.support.people import browser, letters_to, signed_in_as
from tests.support.uploads import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(alice: User, bob: User) -> Project:
    return sampleproject(alice, bob, versions=("1.0", "2.0"))


def rows() -> dict[str, list[object]]:
    """All that a deletion may hide, without the serial, which only grows."""
    return {
        "projects": list(Project.objects.values("pk", "name", "status", "deletion")),
        "releases": list(Release.objects.order_by("pk").values()),
        "files": list(File.objects.order_by("pk").values()),
        "pages": list(SimplePage.objects.order_by("name").values_list("name", flat=True)),
    }


# -- what is gone at once -----------------------------------------------------------------------------------


def test_a_deleted_file_is_gone_and_its_release_stays(alice: User, project: Project, client: Client) -> None:
    url = next(file["url"] for file in simple_json()["files"] if file["filename"] == WHEEL)
    before = serial()

    delete(browser(alice), "file")

    assert WHEEL not in yanked()
    assert SDIST in yanked()
    assert serial() > before
    assert client.get(url).status_code == client.get(f"{url}.metadata").status_code == 404
    assert WHEEL not in client.get("/project/sampleproject/1.0/").text
    assert WHEEL not in client.get("/pypi/sampleproject/json").text
    assert WHEEL not in browser(alice).get(f"{MANAGE}/releases/1.0/").text


def test_a_deleted_release_is_gone_with_its_files(alice: User, project: Project, client: Client) -> None:
    delete(browser(alice), "release")

    assert simple_json()["versions"] == ["2.0"]
    assert client.get("/project/sampleproject/1.0/").status_code == 404
    assert client.get("/pypi/sampleproject/1.0/json").status_code == 404
    assert list(client.get("/pypi/sampleproject/json").json()["releases"]) == ["2.0"]
    assert ">1.0<" not in client.get("/project/sampleproject/").text
    assert "sampleproject 1.0" not in client.get("/rss/project/sampleproject/releases.xml").text


def test_a_deleted_project_is_gone(alice: User, project: Project, client: Client) -> None:
    url = simple_json()["files"][0]["url"]

    delete(browser(alice), "project")

    for path in (
        "/simple/sampleproject/",
        "/project/sampleproject/",
        "/project/sampleproject/1.0/",
        "/pypi/sampleproject/json",
        "/rss/project/sampleproject/releases.xml",
        "/user/alice/",
        url,
    ):
        assert client.get(path).status_code == 404, path
    assert simple_json("/simple/")["projects"] == []
    for path in ("/", "/search/?q=sampleproject", "/rss/updates.xml", "/rss/packages.xml"):
        assert "/project/sampleproject" not in client.get(path).text, path
    assert browser(alice).get(f"{MANAGE}/").status_code == 404


def test_the_last_release_leaves_a_name_without_anything(alice: User, client: Client) -> None:
    sampleproject(alice)

    delete(browser(alice), "release")

    page = client.get("/project/sampleproject/")
    assert page.status_code == 200
    assert "There is nothing to install here" in page.text
    # Installers with a second index must not go on to look there: the name is taken.
    assert simple_json()["files"] == simple_json()["versions"] == []
    assert [entry["name"] for entry in simple_json("/simple/")["projects"]] == ["sampleproject"]
    assert client.get("/pypi/sampleproject/json").status_code == 404
    assert "sampleproject" not in client.get("/search/?q=sample").text.replace('value="sample"', "")
    assert "<item>" not in client.get("/rss/project/sampleproject/releases.xml").text


def test_the_last_file_takes_its_release_from_sight(alice: User, project: Project, client: Client) -> None:
    alice_browser = browser(alice)
    delete(alice_browser, "file")
    alice_browser.post(f"{MANAGE}/files/{SDIST}/delete/", {"typed": SDIST})

    assert simple_json()["versions"] == ["2.0"]
    assert client.get("/project/sampleproject/1.0/").status_code == 404
    assert client.get("/pypi/sampleproject/1.0/json").status_code == 404
    assert "This release has no files" in alice_browser.get(f"{MANAGE}/releases/1.0/").text


# -- asking first -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DELETE)
def test_the_page_shows_what_breaks_what_stays_locked_and_how_long_there_is(
    alice: User, project: Project, kind: str
) -> None:
    path, name = DELETE[kind]

    text = browser(alice).get(path).text

    for words in ("What breaks", "Stays locked", "Can be restored until", f"Type {name} to confirm"):
        assert words in text
    assert not Deletion.objects.exists()


@pytest.mark.parametrize("kind", DELETE)
@pytest.mark.parametrize("typed", ["", "something else", "SAMPLEPROJECT"])
def test_nothing_is_deleted_by_a_slip(
    alice: User, project: Project, files_dir: Path, kind: str, typed: str
) -> None:
    alice_browser = browser(alice)
    with nothing_changes(files_dir):
        assert alice_browser.post(DELETE[kind][0], {"typed": typed}).status_code == 400


@pytest.mark.parametrize("kind", DELETE)
def test_nobody_else_deletes(
    bob: User, dave: User, mallory: User, project: Project, files_dir: Path, kind: str
) -> None:
    approver = cast.person("frank")
    cast.grant(approver, project, RoleKind.APPROVER)
    cast.grant(dave, project)
    path, name = DELETE[kind]
    expected = {None: 302, mallory: 404, bob: 403, approver: 403, dave: 302}
    for person, status in expected.items():
        client = browser(person)
        with nothing_changes(files_dir):
            assert client.get(path).status_code == status
            assert client.post(path, {"typed": name}).status_code == status, person


@pytest.mark.parametrize("kind", DELETE)
def test_a_proof_of_presence_is_asked_for(alice: User, project: Project, kind: str, time_machine: object) -> None:
    alice_browser = browser(alice)
    time_machine.move_to(timezone.now() + timedelta(minutes=31))  # type: ignore[attr-defined]

    response = alice_browser.post(DELETE[kind][0], {"typed": DELETE[kind][1]})

    assert response["Location"].startswith("/account/second-factor/?next=")
    assert not Deletion.objects.exists()


@pytest.mark.parametrize("kind", DELETE)
def test_owners_and_maintainers_are_told_and_the_trail_knows(
    alice: User, bob: User, project: Project, kind: str
) -> None:
    alice_browser = browser(alice)
    deletion = delete(alice_browser, kind)
    undo(alice_browser, deletion)

    for member in (alice, bob):
        found = [letter for letter in letters_to(member.email) if "was " in letter.subject]
        assert [letter.subject.rpartition(" was ")[2] for letter in found] == ["deleted", "restored"]
        assert "Deleted by: alice" in found[0].body
        assert "restore it until" in found[0].body
    names = AuditEvent.objects.filter(name__startswith="deletion.").order_by("pk").values_list("name", flat=True)
    assert list(names) == ["deletion.begun", "deletion.undone"]


# -- restoring ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DELETE)
def test_restoring_brings_everything_back_as_it_was(
    alice: User, project: Project, kind: str, client: Client
) -> None:
    alice_browser = browser(alice)
    alice_browser.post(f"{MANAGE}/releases/1.0/yank/", {"reason": "Broken"})
    url = next(file["url"] for file in simple_json()["files"] if file["filename"] == WHEEL)
    page, before, last = client.get("/project/sampleproject/1.0/").text, rows(), serial()
    deletion = delete(alice_browser, kind)
    assert rows() != before

    assert undo(alice_browser, deletion) == 302

    assert rows() == before
    assert serial() > last
    assert client.get(url).status_code == 200
    assert client.get("/project/sampleproject/1.0/").text.count("Broken") == page.count("Broken")


def test_restoring_a_project_leaves_deleted_what_was_deleted_before(alice: User, project: Project) -> None:
    alice_browser = browser(alice)
    first = delete(alice_browser, "file")
    whole = delete(alice_browser, "project")

    undo(alice_browser, whole)

    assert WHEEL not in yanked()
    assert undo(alice_browser, first) == 302
    assert WHEEL in yanked()


def test_parts_of_what_was_deleted_later_do_not_come_back_alone(alice: User, project: Project) -> None:
    alice_browser = browser(alice)
    file = delete(alice_browser, "file")
    release = delete(alice_browser, "release")
    assert undo(alice_browser, file) == 409
    whole = delete(alice_browser, "project")
    assert undo(alice_browser, release) == 409
    assert [undo(alice_browser, each) for each in (whole, release, file)] == [302] * 3
    assert File.objects.count() == 4


@pytest.mark.parametrize("kind", DELETE)
def test_the_way_back_is_on_the_pages_of_owners(alice: User, bob: User, project: Project, kind: str) -> None:
    page = "/manage/projects/" if kind == "project" else f"{MANAGE}/releases/"
    deletion = delete(browser(alice), kind)

    assert f"/manage/deletion/{deletion.pk}/undo/" in browser(alice).get(page).text
    assert f"/manage/deletion/{deletion.pk}/undo/" not in browser(bob).get(page).text
    assert "Restore it" in browser(alice).get(f"/manage/deletion/{deletion.pk}/undo/").text


@pytest.mark.parametrize("kind", DELETE)
def test_nobody_else_restores(alice: User, bob: User, mallory: User, project: Project, kind: str) -> None:
    deletion = delete(browser(alice), kind)
    expected = {None: 302, mallory: 404, bob: 403}
    for person, status in expected.items():
        client = browser(person)
        assert client.get(f"/manage/deletion/{deletion.pk}/undo/").status_code == status
        assert undo(client, deletion) == status
    assert browser(mallory).get("/manage/deletion/999999/undo/").status_code == 404
    deletion.refresh_from_db()
    assert deletion.undone_at is None


def test_a_password_alone_restores_nothing(alice: User) -> None:
    sampleproject(alice)
    deletion = delete(browser(alice), "project")
    cast.lose_factors(alice)
    thief = browser(alice)
    assert signed_in_as(thief) == "alice"

    assert undo(thief, deletion) == 302

    deletion.refresh_from_db()
    assert deletion.undone_at is None


def test_after_a_day_it_is_too_late_even_before_the_worker_comes(
    alice: User, project: Project, time_machine: object
) -> None:
    deletion = delete(browser(alice), "release")
    time_machine.move_to(timezone.now() + AFTER)  # type: ignore[attr-defined]
    alice_browser = browser(alice)

    assert undo(alice_browser, deletion) == 409

    assert "Deleted lately" not in alice_browser.get(f"{MANAGE}/releases/").text
    assert simple_json()["versions"] == ["2.0"]


# -- the end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "files"), [("file", 3), ("release", 2), ("project", 0)])
def test_the_worker_ends_it(alice: User, project: Project, kind: str, files: int) -> None:
    deletion = delete(browser(alice), kind)
    assert purging.purge_deleted(at=clock.now() + timedelta(hours=23)) == 0
    assert File.with_deleted.count() == 4

    assert (purge(), purge()) == (1, 0)

    assert File.with_deleted.count() == files
    assert Project.with_deleted.count() == 1
    assert UsedFilename.objects.count() == 4
    assert undo(browser(alice), deletion) == 409
    assert AuditEvent.objects.filter(name="deletion.final").count() == 1


def test_several_deletions_in_one_another_end_together(alice: User, project: Project) -> None:
    alice_browser = browser(alice)
    for kind in ("file", "release", "project"):
        delete(alice_browser, kind)

    assert purge() == 3

    assert not File.with_deleted.exists()
    assert not Release.with_deleted.exists()


def test_what_was_restored_does_not_end(alice: User, project: Project) -> None:
    alice_browser = browser(alice)
    undo(alice_browser, delete(alice_browser, "project"))

    assert purge() == 0
    assert File.objects.count() == 4


def test_bytes_stay_while_they_can_be_restored(alice: User, project: Project) -> None:
    digest = File.objects.get(filename=WHEEL).sha256
    delete(browser(alice), "file")
    later = timezone.now() + timedelta(days=3)

    sweeping.sweep_blobs(at=later)
    assert storage.open_blob(digest).read(2) == b"PK"

    purge()
    sweeping.sweep_blobs(at=later)
    with pytest.raises(storage.BlobMissing):
        storage.open_blob(digest)


def test_a_quarantined_project_can_be_neither_deleted_nor_restored(alice: User, project: Project) -> None:
    alice_browser = browser(alice)
    deletion = delete(alice_browser, "file")
    Project.objects.update(status="quarantined")

    assert undo(alice_browser, deletion) == 403
    for path, name in DELETE.values():
        assert alice_browser.post(path, {"typed": name}).status_code == 403
    assert Deletion.objects.count() == 1
