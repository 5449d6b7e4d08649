"""Blobs by sha256 over local disk or S3: `put_once`, `open_blob`, `url`. Stored bytes never change.

Which rows name a blob is not known here: the daily sweep asks the releases app and calls `delete_older`.
"""

from __future__ import annotations

import base64
import fcntl
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast
from urllib.parse import quote

from django.conf import settings

from indexsite.env import StorageUrl

# A presigned link outlives the time for which the redirect to it may be cached (`releases.serving`).
LINK_SECONDS = 3600
# An unnamed blob this old may be on the sweep's list: putting it again renews it first.
_RENEW_AFTER = timedelta(hours=1)
# A sweep deletes within this time of its mark or not at all; one that died leaves marks that mean nothing later.
_MARK_SECONDS = 60
# So many blobs a process knows to be flushed, names included.
REMEMBERED = 4096

type _Identity = tuple[int, int] | tuple[()]


class BlobMissing(Exception):
    """The store holds no blob of this digest."""


@dataclass(frozen=True)
class StoredBlob:
    """What the sweep sees of a blob. `size` is in bytes; `stored_at` renews when the blob is put again."""

    sha256: str
    size: int
    stored_at: datetime


class Store(Protocol):
    """The port: two implementations, one behaviour, one set of tests."""

    def incoming(self) -> Path: ...
    def put_all(self, blobs: Sequence[tuple[Path, str]]) -> None: ...
    def open_blob(self, sha256: str) -> BinaryIO: ...
    def url(self, sha256: str, *, filename: str) -> str | None: ...
    def stored(self) -> Iterator[StoredBlob]: ...
    def delete_older(self, sha256: str, *, than: datetime) -> bool: ...


def incoming() -> Path:
    """Directory for temporary blobs; for a local store on its own file system, so that a link suffices."""
    return _store().incoming()


def put_once(path: Path, *, sha256: str) -> None:
    """Move the temporary file `path`, whose digest is `sha256`, into the store.

    When this returns, the bytes survive a power cut and `path` is gone. Putting what is already stored does
    nothing but renew it, so that a sweep in progress leaves it alone.
    """
    _store().put_all([(path, sha256)])


def put_all(blobs: Sequence[tuple[Path, str]]) -> None:
    """`put_once` for several (path, sha256) that belong together, at little more than the cost of one."""
    _store().put_all(blobs)


def open_blob(sha256: str) -> BinaryIO:
    """The stored bytes, seekable; the caller closes.

    Raises:
        BlobMissing: nothing is stored under this digest.
    """
    return _store().open_blob(sha256)


def url(sha256: str, *, filename: str) -> str | None:
    """A link that serves the blob as an attachment named `filename` for `LINK_SECONDS`; None: stream it."""
    return _store().url(sha256, filename=filename)


def stored() -> Iterator[StoredBlob]:
    """Every blob, in no order."""
    return _store().stored()


def delete_older(sha256: str, *, than: datetime) -> bool:
    """Delete the blob unless it was put or renewed after `than`; whether it was deleted.

    The caller has made sure, after `than`, that no row names it.
    """
    return _store().delete_older(sha256, than=than)


def clear_incoming(*, before: datetime) -> int:
    """Delete temporary files that nobody touched since `before`; how many."""
    stale = [path for path in incoming().iterdir() if path.is_file() and _modified(path) < before]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def _store() -> Store:
    return _open_store(settings.ENV.storage_url, settings.VAR_DIR)


@functools.lru_cache(maxsize=8)
def _open_store(where: StorageUrl, var_dir: Path) -> Store:
    if where.path is not None:
        return LocalStore(where.path)
    return S3Store(where, incoming=var_dir / "incoming")


def _carry_on(step: str) -> None:
    pass


# Called at each named step of a put; crash tests set another function, which kills the process there.
reached: Callable[[str], None] = _carry_on


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


# -- local disk -------------------------------------------------------------------------------------------


