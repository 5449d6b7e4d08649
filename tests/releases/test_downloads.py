"""Downloads: what counts as one, that none is counted twice, and that counting never fails a read."""

from __future__ import annotations

import datetime
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from indexsite import storage
from releases import downloads
from releases.downloads import DownloadCounter
from releases.installers import installer_of
from releases.models import Deletion, DownloadBatch, DownloadCount, File, Project
from tests.support import published
from tests.support.at_once import at_once

pytestmark = pytest.mark.django_db(transaction=True)

CONTENT = bytes(range(256)) * 4
PIP = {"user-agent": 'pip/25.0 {"installer":{"name":"pip"}}'}


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> DownloadCounter:
    """This process counts, without the thread."""
    made = DownloadCounter()
    monkeypatch.setattr(downloads, "_counter", made)
    return made


@pytest.fixture
def wheel(db: None) -> File:
    return published.publish(
        published.project("sampleproject"), content=CONTENT, metadata=b"Metadata-Version: 2.4\n"
    )


def sums() -> dict[tuple[str, str], int]:
    """(project, installer) -> count, over all days."""
    rows = DownloadCount.objects.values_list("project__normalized_name", "installer", "count")
    return {(project, installer): count for project, installer, count in rows}


def fold() -> int:
    return downloads.fold(at=timezone.now())


def fetch(path: str, method: str = "get", **headers: str) -> int:
    response = getattr(Client(), method)(path, headers={**PIP, **headers})
    response.close()
    return int(response.status_code)


def test_a_whole_file_and_its_beginning_count(counter: DownloadCounter, wheel: File) -> None:
    assert fetch(f"/files/{wheel.path}") == 200
    assert fetch(f"/files/{wheel.path}", range="bytes=0-99") == 206
    assert fetch(f"/files/{wheel.path}", range="bytes=0-") == 206

    assert counter.flush()
    assert fold() == 1
    assert sums() == {("sampleproject", "pip"): 3}


def test_what_is_no_download_does_not_count(counter: DownloadCounter, wheel: File) -> None:
    path = f"/files/{wheel.path}"
    answers = [
        fetch(path, "head"),
        fetch(path, **{"if-none-match": f'"{wheel.sha256}"'}),
        fetch(path, range="bytes=1-"),
        fetch(path, range="bytes=-100"),
        fetch(path, range="bytes=5000-"),
        fetch(f"{path}.metadata"),
        fetch(path.replace(".whl", ".gz")),
        fetch("/simple/sampleproject/"),
    ]

    assert answers == [200, 304, 206, 206, 416, 200, 404, 200]
    assert counter.flush()
    assert not DownloadBatch.objects.exists()


def test_a_redirect_to_the_store_counts(
    counter: DownloadCounter, wheel: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "url", lambda digest, *, filename: f"https://s3.example/{digest}")

    assert fetch(f"/files/{wheel.path}") == 302
    assert fetch(f"/files/{wheel.path}", "head") == 200
    counter.flush()
    fold()
    assert sums() == {("sampleproject", "pip"): 1}


def test_sums_grow_and_days_are_kept_apart(wheel: File) -> None:
    monday, tuesday = datetime.date(2026, 3, 2), datetime.date(2026, 3, 3)
    for day, count in ((monday, 2), (monday, 3), (tuesday, 4)):
        DownloadBatch.objects.create(day=day, counts=[["sampleproject", "uv", "installer", count]])
        fold()

    assert list(DownloadCount.objects.values_list("day", "count")) == [(monday, 5), (tuesday, 4)]


