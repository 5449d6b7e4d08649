"""Wheels too large to hold in memory, sent as clients send them: all of the body; then the answer is read."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import os
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import distributions
from tests.support.tokens import basic

MB = 1_000_000


def write_wheel(directory: Path, name: str, size: int) -> Path:
    """A wheel of `size` bytes and a little, incompressible, with a RECORD that is right."""
    block = os.urandom(MB)
    blob, info = f"{name}/blob.bin", f"{name}-1.0.dist-info"
    digest = hashlib.sha256()
    path = directory / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        with archive.open(zipfile.ZipInfo(blob, distributions.STAMP), "w", force_zip64=size > 2**31) as member:
            for _ in range(size // MB):
                member.write(block)
                digest.update(block)
        encoded = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
        members = distributions.wheel_members(name=name, files={})
        record = members.pop(f"{info}/RECORD").decode()
        members[f"{info}/RECORD"] = f"{blob},sha256={encoded},{size // MB * MB}\n{record}".encode()
        for member_name, content in members.items():
            archive.writestr(zipfile.ZipInfo(member_name, distributions.STAMP), content)
    return path


def post(port: int, wheel: Path, secret: str) -> tuple[int, str]:
    """Upload `wheel` in pieces; returns status and reason phrase.

    Raises:
        OSError: the connection broke before the answer could be read.
    """
    name = wheel.name.split("-")[0]
    form = {":action": "file_upload", "protocol_version": "1", "name": name, "version": "1.0"}
    form |= {"filetype": "bdist_wheel", "pyversion": "py3", "metadata_version": "2.4"}
    line = "--frontier\r\nContent-Disposition: form-data; name="
    head = "".join(f'{line}"{field}"\r\n\r\n{value}\r\n' for field, value in form.items())
    head += f'{line}"content"; filename="{wheel.name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    tail = "\r\n--frontier--\r\n"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        connection.putrequest("POST", "/legacy/")
        connection.putheader("Content-Type", "multipart/form-data; boundary=frontier")
        connection.putheader("Content-Length", str(len(head) + wheel.stat().st_size + len(tail)))
        connection.putheader("Authorization", basic(secret))
        connection.endheaders()
        with wheel.open("rb") as file:
            for part in (io.BytesIO(head.encode()), file, io.BytesIO(tail.encode())):
                while chunk := part.read(256 * 1024):
                    connection.send(chunk)
        response = connection.getresponse()
        response.read()
        return response.status, response.reason
    finally:
        connection.close()


class Peak:
    """The most memory that a process and its children held together, in bytes."""

    def __init__(self) -> None:
        self.bytes = 0


@contextmanager
def watched_memory(pid: int) -> Iterator[Peak]:
    """Sample resident memory of the process group that `pid` leads, five times a second."""
    peak, done = Peak(), threading.Event()

    def watch() -> None:
        while not done.is_set():
            peak.bytes = max(peak.bytes, _resident(pid))
            done.wait(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _resident(group: int) -> int:
    table = subprocess.run(["ps", "-eo", "pgid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = (line.split() for line in table.splitlines())
    return sum(int(rss) * 1024 for pgid, rss in rows if int(pgid) == group)
