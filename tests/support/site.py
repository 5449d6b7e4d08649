"""A whole site as operators run it: a migrated database, the production web server and the worker as processes."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg

from tests.support import migrated

ROOT = Path(__file__).resolve().parents[2]
# How long a busy machine may take; on a quiet one none of it is needed.
START_SECONDS = 180
MAIL_SECONDS = 60


class Site:
    """One site below `directory`, on the kind of database this run is about. Production settings, demo allowed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.port = _free_port()
        self.url = f"http://localhost:{self.port}"
        self.env = {
            **_inherited(),
            "SECRET_KEY": secrets.token_urlsafe(48),
            "DEBUG": "0",
            "DEMO": "1",
            "SITE_URL": self.url,
            "DATABASE_URL": _own_database(directory),
            "STORAGE_URL": f"file://{directory}/files",
            "EMAIL_URL": f"file://{directory}/mail",
        }
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def upload_url(self) -> str:
        return f"{self.url}/legacy/"

    @property
    def index_url(self) -> str:
        return f"{self.url}/simple/"

    @property
    def mail_dir(self) -> Path:
        return self.directory / "mail"

    def manage(self, *arguments: str) -> str:
        """Run one management command; returns what it printed.

        Raises:
            AssertionError: it failed.
        """
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def script(self, code: str) -> Any:
        """Run Python inside the site; returns the JSON it printed last."""
        return json.loads(self.manage("shell", "--verbosity", "0", "-c", code).splitlines()[-1])

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a query finds; a thousandth of what it costs to ask by `script`."""
        address = self.env["DATABASE_URL"]
        if address.startswith("sqlite"):
            with closing(sqlite3.connect(address.removeprefix("sqlite:///"))) as database:
                return database.execute(sql).fetchall()
        with psycopg.connect(address.replace("postgres://", "postgresql://", 1)) as connection:
            return connection.execute(sql).fetchall()

    def demo(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.manage("demo", "--json"))
        return told

    def start(self) -> None:
        """Start web server and worker, and wait until pages are served."""
        self._start("serve", "--bind", f"127.0.0.1:{self.port}", "--workers", "1")
        self._start("worker")
        self._wait_until_up()

    def stop(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
        for process in self._processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def get(self, path: str, **headers: str) -> bytes:
        """Body of a GET below the site, or of an absolute address.

        Raises:
            urllib.error.HTTPError: as the site answered.
        """
        address = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(
            address, headers={name.replace("_", "-"): v for name, v in headers.items()}
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            body: bytes = response.read()
        return body

    def files_of(self, project: str) -> dict[str, dict[str, Any]]:
        """The project's simple page as JSON: filename -> entry."""
        page = json.loads(self.get(f"/simple/{project}/", Accept="application/vnd.pypi.simple.v1+json"))
        return {entry["filename"]: entry for entry in page["files"]}

    def letter_to(self, address: str, *, containing: str = "", after: int = 0) -> EmailMessage:
        """The newest letter to this address, once it is there.

        Args:
            containing: words of its text, wherever its lines break.
            after: how many of the letters to this address to pass over, oldest first.
        """
        deadline = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < deadline:
            for letter in reversed(self.letters_to(address)[after:]):
                if containing in " ".join(letter.get_body(("plain",)).get_content().split()):
                    return letter
            time.sleep(0.2)
        raise AssertionError(f"no letter to {address} within {MAIL_SECONDS} s; log: {self.log()[-2000:]}")

    def letters_to(self, address: str) -> list[EmailMessage]:
        paths = sorted(self.mail_dir.glob("*.eml")) if self.mail_dir.exists() else []
        letters = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]
        return [letter for letter in letters if address in str(letter["To"])]

    def confirm_sign_in(self, page: Any, address: str, *, after: int) -> None:
        """In a browser that the account does not know: open the mailed link and press its button.

        Args:
            after: how many letters had gone to this address before the sign-in.
        """
        if not page.url.endswith("/account/confirm-sign-in/"):
            return
        letter = self.letter_to(address, containing="/account/confirm-sign-in/", after=after)
        text = letter.get_body(("plain",)).get_content()
        page.goto(next(line for line in text.splitlines() if line.startswith(self.url)))
        page.get_by_role("button", name="Yes, sign me in").click()

    def log(self) -> str:
        return "".join(path.read_text() for path in sorted(self.directory.glob("*.log")))

    def server_peak_memory(self) -> int:
        """The most memory a process of the web server has had resident, in bytes (Linux)."""
        master = self._processes[0].pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        status = (Path(f"/proc/{pid}/status").read_text() for pid in children)
        peaks = (int(found[1]) for text in status if (found := re.search(r"VmHWM:\s+(\d+) kB", text)))
        return max(peaks) * 1024

    def _start(self, *arguments: str, program: Sequence[str] = ("manage.py",)) -> None:
        with (self.directory / f"{arguments[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *program, *arguments],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(process)

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert all(process.poll() is None for process in self._processes), self.log()
            try:
                self.get("/simple/")
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError(f"the site did not start within {START_SECONDS} s: {self.log()}")


def _inherited() -> dict[str, str]:
    """Our environment without the test run's own settings module."""
    return {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _own_database(directory: Path) -> str:
    """A migrated database of this site's own, on the server of this run."""
    run = os.environ["DATABASE_URL"]
    if run.startswith("sqlite"):
        return migrated.sqlite_copy(directory / "site.sqlite3")
    return migrated.postgresql_copy(run, f"site_{secrets.token_hex(6)}")
