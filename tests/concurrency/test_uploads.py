"""Uploads that meet: each race as it ends, and as it would end without its lock."""

from __future__ import annotations

import json
import threading
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.http import HttpResponse

from accounts.models import User
from indexsite.models import AuditEvent
from releases.models import File, Project, Release, Role, SimplePage, UsedFilename
from tests.support import cast
from tests.support.distributions import Distribution, make_sdist, make_wheel
from tests.support.races import SURELY, meet, together, without_locks
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db(transaction=True)

IN_THE_TRANSACTION = "releases.actions.releasing.find_or_create_release"
ONE = {"sampleproject/__init__.py": b"one = 1\n"}
TWO = {"sampleproject/__init__.py": b"two = 2\n"}


def race(*attempts: tuple[Distribution, str]) -> list[HttpResponse]:
    return together(*(partial(upload, distribution, secret) for distribution, secret in attempts))


def statuses(responses: list[HttpResponse]) -> Counter[int]:
    return Counter(response.status_code for response in responses)


def listed() -> list[str]:
    page = SimplePage.objects.get(name="sampleproject")
    return sorted(file["filename"] for file in json.loads(bytes(page.json))["files"])


# -- one new name, two people -------------------------------------------------------------------------------


def first_uploads_meet(alice: User, bob: User) -> list[HttpResponse]:
    return race((make_wheel(files=ONE), token_for(alice)), (make_wheel(version="2.0", files=TWO), token_for(bob)))


