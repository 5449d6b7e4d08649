"""A file of almost one GiB goes up with twine and comes down the same, and the server's memory stays flat."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import clients, distributions
from tests.support.clients import Desk
from tests.support.site import Site

SIZE = 1000 * 1024 * 1024
CHUNK = 4 * 1024 * 1024
MAY_GROW = 64 * 1024 * 1024

pytestmark = pytest.mark.proof


def test_memory_stays_flat_for_a_file_of_a_gibibyte(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    site = Site(tmp_path / "site")
    site.start()
    try:
        token = json.loads(site.manage("demo", "--json"))["tokens"]["account"]
        desk = Desk(tmp_path / "desk")
        small = distributions.make_wheel("small-thing", "1.0").write(tmp_path)
        upload(desk, site, token, small)
        before = site.server_peak_memory()

        large = make_large_wheel(tmp_path)
        started = time.monotonic()
        upload(desk, site, token, large)
        took = time.monotonic() - started
        after = site.server_peak_memory()

        entry = site.files_of("large-thing")[large.name]
        desk.must(
            clients.program("pip"), "download", "--no-cache-dir", "--no-deps", "--index-url", site.index_url,
            "large-thing",
        )  # fmt: skip
        assert digest(desk.directory / large.name) == digest(large) == entry["hashes"]["sha256"]
        assert after - before < MAY_GROW
        assert site.server_peak_memory() - before < MAY_GROW
    finally:
        site.stop()
    record_property(
        "watches",
        "releases/api_legacy.py releases/api_receive.py releases/actions/publish.py "
        "releases/actions/releasing.py indexsite/storage.py",
    )
    record_property("bytes", large.stat().st_size)
    record_property("upload_seconds", round(took, 1))
    record_property("peak_memory_before", before)
    record_property("peak_memory_after", after)


def upload(desk: Desk, site: Site, token: str, path: Path) -> None:
    desk.must(
        clients.program("twine"), "upload", "--non-interactive", "--disable-progress-bar",
        "--repository-url", site.upload_url, "-u", "__token__", "-p", token, path,
    )  # fmt: skip


def make_large_wheel(directory: Path) -> Path:
    """A wheel around one incompressible file, written in pieces."""
    source, hasher, size = random.Random(1), hashlib.sha256(), 0
    blob = directory / "blob"
    with blob.open("wb") as out:
        while size < SIZE:
            piece = source.randbytes(CHUNK)
            out.write(piece)
            hasher.update(piece)
            size += len(piece)
    members = distributions.wheel_members(name="large-thing", version="1.0", leave_out=["RECORD"])
    path = directory / "large_thing-1.0-py3-none-any.whl"
    record = [distributions.record_line(name, content) for name, content in members.items()]
    record += [
        f"large_thing/blob,sha256={encoded(hasher.digest())},{size}\n",
        "large_thing-1.0.dist-info/RECORD,,\n",
    ]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.write(blob, "large_thing/blob")
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr("large_thing-1.0.dist-info/RECORD", "".join(record))
    blob.unlink()
    return path


def encoded(digest_: bytes) -> str:
    return base64.urlsafe_b64encode(digest_).rstrip(b"=").decode()


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