class LocalStore:
    """`<root>/ab/cd/<rest of the digest>`; a file appears there complete and flushed, or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "incoming"
        self._lock = os.fspath(root / "sweep.lock")
        # Folders whose names this process has flushed; at most 65,793.
        self._lasting = {os.fspath(root)}
        # Blobs whose names this process has flushed, and which file each was.
        self._flushed: dict[str, _Identity] = {}

    def incoming(self) -> Path:
        if not os.path.isdir(self._incoming):
            self._incoming.mkdir(parents=True, exist_ok=True)
        return self._incoming

    def put_all(self, blobs: Sequence[tuple[Path, str]]) -> None:
        # Wheels of one release share their metadata: what is stored already was flushed before it got its name.
        targets = [(path, self._path(sha256)) for path, sha256 in blobs]
        with self._sweep_lock(fcntl.LOCK_SH):
            # That it is there does not tell: whoever linked it may not have flushed the name yet.
            lasting = {target for _, target in targets if self._flushed.get(target) == _identity(target)}
            new = [(path, target) for path, target in targets if not _renew(target)]
        for path, _ in new:
            _flush(path)
        reached("storage.flushed")
        with self._sweep_lock(fcntl.LOCK_SH):
            for path, target in new:
                _link(path, target)
            linked = {target: _identity(target) for _, target in targets}
        reached("storage.linked")
        # After all links: on most file systems the first of these waits for the disk and the others find it done.
        for target in linked.keys() - lasting:
            self._flush_folders(os.path.dirname(target))
        self._remember(linked)
        reached("storage.stored")
        for path, _ in targets:
            os.unlink(path)

    def _flush_folders(self, folder: str) -> None:
        # A folder's own name needs it once; that somebody else made the folder does not mean that it was done.
        _flush(folder)
        while folder not in self._lasting:
            above = os.path.dirname(folder)
            _flush(above)
            self._lasting.add(folder)
            folder = above

    def _remember(self, flushed: dict[str, _Identity]) -> None:
        if len(self._flushed) > REMEMBERED:
            self._flushed.clear()
        self._flushed.update(flushed)

    def open_blob(self, sha256: str) -> BinaryIO:
        try:
            return open(self._path(sha256), "rb")
        except FileNotFoundError:
            raise BlobMissing(sha256) from None

    def url(self, sha256: str, *, filename: str) -> str | None:
        return None

    def stored(self) -> Iterator[StoredBlob]:
        for path in self.root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"):
            with suppress(FileNotFoundError):
                status = path.stat()
                sha256 = path.parent.parent.name + path.parent.name + path.name
                yield StoredBlob(sha256, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))

    def delete_older(self, sha256: str, *, than: datetime) -> bool:
        path = Path(self._path(sha256))
        # Under the lock nobody can renew the file between the look and the deletion.
        with self._sweep_lock(fcntl.LOCK_EX):
            if not path.exists() or _modified(path) >= than:
                return False
            path.unlink()
        return True

    def _path(self, sha256: str) -> str:
        return f"{self.root}/{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}"

    @contextmanager
    def _sweep_lock(self, kind: int) -> Iterator[None]:
        self.incoming()
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, kind)
            yield
        finally:
            os.close(lock)


def _identity(target: str) -> _Identity:
    """Inode and time of the last put; () when there is no such file, which is never remembered."""
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return ()
    return status.st_ino, status.st_mtime_ns


def _link(path: Path, target: str) -> None:
    if not os.path.isdir(folder := os.path.dirname(target)):
        os.makedirs(folder, exist_ok=True)
    try:
        # Unlike a rename, a link never replaces what is there.
        os.link(path, target)
    except FileExistsError:
        os.utime(target)


def _renew(target: str) -> bool:
    """Whether it is there; it counts as just put then."""
    try:
        os.utime(target)
    except FileNotFoundError:
        return False
    return True


def _flush(path: str | Path) -> None:
    """fsync a file or a directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# -- S3 ---------------------------------------------------------------------------------------------------