def test_a_new_name_has_one_winner(alice: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    meet(monkeypatch, "releases.actions.publish._commit")

    responses = first_uploads_meet(alice, bob)

    assert statuses(responses) == {200: 1, 403: 1}
    (refusal,) = (response for response in responses if response.status_code == 403)
    assert "has no right to do this on project 'sampleproject'" in refusal.reason_phrase
    project = Project.objects.get()
    owner = Role.objects.get().user
    file = File.objects.get()
    assert file.uploaded_by == owner
    assert listed() == [file.filename]
    assert project.releases.count() == UsedFilename.objects.count() == 1
    names = Counter(AuditEvent.objects.values_list("name", flat=True))
    assert names == {"project.created": 1, "role.granted": 1, "release.created": 1, "file.published": 1}


def test_without_its_guard_a_new_name_ends_in_an_error(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch)
    # Both have found that the name is free, and neither has written it.
    meet(monkeypatch, "releases.actions.naming.Project.objects.create", patience=SURELY)
    # The unique column then decides; whoever does not expect its verdict ends in a server error.
    monkeypatch.setattr("releases.actions.naming.IntegrityError", KeyError)

    assert statuses(first_uploads_meet(alice, bob))[403] == 0


def test_lookalikes_have_one_winner(alice: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    meet(monkeypatch, "releases.actions.publish._commit")

    responses = race((make_wheel("tool1"), token_for(alice)), (make_wheel("tooll"), token_for(bob)))

    assert statuses(responses) == {200: 1, 400: 1}
    (refusal,) = (response for response in responses if response.status_code == 400)
    assert refusal.json()["code"] == "name-confusable"
    assert Project.objects.count() == 1


# -- one file name, two contents ----------------------------------------------------------------------------


def contents_meet(alice: User, patch: pytest.MonkeyPatch, *, patience: float = 1) -> list[HttpResponse]:
    cast.ProjectFactory(name="sampleproject", owner=alice)
    secret = token_for(alice)
    upload(make_sdist(), secret)
    meet(patch, IN_THE_TRANSACTION, patience=patience)
    return race((make_wheel(files=ONE), secret), (make_wheel(files=TWO), secret))


def test_a_file_name_has_one_content(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    responses = contents_meet(alice, monkeypatch)

    assert statuses(responses) == {200: 1, 400: 1}
    (refusal,) = (response for response in responses if response.status_code == 400)
    assert refusal.reason_phrase.startswith("File already exists")
    wheel = File.objects.get(package_type="bdist_wheel")
    assert wheel.sha256 == UsedFilename.objects.get(filename=wheel.filename).sha256
    assert listed() == ["sampleproject-1.0-py3-none-any.whl", "sampleproject-1.0.tar.gz"]


def test_without_the_lock_the_second_content_ends_in_an_error(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_locks(monkeypatch)

    responses = contents_meet(alice, monkeypatch, patience=SURELY)

    assert statuses(responses)[400] == 0
    assert max(statuses(responses)) >= 500


# -- two files of one release -------------------------------------------------------------------------------


def files_meet(
    alice: User, patch: pytest.MonkeyPatch, *, at: str = "releases.actions.pages._store", patience: float = 1
) -> list[HttpResponse]:
    cast.ProjectFactory(name="sampleproject", owner=alice)
    secret = token_for(alice)
    upload(make_sdist(), secret)
    meet(patch, at, patience=patience)  # both have read which files there are
    return race((make_wheel(tag="py3-none-any"), secret), (make_wheel(tag="py2-none-any"), secret))


def test_the_page_lists_files_that_came_together(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    responses = files_meet(alice, monkeypatch)

    assert statuses(responses) == {200: 2}
    assert listed() == sorted(File.objects.values_list("filename", flat=True))
    assert len(listed()) == 3


def test_without_the_lock_a_file_is_missing(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    without_locks(monkeypatch)
    # Writing the serial locks the row as well, if late.
    monkeypatch.setattr("releases.actions.releasing._SET_SERIAL", lambda **fields: 1)

    # Neither has written yet, so that both come here for sure, however busy the machine is.
    files_meet(alice, monkeypatch, at=IN_THE_TRANSACTION, patience=SURELY)

    # PostgreSQL: the later page was rendered without the other's file. SQLite: the other upload gave up.
    assert len(listed()) == 2


# -- one source distribution per release --------------------------------------------------------------------


def sdists_meet(alice: User, patch: pytest.MonkeyPatch, *, patience: float = 1) -> list[HttpResponse]:
    cast.ProjectFactory(name="sampleproject", owner=alice)
    secret = token_for(alice)
    upload(make_wheel(), secret)
    meet(patch, IN_THE_TRANSACTION, patience=patience)
    return race((make_sdist(version="1.0"), secret), (make_sdist(version="1.0.0"), secret))


def test_one_of_two_source_distributions_is_refused(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    responses = sdists_meet(alice, monkeypatch)

    assert statuses(responses) == {200: 1, 400: 1}
    assert File.objects.filter(package_type="sdist").count() == 1
    assert Release.objects.count() == 1


def test_without_the_lock_both_or_neither_know_of_the_other(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    without_locks(monkeypatch)

    assert statuses(sdists_meet(alice, monkeypatch, patience=SURELY))[400] == 0


# -- the same upload twice ----------------------------------------------------------------------------------


def test_the_same_file_twice_at_once_is_published_once(
    alice: User, files_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = token_for(alice)
    meet(monkeypatch, "releases.actions.publish._commit")

    responses = race((make_wheel(), secret), (make_wheel(), secret))

    assert statuses(responses) == {200: 2}
    assert sorted(response.text.split(":")[0] for response in responses) == [
        "Already published, nothing changed",
        "Published",
    ]
    assert File.objects.count() == 1
    assert AuditEvent.objects.filter(name="file.published").count() == 1
    assert not list((files_dir / "incoming").glob("*.upload"))


# -- a database that is busy --------------------------------------------------------------------------------


def test_an_upload_that_waits_too_long_is_told_to_come_back(
    alice: User, files_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = cast.ProjectFactory(name="sampleproject", owner=alice)
    secret = token_for(alice)
    monkeypatch.setattr("releases.actions.releasing.LOCK_WAIT", "200ms")
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 200")
    is_held, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Project.objects.locked(project.pk)
            is_held.set()
            is_over.wait(30)

    def try_to_upload() -> HttpResponse:
        is_held.wait(30)
        try:
            return upload(make_wheel(), secret)
        finally:
            is_over.set()

    holder = threading.Thread(target=lambda: together(hold))
    holder.start()
    response = try_to_upload()
    holder.join()

    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "upload again" in response.reason_phrase
    assert not File.objects.exists()
    assert not list((files_dir / "incoming").glob("*.upload"))
    assert upload(make_wheel(), secret).status_code == 200
