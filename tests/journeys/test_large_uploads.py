"""Large uploads against the production server: memory stays flat, and a refusal is heard."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.large import MB, post, watched_memory, write_wheel
from tests.support.site import ROOT, Site, _free_port

# The same server, except that it closes the connection on a body nobody wants.
WITHOUT_DRAINING = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "indexsite.settings"
django.setup()
from django.core.management import execute_from_command_line
from releases import api_receive
api_receive.drain = lambda request: None
execute_from_command_line(["manage.py", "serve", "--workers", "1", "--bind", sys.argv[1]])
"""


@pytest.fixture(scope="module")
def secret(site: Site) -> str:
    """A token of somebody who may create projects."""
    text: str = site.script(
        "import json; from tests.support import cast; from tests.support.uploads import token_for; "
        "print(json.dumps(token_for(cast.person('heavy'))))"
    )
    return text


def upload_watched(site: Site, secret: str, directory: Path, megabytes: int) -> tuple[int, float, float]:
    """Upload so much; returns status and the server's peak memory for a small file and for this one, in MB."""
    server = site._processes[0].pid
    small = write_wheel(directory, f"small{megabytes}", MB)
    with watched_memory(server) as before:
        assert post(site.port, small, secret)[0] == 200
    large = write_wheel(directory, f"large{megabytes}", megabytes * MB)
    with watched_memory(server) as during:
        status, reason = post(site.port, large, secret)
    assert status == 200, reason
    (entry,) = site.files_of(f"large{megabytes}").values()
    assert entry["size"] == large.stat().st_size
    large.unlink()
    return status, before.bytes / MB, during.bytes / MB


def test_memory_stays_flat(site: Site, secret: str, tmp_path: Path) -> None:
    _status, before, during = upload_watched(site, secret, tmp_path, 120)

    assert during - before < 40


def test_a_refusal_is_heard_by_a_client_that_sends_everything_first(site: Site, tmp_path: Path) -> None:
    status, reason = post(site.port, write_wheel(tmp_path, "unwanted", 60 * MB), "idx-AAAA")

    assert status == 403
    assert "token" in reason


@pytest.fixture
def hasty_port(site: Site, tmp_path: Path) -> Iterator[int]:
    """A server of the same site that does not read what it does not want."""
    port = _free_port()
    command = [sys.executable, "-c", WITHOUT_DRAINING, f"127.0.0.1:{port}"]
    with (tmp_path / "hasty.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=site.env, stdout=log, stderr=log)
    try:
        while process.poll() is None and not _is_listening(port):
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_without_draining_the_refusal_is_lost(hasty_port: int, tmp_path: Path) -> None:
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        post(hasty_port, write_wheel(tmp_path, "unwanted", 60 * MB), "idx-AAAA")
