"""Proof by pushing a branch: against a real Git server, and what is not asked at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexsite import fetch
from indexsite.fetch import FetchFailed
from recovery import repositories
from recovery.repositories import Repository, has_branch, parse
from tests.support.gits import GitServer, serving

NONCE = "k7"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    with serving(tmp_path / "repositories", monkeypatch) as started:
        yield started


def repository(server: GitServer, path: str) -> Repository:
    found = parse(server.url(path))
    assert found is not None
    return found


def test_a_pushed_branch_is_seen(server: GitServer) -> None:
    server.make("alice/demo")
    demo = repository(server, "alice/demo")
    assert not has_branch(demo, NONCE)
    server.push_branch("alice/demo", NONCE)
    assert has_branch(demo, NONCE)
    assert not has_branch(demo, "k")
    assert not has_branch(demo, "k77")
    assert set(server.seen) == {"/alice/demo.git/info/refs?service=git-upload-pack"}


def test_a_branch_in_a_fork_and_a_request_to_merge_are_none(server: GitServer) -> None:
    server.make("alice/demo")
    server.make("mallory/demo")
    server.push_branch("mallory/demo", NONCE)
    branch = f"{repositories.BRANCH}{NONCE}"
    for reference in (
        f"refs/pull/1/{branch}",
        f"refs/tags/{branch}",
        f"refs/pull/{branch}/head",
        f"refs/heads/x/refs/heads/{branch}",
    ):
        server.set_reference("alice/demo", reference)
    assert has_branch(repository(server, "mallory/demo"), NONCE)
    assert not has_branch(repository(server, "alice/demo"), NONCE)


def test_a_repository_that_moved_away_is_not_followed(server: GitServer) -> None:
    """Whoever registers the name that its owner gave up could redirect to anywhere."""
    server.make("mallory/demo")
    server.push_branch("mallory/demo", NONCE)
    server.moved["/alice/demo.git/info/refs"] = server.url("mallory/demo.git/info/refs?service=git-upload-pack")
    with pytest.raises(FetchFailed, match="redirects"):
        has_branch(repository(server, "alice/demo"), NONCE)


def test_what_cannot_be_asked_is_no_yes(server: GitServer) -> None:
    with pytest.raises(FetchFailed, match="404"):
        has_branch(repository(server, "alice/none"), NONCE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>refs/heads/indexsite-recovery-k7</html>",
        b"0000",
        b"001e# service=git-upload-pack\n0000ffff",
        b"001e# service=git-upload-pack\n0000-001",
        b"001e# service=git-upload-pack\n00000001",
        b"0044" + b"a" * 40 + b" refs/heads/indexsite-recovery-k7",
    ],
)
def test_an_answer_that_is_not_gits_is_refused(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "get", lambda *args, **options: body)
    with pytest.raises(FetchFailed):
        has_branch(Repository("https://github.com", "alice/demo"), NONCE)


# --- Which addresses are asked ---


@pytest.mark.parametrize(
    ("url", "path", "boundary"),
    [
        ("https://github.com/Alice/Demo", "alice/demo", "github.com/alice"),
        ("https://github.com/alice/demo.git", "alice/demo", "github.com/alice"),
        ("https://github.com/alice/demo/issues?q=1#top", "alice/demo", "github.com/alice"),
        ("https://github.com/alice/demo/tree/main/src", "alice/demo", "github.com/alice"),
        ("https://gitlab.com/group/sub/demo", "group/sub/demo", "gitlab.com/group"),
        ("https://gitlab.com/group/sub/demo/-/issues", "group/sub/demo", "gitlab.com/group"),
        ("https://codeberg.org/alice/demo/", "alice/demo", "codeberg.org/alice"),
    ],
)
def test_a_page_of_a_repository_leads_to_it(url: str, path: str, boundary: str) -> None:
    found = parse(url)
    assert found is not None
    assert (found.path, found.boundary) == (path, boundary)


@pytest.mark.parametrize(
    "url",
    [
        "http://github.com/alice/demo",
        "https://github.com.evil.example/alice/demo",
        "https://evil.example/github.com/alice",
        "https://github.com@evil.example/alice/demo",
        "https://alice@github.com/alice/demo",
        "https://github.com:444/alice/demo",
        "https://github.com/alice",
        "https://github.com/",
        "https://github.com/alice/.git",
        "https://github.com/alice/..",
        "https://github.com/alice/%2e%2e",
        "https://github.com/alice/demo%00",
        "https://github.com/alice/de%0d%0amo",
        "https://github.com/alice/de\u00e9",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/alice/demo",
        "https://[::1/alice/demo",
        "file:///alice/demo",
        "git@github.com:alice/demo.git",
        "",
    ],
)
def test_nothing_else_is_asked(url: str) -> None:
    assert parse(url) is None


def test_without_the_list_of_hosts_anybody_could_be_asked(server: GitServer) -> None:
    """What the list prevents: an address in metadata would send this site to any host."""
    server.make("inside/secrets")
    body = fetch.get(
        server.url("inside/secrets.git/info/refs?service=git-upload-pack"),
        max_bytes=10_000,
        timeout=5,
        outside=repositories.OUTSIDE,
    )
    assert b"refs/heads/main" in body
    assert parse(server.url("inside/secrets").replace("localhost", "127.0.0.1")) is None


def test_two_repositories_of_one_owner_are_one_boundary() -> None:
    one, two = parse("https://github.com/alice/demo"), parse("https://github.com/alice/other")
    assert one is not None
    assert two is not None
    assert one.boundary == two.boundary