class S3Store:
    """Objects named by digest in one bucket.

    boto3 itself rather than a Django storage class: that would guess a Content-Encoding from the name, rename
    on collision, and has no conditional put.
    """

    def __init__(self, where: StorageUrl, *, incoming: Path) -> None:
        import boto3  # costs 30 MB and 0.3 s: only for sites that use it
        from botocore.config import Config

        self._bucket = where.bucket
        self._incoming = incoming
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=where.endpoint or None,
            region_name=where.region or None,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if where.endpoint else "auto"},
                retries={"mode": "standard", "max_attempts": 4},
            ),
        )

    def incoming(self) -> Path:
        self._incoming.mkdir(parents=True, exist_ok=True)
        return self._incoming

    def put_all(self, blobs: Sequence[tuple[Path, str]]) -> None:
        for path, sha256 in blobs:
            self._put_once(path, sha256=sha256)

    def _put_once(self, path: Path, *, sha256: str) -> None:
        reached("storage.flushed")
        if not self._put(path, sha256=sha256, replace=False):
            found = self._found_at(_key(sha256))
            if found is None or _age(found) > _RENEW_AFTER:
                self._renew(path, sha256=sha256)
        reached("storage.stored")
        path.unlink()

    def _put(self, path: Path, *, sha256: str, replace: bool) -> bool:
        """Whether the object was written; not when it exists already and `replace` is false."""
        condition = {} if replace else {"IfNoneMatch": "*"}
        with path.open("rb") as body:
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=_key(sha256),
                    Body=body,
                    # The server compares: a blob whose bytes are not those of its name is never stored.
                    ChecksumSHA256=base64.b64encode(bytes.fromhex(sha256)).decode(),
                    ContentType="application/octet-stream",
                    CacheControl="public, max-age=31536000, immutable",
                    **condition,
                )
            except self._client.exceptions.ClientError as error:
                # 409: somebody else is writing the same bytes at this moment.
                if not replace and error.response["ResponseMetadata"]["HTTPStatusCode"] in {409, 412}:
                    return False
                raise
        return True

    def _renew(self, path: Path, *, sha256: str) -> None:
        # A sweep marks, looks at the time, deletes. We write, then look for its mark: whichever comes second
        # sees the first. If we see a mark, the deletion may still come, so we wait for its end and write again.
        self._put(path, sha256=sha256, replace=True)
        while (marked := self._found_at(_mark(sha256))) and _age(marked) < timedelta(seconds=2 * _MARK_SECONDS):
            time.sleep(0.2)
            self._put(path, sha256=sha256, replace=True)

    def open_blob(self, sha256: str) -> BinaryIO:
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=_key(sha256))["Body"]
        except self._client.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise BlobMissing(sha256) from None
            raise
        spool = tempfile.SpooledTemporaryFile(max_size=1 << 20)  # noqa: SIM115 - handed to the caller
        shutil.copyfileobj(body, spool)
        spool.seek(0)
        return cast(BinaryIO, spool)

    def url(self, sha256: str, *, filename: str) -> str | None:
        link: str = self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": _key(sha256),
                "ResponseContentDisposition": f"attachment; filename*=UTF-8''{quote(filename)}",
                "ResponseContentType": "application/octet-stream",
            },
            ExpiresIn=LINK_SECONDS,
        )
        return link

    def stored(self) -> Iterator[StoredBlob]:
        for batch in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket):
            for item in batch.get("Contents", ()):
                sha256 = item["Key"].replace("/", "")
                if _key(sha256) == item["Key"] and len(sha256) == 64:
                    yield StoredBlob(sha256, item["Size"], item["LastModified"])

    def delete_older(self, sha256: str, *, than: datetime) -> bool:
        mark = {"Bucket": self._bucket, "Key": _mark(sha256)}
        self._client.put_object(**mark, Body=b"")
        marked = time.monotonic()
        try:
            found = self._found_at(_key(sha256))
            if found is None or found >= than or time.monotonic() - marked > _MARK_SECONDS:
                return False
            self._client.delete_object(Bucket=self._bucket, Key=_key(sha256))
        finally:
            self._client.delete_object(**mark)
        return True

    def _found_at(self, key: str) -> datetime | None:
        """When the object was last written; None if there is none."""
        try:
            head = self._client.head_object(Bucket=self._bucket, Key=key)
        except self._client.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        at: datetime = head["LastModified"]
        return at


def _key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}"


def _mark(sha256: str) -> str:
    return f"sweeping/{sha256}"


def _age(at: datetime) -> timedelta:
    return datetime.now(UTC) - at
