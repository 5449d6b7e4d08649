"""Acts on what is published that meet uploads and each other: each race as it ends, and without its lock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from accounts.models import User
from indexsite import audit
from indexsite.errors import Conflict
from indexsite.models import AuditEvent
from releases.actions.lifecycle.purging import purge_deleted
from releases.actions.lifecycle.undoing import undo_deletion
from releases.models import Deletion, File, Project, ProjectQuerySet, Release, SimplePage
from tests.support import cast
from tests.support.distributions import make_wheel
from tests.support.lifecycle import sampleproject, yanked
from tests.support.people import browser
from tests.support.races import SURELY, meet, together, without_locks
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db(transaction=True)

PAGE_WRITTEN = "releases.actions.pages._store"
# Where each has read, and nobody has written.
UPLOADING = "releases.actions.releasing.find_or_create_release"
YANKING = "releases.models.Release.yank"
DELETING = "releases.actions.lifecycle.deleting._new"
ENDING = "releases.models.Deletion.can_be_undone"


def post(client: Client, path: str, **fields: str) -> int:
    client.raise_request_exception = False
    return client.post(path, fields).status_code


# -- a release is yanked while another file of it comes ------------------------------------------------------


def unlocked(patch: pytest.MonkeyPatch) -> None:
    without_locks(patch)
    # Writing the serial locks the row as well, if late.
    patch.setattr(ProjectQuerySet, "update", lambda self, **fields: 1)
    patch.setattr("releases.actions.releasing._SET_SERIAL", lambda **fields: 1)


def yank_meets_upload(
    alice: User, patch: pytest.MonkeyPatch, *, without: Callable[[pytest.MonkeyPatch], None] | None = None
) -> None:
    sampleproject(alice)
    if without is not None:
        without(patch)
    secret, owner = token_for(alice), browser(alice)
    if without is not None:
        meet(patch, UPLOADING, YANKING, patience=SURELY)
    meet(patch, PAGE_WRITTEN, patience=2)  # both have read what the page is to say
    yank = partial(post, owner, "/manage/project/sampleproject/releases/1.0/yank/", reason="Broken")
    together(yank, lambda: upload(make_wheel(tag="py2-none-any"), secret).status_code)


def test_a_file_that_comes_while_its_release_is_yanked_is_yanked(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    yank_meets_upload(alice, monkeypatch)

    assert yanked() == dict.fromkeys(File.objects.values_list("filename", flat=True), "Broken")
    assert len(yanked()) == 3


def test_without_the_lock_the_page_forgets_the_yank_or_the_file(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    yank_meets_upload(alice, monkeypatch, without=unlocked)

    assert list(yanked().values()) != ["Broken"] * 3


# -- a project is deleted while a file comes -----------------------------------------------------------------


def deletion_meets_upload(
    alice: User, patch: pytest.MonkeyPatch, *, without: Callable[[pytest.MonkeyPatch], None] | None = None
) -> list[int]:
    sampleproject(alice)
    secret, owner = token_for(alice), browser(alice)
    if without is not None:
        without(patch)
        meet(patch, UPLOADING, DELETING, patience=SURELY)
    meet(patch, PAGE_WRITTEN, patience=2)
    delete = partial(post, owner, "/manage/project/sampleproject/settings/delete/", typed="sampleproject")
    return together(delete, lambda: upload(make_wheel(version="2.0"), secret).status_code)


def test_nothing_is_published_into_a_deleted_project(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted, uploaded = deletion_meets_upload(alice, monkeypatch)

    assert deleted == 302
    assert uploaded in {200, 400}
    assert not Project.objects.exists()
    assert not File.objects.exists()
    assert Client().get("/simple/sampleproject/").status_code == 404
    assert not SimplePage.objects.filter(name="sampleproject").exists()


def test_without_the_lock_a_file_outlives_its_project(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    statuses = deletion_meets_upload(alice, monkeypatch, without=without_locks)

    # PostgreSQL: the file is not marked. SQLite: one of the two gave up.
    assert File.objects.exists() or max(statuses) >= 500


# -- the last moment: restoring, the end, and taking the name up again ---------------------------------------


def last_moment(
    alice: User, patch: pytest.MonkeyPatch, *, then_upload: bool = False, first: str = "", is_locked: bool = True
) -> tuple[Deletion, list[str]]:
    """Somebody restores while the worker ends the deletion; said: what each came to.

    `first` ("undo" or "purge") is in the middle of its work when the other begins.
    """
    sampleproject(alice)
    secret = token_for(alice)
    post(browser(alice), "/manage/project/sampleproject/settings/delete/", typed="sampleproject")
    deletion = Deletion.objects.get()
    until = deletion.undo_until

    has_begun = threading.Event()

    def undo() -> str:
        if first == "purge":
            has_begun.wait(60)
        undo_deletion(actor=cast.actor(alice), deletion=deletion, at=until - timedelta(seconds=1))
        return "undone"

    def purge() -> str:
        if first == "undo":
            has_begun.wait(60)
        ended = purge_deleted(at=until)
        if then_upload:
            return f"upload {upload(make_wheel(version='3.0'), secret).status_code}"
        return f"ended {ended}"

    if is_locked:
        meet(patch, "indexsite.audit.record", patience=2)  # both have done what they came for
    else:
        meet(patch, ENDING, patience=SURELY)
    record = audit.record

    def begun(*args: Any) -> Any:
        has_begun.set()
        return record(*args)

    patch.setattr("indexsite.audit.record", begun)
    said = together(partial(attempt, undo), partial(attempt, purge))
    deletion.refresh_from_db()
    return deletion, said


def attempt(act: Callable[[], str]) -> str:
    try:
        return act()
    except (Conflict, DatabaseError) as error:
        return type(error).__name__


def test_a_deletion_ends_in_one_way(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    deletion, said = last_moment(alice, monkeypatch)

    assert said in (["undone", "ended 0"], ["Conflict", "ended 1"])
    assert (deletion.undone_at is None) == (said[0] == "Conflict")
    assert (deletion.purged_at is None) == (said[0] == "undone")
    assert File.with_deleted.count() == (2 if said[0] == "undone" else 0)


def test_without_the_lock_it_is_restored_and_gone(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    without_locks(monkeypatch)

    deletion, said = last_moment(alice, monkeypatch, is_locked=False)

    both = deletion.undone_at is not None and deletion.purged_at is not None
    assert both or "OperationalError" in said  # the second is SQLite, where one gave up


@pytest.mark.parametrize("first", ["undo", "purge"])
def test_a_name_is_restored_or_taken_up_again_and_never_both(
    alice: User, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    deletion, said = last_moment(alice, monkeypatch, then_upload=True, first=first)

    assert said == (["undone", "upload 200"] if first == "undo" else ["Conflict", "upload 200"])
    versions = sorted(Release.objects.values_list("version", flat=True))
    assert versions == (["1.0", "3.0"] if first == "undo" else ["3.0"])
    assert sorted(yanked()) == sorted(File.objects.values_list("filename", flat=True))
    assert (deletion.undone_at is None) == (first == "purge")
    registered = AuditEvent.objects.filter(name="project.created", project="sampleproject")
    assert registered.count() == (0 if first == "undo" else 1)  # its first time was not by an upload


def test_without_the_lock_a_restored_name_has_lost_its_files(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    without_locks(monkeypatch)

    deletion, said = last_moment(alice, monkeypatch, then_upload=True, is_locked=False)

    lost = deletion.undone_at is not None and not Release.with_deleted.filter(version="1.0").exists()
    # Where the restoring came first, its files live, of a deletion that has ended in two ways.
    both = deletion.undone_at is not None and deletion.purged_at is not None
    assert lost or both or "OperationalError" in said or said[1] != "upload 200"
