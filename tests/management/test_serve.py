"""`serve` and `worker` start on a migrated database and say in one sentence why they do not."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from indexsite.management.commands import serve
from tests.support.site import ROOT


def run(command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "indexsite.settings", **environ}
    return subprocess.run(
        [sys.executable, "manage.py", command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_database_without_migrations_is_refused(command: str, tmp_path: Path) -> None:
    done = run(command, DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")
    assert done.returncode == 1
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("CommandError: The database lacks ")
    assert lines[0].endswith("run manage.py migrate first.")


def test_a_database_that_cannot_be_reached_is_named_as_the_reason() -> None:
    done = run("serve", DATABASE_URL="postgres://nobody@/nothing?host=/nonexistent")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "cannot be reached" in done.stderr
    assert "check DATABASE_URL" in done.stderr


@pytest.mark.django_db
def test_a_migrated_database_is_accepted() -> None:
    serve.refuse_unmigrated()


@pytest.mark.django_db
def test_the_server_is_gunicorn_as_configured_here_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[serve.Server] = []
    monkeypatch.setattr(serve.Server, "run", lambda server: served.append(server))
    call_command("serve", bind="127.0.0.1:8179", workers=3, threads=5)

    config = served[0].cfg
    assert config.address == [("127.0.0.1", 8179)]
    assert (config.workers, config.threads, config.worker_class_str) == (3, 5, "gthread")
    assert config.control_socket_disable
    # TRUSTED_PROXIES alone says whom to believe.
    assert (config.secure_scheme_headers, config.forwarder_headers) == ({}, [])
    assert callable(served[0].load())


def forgetful(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class urls:
    urlpatterns = [path("forgotten/", forgetful)]


@pytest.mark.django_db
def test_a_view_that_declares_no_policy_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[serve.Server] = []
    monkeypatch.setattr(serve.Server, "run", lambda server: served.append(server))
    with override_settings(ROOT_URLCONF=urls), pytest.raises(SystemCheckError, match="/forgotten/"):
        call_command("serve", skip_checks=False)
    assert served == []


def test_an_unreachable_database_raises_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable() -> int:
        raise serve.OperationalError("no such server\nand more")

    monkeypatch.setattr(serve, "pending_migrations", unreachable)
    with pytest.raises(CommandError, match=r"\(no such server\); check DATABASE_URL\."):
        serve.refuse_unmigrated()


def test_a_client_that_falls_silent_gives_its_thread_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "STALL_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serve._limit_stalls(SimpleNamespace(sockets=[SimpleNamespace(sock=listener)]))
        with socket.create_connection(listener.getsockname()) as client:
            accepted, _ = listener.accept()
            with accepted:
                accepted.setblocking(True)  # as gunicorn does for every request
                client.sendall(b"POST")
                assert accepted.recv(100) == b"POST"
                with pytest.raises(BlockingIOError):  # without the limit this waits for ever
                    accepted.recv(100)
