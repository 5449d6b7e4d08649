"""One set of tests over both stores: a local disk and a real S3-protocol server on loopback."""

import dataclasses
import hashlib
import itertools
import os
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from django.conf import settings

from indexsite import storage
from indexsite.storage import LocalStore

LATER = timedelta(minutes=5)


_NUMBERS = itertools.count()


@pytest.fixture(params=["local", "s3"])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "s3":
        request.getfixturevalue("s3_bucket")
    return str(request.param)


def temporary(content: bytes) -> tuple[Path, str]:
    path = storage.incoming() / f"upload-{next(_NUMBERS)}"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def put(content: bytes) -> str:
    path, sha256 = temporary(content)
    storage.put_once(path, sha256=sha256)
    assert not path.exists()
    return sha256


@pytest.mark.usefixtures("kind")
class TestBothStores:
    def test_what_was_put_comes_back_and_can_be_read_from_the_middle(self) -> None:
        content = os.urandom(2_000_000)
        with storage.open_blob(put(content)) as blob:
            assert blob.read() == content
            blob.seek(1_999_000)
            assert blob.read(10) == content[1_999_000:1_999_010]

    def test_putting_the_same_bytes_twice_stores_them_once(self) -> None:
        assert put(b"wheel") == put(b"wheel")
        assert [blob.size for blob in storage.stored()] == [5]

    def test_blobs_that_belong_together_are_put_together(self) -> None:
        (one, first), (two, second) = temporary(b"wheel"), temporary(b"metadata")
        storage.put_all([(one, first), (two, second)])
        assert {blob.sha256 for blob in storage.stored()} == {first, second}
        assert not one.exists()
        assert not two.exists()

    def test_a_blob_nobody_put_is_missing(self) -> None:
        with pytest.raises(storage.BlobMissing):
            storage.open_blob("ab" * 32)

    def test_the_sweep_sees_every_blob_and_nothing_else(self) -> None:
        first, second = put(b"one"), put(b"two!")
        temporary(b"still uploading")
        found = {blob.sha256: blob for blob in storage.stored()}
        assert {sha256: blob.size for sha256, blob in found.items()} == {first: 3, second: 4}
        assert abs(found[first].stored_at - datetime.now(UTC)) < LATER

    def test_an_old_blob_is_deleted_and_a_young_one_is_not(self) -> None:
        sha256 = put(b"orphan")
        assert not storage.delete_older(sha256, than=datetime.now(UTC) - LATER)
        storage.open_blob(sha256).close()
        assert storage.delete_older(sha256, than=datetime.now(UTC) + LATER)
        with pytest.raises(storage.BlobMissing):
            storage.open_blob(sha256)
        assert not storage.delete_older(sha256, than=datetime.now(UTC) + LATER)
        assert list(storage.stored()) == []

    def test_a_deleted_blob_can_be_put_again(self) -> None:
        sha256 = put(b"orphan")
        storage.delete_older(sha256, than=datetime.now(UTC) + LATER)
        assert put(b"orphan") == sha256
        storage.open_blob(sha256).close()

    def test_abandoned_temporary_files_go_and_running_uploads_stay(self) -> None:
        abandoned, _ = temporary(b"abandoned")
        running, _ = temporary(b"running")
        day_ago = datetime.now(UTC) - timedelta(days=1)
        os.utime(abandoned, ((day_ago - LATER).timestamp(),) * 2)
        assert storage.clear_incoming(before=day_ago) == 1
        assert not abandoned.exists()
        assert running.exists()

    @pytest.mark.parametrize("step", ["storage.flushed", "storage.stored"])
    def test_a_put_cut_short_leaves_no_half_blob_and_can_be_repeated(
        self, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, sha256 = temporary(b"cut short")
        with monkeypatch.context() as patch:
            patch.setattr(storage, "reached", _die_at(step))
            with pytest.raises(PowerCutError):
                storage.put_once(path, sha256=sha256)
        assert all(blob.size == 9 for blob in storage.stored())
        storage.put_once(path, sha256=sha256)
        assert [blob.size for blob in storage.stored()] == [9]


class PowerCutError(Exception):
    pass


def _die_at(step: str):
    def reached(name: str) -> None:
        if name == step:
            raise PowerCutError(name)

    return reached


class TestLocalDisk:
    def test_blobs_are_streamed_not_linked_to(self) -> None:
        assert storage.url(put(b"wheel"), filename="w.whl") is None

    def test_blobs_lie_under_their_digest_where_temporary_files_can_be_linked_to(self, files_dir: Path) -> None:
        sha256 = put(b"wheel")
        path = files_dir / sha256[:2] / sha256[2:4] / sha256[4:]
        assert path.read_bytes() == b"wheel"
        assert path.stat().st_dev == storage.incoming().stat().st_dev

    @pytest.fixture
    def flushed(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What was flushed, in order."""
        names: list[str] = []
        real = os.fsync

        def fsync(descriptor: int) -> None:
            names.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)
        return names

    def test_file_and_every_new_name_are_flushed_before_the_put_returns(
        self, files_dir: Path, flushed: list[str]
    ) -> None:
        path, sha256 = temporary(b"wheel")
        aa, bb = files_dir / sha256[:2], files_dir / sha256[:2] / sha256[2:4]
        storage.put_once(path, sha256=sha256)
        assert flushed == [str(path), str(bb), str(aa), str(files_dir)]
        flushed.clear()
        path, _ = temporary(b"wheel")
        storage.put_once(path, sha256=sha256)
        assert flushed == [], "bytes and names are safe already"
        assert not path.exists()

    def test_what_another_process_linked_is_flushed_again(self, files_dir: Path, flushed: list[str]) -> None:
        path, sha256 = temporary(b"wheel")
        storage.put_once(path, sha256=sha256)
        aa, bb = files_dir / sha256[:2], files_dir / sha256[:2] / sha256[2:4]
        flushed.clear()
        path, _ = temporary(b"wheel")
        LocalStore(files_dir).put_all([(path, sha256)])  # knows nothing of what the first has flushed
        assert flushed == [str(bb), str(aa), str(files_dir)], "the bytes were flushed before they got their name"

        # Swept, and put again by somebody who died before the flush.
        flushed.clear()
        blob = bb / sha256[4:]
        blob.unlink()
        blob.write_bytes(b"wheel")
        path, _ = temporary(b"wheel")
        storage.put_once(path, sha256=sha256)
        assert flushed == [str(bb)]

    def test_a_folder_made_by_another_process_is_not_taken_for_flushed(
        self, files_dir: Path, flushed: list[str]
    ) -> None:
        path, sha256 = temporary(b"wheel")
        aa, bb = files_dir / sha256[:2], files_dir / sha256[:2] / sha256[2:4]
        bb.mkdir(parents=True)
        storage.put_once(path, sha256=sha256)
        assert flushed == [str(path), str(bb), str(aa), str(files_dir)]

    def test_blobs_that_belong_together_are_linked_when_all_are_flushed(
        self, files_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wheel, metadata = temporary(b"wheel"), temporary(b"metadata")
        steps: list[tuple[str, int]] = []
        monkeypatch.setattr(storage, "reached", lambda step: steps.append((step, len(list(storage.stored())))))
        storage.put_all([metadata, wheel])
        assert steps == [("storage.flushed", 0), ("storage.linked", 2), ("storage.stored", 2)]
        assert not wheel[0].exists()
        assert not metadata[0].exists()

    def test_putting_again_renews_so_that_a_sweep_leaves_it_alone(self, files_dir: Path) -> None:
        sha256 = put(b"wheel")
        path = files_dir / sha256[:2] / sha256[2:4] / sha256[4:]
        os.utime(path, (0, 0))
        assert put(b"wheel") == sha256
        assert not storage.delete_older(sha256, than=datetime.now(UTC) - LATER)

    def test_a_crash_after_the_link_leaves_the_whole_blob(self, monkeypatch: pytest.MonkeyPatch) -> None:
        path, sha256 = temporary(b"linked")
        with monkeypatch.context() as patch:
            patch.setattr(storage, "reached", _die_at("storage.linked"))
            with pytest.raises(PowerCutError):
                storage.put_once(path, sha256=sha256)
        storage.put_once(path, sha256=sha256)
        with storage.open_blob(sha256) as blob:
            assert blob.read() == b"linked"

    def test_what_is_stored_is_never_overwritten(self, files_dir: Path) -> None:
        sha256 = put(b"wheel")
        path, _ = temporary(b"other")
        storage.put_once(path, sha256=sha256)
        with storage.open_blob(sha256) as blob:
            assert blob.read() == b"wheel"


@pytest.mark.usefixtures("s3_bucket")
class TestS3:
    def client(self):
        where = settings.ENV.storage_url
        return boto3.client("s3", endpoint_url=where.endpoint, region_name=where.region)

    def test_a_link_serves_the_exact_bytes_as_an_attachment(self) -> None:
        # A store that guesses from the name would announce Content-Encoding: gzip and clients would unpack.
        content = b"\x1f\x8b" + os.urandom(5000)
        link = storage.url(put(content), filename="pkg-1.0+local.tar.gz")
        assert link is not None
        with urllib.request.urlopen(link) as response:
            assert response.read() == content
            assert response.headers["Content-Encoding"] is None
            assert response.headers["Content-Type"] == "application/octet-stream"
            assert "attachment" in response.headers["Content-Disposition"]
            assert "pkg-1.0%2Blocal.tar.gz" in response.headers["Content-Disposition"]

    def test_a_second_put_does_not_overwrite(self, s3_bucket: str) -> None:
        sha256 = put(b"wheel")
        key = f"{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}"
        # Stand-in for "somebody else's bytes": whatever is there must stay.
        self.client().put_object(Bucket=s3_bucket, Key=key, Body=b"first")
        put(b"wheel")
        with storage.open_blob(sha256) as blob:
            assert blob.read() == b"first"

    def test_putting_an_old_blob_again_renews_it_once_the_sweep_is_done(
        self, s3_bucket: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sha256 = put(b"wheel")
        client = self.client()
        client.put_object(Bucket=s3_bucket, Key=f"sweeping/{sha256}", Body=b"")
        monkeypatch.setattr(storage, "_RENEW_AFTER", timedelta(seconds=-1))

        def sweep_finishes(seconds: float) -> None:
            client.delete_object(Bucket=s3_bucket, Key=f"{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}")
            client.delete_object(Bucket=s3_bucket, Key=f"sweeping/{sha256}")

        monkeypatch.setattr(storage.time, "sleep", sweep_finishes)
        put(b"wheel")
        with storage.open_blob(sha256) as blob:
            assert blob.read() == b"wheel"

    def test_marks_of_a_sweep_are_no_blobs(self, s3_bucket: str) -> None:
        self.client().put_object(Bucket=s3_bucket, Key="sweeping/" + "ab" * 32, Body=b"")
        assert list(storage.stored()) == []

    def test_other_failures_are_not_swallowed(self, s3_bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
        sha256 = put(b"wheel")
        where = dataclasses.replace(settings.ENV.storage_url, bucket="no-such-bucket")
        monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, storage_url=where))
        path, _ = temporary(b"wheel")
        with pytest.raises(Exception, match="NoSuchBucket"):
            storage.put_once(path, sha256=sha256)
        assert path.exists()
