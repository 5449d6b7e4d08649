"""A Git server on this machine: real repositories, the real list of references, plain http."""

from __future__ import annotations

import dataclasses
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from indexsite.fetch import Outside
from recovery import repositories


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: GitServer = self.server  # type: ignore[assignment]
        server.seen.append(self.path)
        parts = urlsplit(self.path)
        folder = server.folder / parts.path.removesuffix("/info/refs").strip("/")
        if parts.path in server.moved:
            self.send_response(301)
            self.send_header("Location", server.moved[parts.path])
            self.end_headers()
            return
        if parts.query != "service=git-upload-pack" or not folder.is_dir():
            self.send_error(404)
            return
        command = ["git", "upload-pack", "--stateless-rpc", "--advertise-refs", str(folder)]
        listed = subprocess.run(command, capture_output=True, check=True).stdout
        body = b"001e# service=git-upload-pack\n0000" + listed
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None: ...


class GitServer(ThreadingHTTPServer):
    """Repositories below `folder`, as `<owner>/<name>.git`."""

    daemon_threads = True
    folder: Path
    seen: list[str]
    moved: dict[str, str]

    @property
    def host(self) -> str:
        return f"localhost:{self.server_port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}/{path}"

    def make(self, path: str) -> Path:
        """A repository with one commit; returns its folder."""
        bare = self.folder / f"{path}.git"
        run("init", "-q", "--bare", "-b", "main", str(bare))
        tree = run("-C", str(bare), "hash-object", "-t", "tree", "-w", "/dev/null").strip()
        commit = run("-C", str(bare), "commit-tree", tree, "-m", "Begin").strip()
        run("-C", str(bare), "update-ref", "refs/heads/main", commit)
        return bare

    def set_reference(self, path: str, reference: str) -> None:
        bare = str(self.folder / f"{path}.git")
        run("-C", bare, "update-ref", reference, "refs/heads/main")

    def push_branch(self, path: str, nonce: str) -> None:
        """What somebody does who may push."""
        self.set_reference(path, f"refs/heads/{repositories.BRANCH}{nonce}")


def run(*arguments: str) -> str:
    identity = ["-c", "user.name=Alice", "-c", "user.email=alice@example.org"]
    done = subprocess.run(["git", *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@contextmanager
def serving(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    """The server, and a site whose operator allows it."""
    server = GitServer(("127.0.0.1", 0), _Handler)
    server.folder, server.seen, server.moved = folder, [], {}
    allowed = dataclasses.replace(settings.ENV, evidence_git_hosts=(server.host,))
    monkeypatch.setattr(settings, "ENV", allowed)
    here = Outside(schemes=frozenset({"http", "https"}), ports=None, allows=lambda address: True)
    monkeypatch.setattr(repositories, "OUTSIDE", here)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