def test_a_batch_handed_in_twice_counts_once(
    counter: DownloadCounter, wheel: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.note("sampleproject", "pip/25")
    insert = downloads._Parcel.insert

    def answer_gets_lost(parcel: downloads._Parcel) -> None:
        insert(parcel)
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patched:
        patched.setattr(downloads._Parcel, "insert", answer_gets_lost)
        assert not counter.flush()
    fold()
    counter.note("sampleproject", "pip/25")
    assert counter.flush()
    fold()

    assert sums() == {("sampleproject", "pip"): 2}


def test_without_a_database_reads_go_on_and_counts_wait(
    counter: DownloadCounter, wheel: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(parcel: downloads._Parcel) -> None:
        raise OperationalError("cannot execute INSERT in a read-only transaction")

    with monkeypatch.context() as patched:
        patched.setattr(downloads._Parcel, "insert", refuse)
        for _ in range(3):
            assert fetch(f"/files/{wheel.path}") == 200
            assert not counter.flush()
    assert counter.flush()
    fold()

    assert sums() == {("sampleproject", "pip"): 3}


def test_no_flood_of_names_fills_the_memory(counter: DownloadCounter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "MAX_WAITING", 10)
    for number in range(100):
        counter.note(f"project-{number}", "pip/25")
        counter.note("project-0", "pip/25")

    assert len(counter._noted) == 10
    assert counter._noted["project-0", installer_of("pip/25")] == 101


def test_nothing_noted_at_the_same_moment_is_lost(counter: DownloadCounter, wheel: File) -> None:
    def note() -> None:
        for _ in range(2000):
            counter.note("sampleproject", "pip/25")

    at_once([note, note, note, lambda: [counter.flush() for _ in range(5)]])
    counter.flush()
    while fold():
        pass

    assert sums() == {("sampleproject", "pip"): 6000}


def test_two_workers_add_each_batch_once(wheel: File) -> None:
    for _ in range(20):
        DownloadBatch.objects.create(
            day=datetime.date(2026, 3, 2), counts=[["sampleproject", "uv", "installer", 1]]
        )

    results = at_once([fold, fold, fold])

    assert all(isinstance(result, int) for result in results), results
    assert sums() == {("sampleproject", "uv"): 20}


def test_folded_batches_go_after_a_day(wheel: File) -> None:
    DownloadBatch.objects.create(day=datetime.date(2026, 3, 2), counts=[])
    now = timezone.now()

    downloads.fold(at=now)
    assert DownloadBatch.objects.count() == 1
    downloads.fold(at=now + timedelta(days=1, minutes=1))
    assert not DownloadBatch.objects.exists()


def test_a_deleted_project_keeps_its_counts_and_an_unknown_one_has_none(wheel: File, alice: object) -> None:
    project = wheel.release.project
    now = timezone.now()
    project.deletion = Deletion.objects.create(
        project=project, kind="project", label="x", at=now, by=alice, undo_until=now + timedelta(days=1)
    )
    project.save(update_fields=["deletion"])
    rows = [["sampleproject", "pip", "installer", 1], ["never-there", "pip", "installer", 1]]
    DownloadBatch.objects.create(day=now.date(), counts=rows)
    fold()

    assert sums() == {("sampleproject", "pip"): 1}
    assert Client().get("/api/v1/projects/sampleproject/downloads/").status_code == 404


def test_the_thread_hands_over_by_itself_and_stopping_hands_over_the_rest(
    wheel: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "FLUSH_SECONDS", 0.01)
    handed = threading.Event()
    insert = downloads._Parcel.insert
    monkeypatch.setattr(downloads._Parcel, "insert", lambda parcel: (insert(parcel), handed.set()))
    downloads.start()
    try:
        downloads.note("sampleproject", "pip/25")
        assert handed.wait(10)
        downloads.note("sampleproject", "uv/1")
    finally:
        downloads.stop()
    fold()

    assert sums() == {("sampleproject", "pip"): 1, ("sampleproject", "uv"): 1}
    downloads.note("sampleproject", "uv/1")  # nobody counts any more, and nothing breaks


def test_a_process_that_counts_not_writes_nothing(wheel: File) -> None:
    assert fetch(f"/files/{wheel.path}") == 200
    assert not DownloadBatch.objects.exists()
    assert connection.vendor in {"sqlite", "postgresql"}


# -- shown ----------------------------------------------------------------------------------------------------


@pytest.fixture
def counted(wheel: File) -> Project:
    """sampleproject with counts of some days and kinds."""
    today = timezone.now().date()
    for days_ago, installer, kind, count in (
        (0, "pip", "installer", 1200),
        (0, "bandersnatch", "mirror", 77),
        (29, "uv", "installer", 34),
        (3, "trivy", "scanner", 5),
        (30, "pip", "installer", 9999),
    ):
        DownloadCount.objects.create(
            project=wheel.release.project,
            day=today - timedelta(days=days_ago),
            installer=installer,
            kind=kind,
            count=count,
        )
    return wheel.release.project


def test_the_project_page_shows_a_picture_and_the_same_numbers(counted: Project) -> None:
    text = Client().get("/project/sampleproject/").text

    assert "<strong>1,234</strong> in the last 30 days" in text
    assert '<svg class="bars" viewBox="0 0 300 100" role="img"' in text
    assert text.count("<rect ") == 30
    assert 'height="100"' in text
    assert 'style="' not in text.partition("<svg")[2].partition("</svg>")[0]
    assert "Copies for mirrors (77) and for scanners (5)" in text
    assert "9,999" not in text


def test_a_project_nobody_downloads_says_so(wheel: File) -> None:
    assert "None in the last 30 days." in Client().get("/project/sampleproject/").text


def test_the_api_has_the_same_numbers(counted: Project) -> None:
    response = Client().get("/api/v1/projects/sampleproject/downloads/")

    told = response.json()
    assert (told["total"], told["mirrors"], told["scanners"]) == (1234, 77, 5)
    assert len(told["days"]) == 30
    assert told["days"][-1]["count"] == 1200
    assert told["families"][0] == {"installer": "pip", "kind": "installer", "count": 1200}
    assert Client().get("/api/v1/projects/sampleproject/downloads/?days=31").json()["total"] == 11233


@pytest.mark.parametrize("days", ["0", "367", "-1", "x", "1e9", "٣", "0000000301"])
def test_the_api_refuses_nonsense_for_days(counted: Project, days: str) -> None:
    assert Client().get("/api/v1/projects/sampleproject/downloads/", {"days": days}).status_code == 400


def test_projects_that_are_not_public_have_no_public_counts(counted: Project) -> None:
    published.project("empty")
    counted.status = "quarantined"
    counted.save(update_fields=["status"])

    for name in ("sampleproject", "empty", "nothing", "%00"):
        assert Client().get(f"/api/v1/projects/{name}/downloads/").status_code == 404
