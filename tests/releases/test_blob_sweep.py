"""The daily sweep: what nothing names goes, everything else stays."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from indexsite import storage
from releases import sweeping, tasks
from tests.support import published

pytestmark = pytest.mark.django_db


def age(files_dir: Path, sha256: str, *, days: float) -> None:
    then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    os.utime(files_dir / sha256[:2] / sha256[2:4] / sha256[4:], (then, then))


def held() -> set[str]:
    return {blob.sha256 for blob in storage.stored()}


def test_old_orphans_go_and_files_metadata_and_young_orphans_stay(files_dir: Path) -> None:
    wheel = published.publish(published.project("sampleproject"), content=b"wheel", metadata=b"metadata")
    old, young = published.store(b"old orphan"), published.store(b"an upload in progress")
    for sha256 in (wheel.sha256, wheel.metadata_sha256, old):
        age(files_dir, sha256, days=2)
    age(files_dir, young, days=0.9)
    tasks.sweep_blobs.func()
    assert held() == {wheel.sha256, wheel.metadata_sha256, young}


def test_nothing_to_sweep_is_no_event() -> None:
    assert sweeping.sweep_blobs(at=datetime.now(UTC)) == 0


def test_an_upload_of_the_same_bytes_during_the_sweep_keeps_them(
    files_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan = published.store(b"orphan")
    age(files_dir, orphan, days=2)
    real = sweeping.named

    def named(digests: tuple[str, ...]) -> set[str]:
        found = real(digests)
        published.store(b"orphan")  # comes after the question about rows, before the deletion
        return found

    monkeypatch.setattr(sweeping, "named", named)
    assert sweeping.sweep_blobs(at=datetime.now(UTC)) == 0
    assert held() == {orphan}
