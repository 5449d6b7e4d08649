"""Pipelines that wait for a decision: the answer that is held back, and the program that asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from indexsite import clock, limits
from indexsite.limits import Limit, Rate
from releases import wait, waiting
from releases.actions.drafts.ending import cancel_draft
from releases.actions.drafts.publishing import publish_draft, return_draft, submit_draft
from releases.models import Draft, Project, Role
from tests.support import cast
from tests.support.drafts import again, by_token, gathered, in_browser
from tests.support.tokens import basic
from tests.support.uploads import token_for

PROGRAM = settings.BASE_DIR / "releases" / "wait.py"


@pytest.fixture
def project(transactional_db: None, alice: User, bob: User) -> Project:
    return cast.ProjectFactory(name="sampleproject", owner=alice, maintainer=bob, last_serial=1)


@pytest.fixture
def draft(project: Project, bob: User) -> Draft:
    return submit_draft(actor=by_token(bob), draft=gathered(by_token(bob)), at=clock.now())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_EVERY", 0.02)
    monkeypatch.setattr(waiting, "MAX_SECONDS", 0.4)


def asked(draft: Draft, secret: str, seconds: str = "30") -> Any:
    address = f"/upload/2.0/session/{draft.public_id}/?wait={seconds}"
    return Client().get(address, headers={"Authorization": basic(secret)})


def publish(draft: Draft, alice: User) -> None:
    publish_draft(actor=in_browser(alice), draft=draft, digest=draft.digest, at=clock.now())


# -- the answer -------------------------------------------------------------------------------------------------


def test_an_answer_is_held_back_until_the_draft_changes(
    draft: Draft, alice: User, bob: User, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def decide(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            publish(draft, alice)

    monkeypatch.setattr(waiting.time, "sleep", decide)
    answer = asked(draft, token_for(bob))

    assert (answer.status_code, answer.json()["status"], answer["Retry-After"]) == (200, "published", "1")
    assert len(looks) == 3
    assert asked(draft, token_for(bob)).json()["status"] == "published"
    assert len(looks) == 3


def test_no_answer_is_held_back_for_longer_than_the_cap(draft: Draft, bob: User, quick: None) -> None:
    answer = asked(draft, token_for(bob), "99999")

    assert (answer.status_code, answer.json()["status"]) == (200, "processing")
    assert asked(draft, token_for(bob), "soon").json()["status"] == "processing"


def test_few_wait_at_once_and_the_others_are_answered(draft: Draft, bob: User, quick: None) -> None:
    secret = token_for(bob)
    assert waiting.PLACES <= 8 // 4
    assert waiting._places.acquire(blocking=False)
    assert asked(draft, secret)["Retry-After"] == "1"
    assert waiting._places.acquire(blocking=False)
    try:
        assert asked(draft, secret)["Retry-After"] == "10"
    finally:
        waiting._places.release(2)


def test_whoever_lost_the_right_meanwhile_hears_that(
    draft: Draft, bob: User, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = token_for(bob)
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: Role.objects.filter(user=bob).delete())

    assert asked(draft, secret).status_code == 403


def test_waiting_is_counted(draft: Draft, bob: User, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.LIMITS, Limit.DRAFT_WAIT_USER, Rate(1, 3600, "Too many"))
    secret = token_for(bob)

    assert asked(draft, secret, "0").status_code == 200
    refused = asked(draft, secret, "0")
    assert refused.status_code == 429
    assert (
        Client()
        .get(f"/upload/2.0/session/{draft.public_id}/", headers={"Authorization": basic(secret)})
        .status_code
        == 200
    )


# -- the program ------------------------------------------------------------------------------------------------


type Decide = Callable[[Draft, User], object]


def start(url: str, secret: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {"PATH": os.environ["PATH"], "INDEXSITE_TOKEN": secret, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-I", PROGRAM, url, *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def sent_back(draft: Draft, alice: User) -> None:
    return_draft(actor=in_browser(alice), draft=draft, reason="Not yet.", at=clock.now())


def canceled(draft: Draft, alice: User) -> None:
    sent_back(draft, alice)
    cancel_draft(actor=in_browser(alice), draft=again(draft), at=clock.now())


@pytest.mark.parametrize(
    ("decide", "code", "words"),
    [(publish, 0, "The draft is published."), (sent_back, 1, "Not yet."), (canceled, 1, "")],
)
def test_the_program_ends_as_people_decide(
    decide: Decide, code: int, words: str, draft: Draft, alice: User, bob: User, live_server: LiveServer
) -> None:
    process = start(f"{live_server.url}/manage/draft/{draft.public_id}/", token_for(bob), "--timeout", "60")
    assert process.stdout is not None
    assert process.stdout.readline() == "The draft is processing.\n"
    decide(draft, alice)

    out, error = process.communicate(timeout=60)

    assert (process.returncode, error) == (code, "")
    assert words in out


def test_the_program_gives_up_when_its_time_is_over(draft: Draft, bob: User, live_server: LiveServer) -> None:
    process = start(f"{live_server.url}/upload/2.0/session/{draft.public_id}/", token_for(bob), "--timeout", "1.2")

    out, error = process.communicate(timeout=30)

    assert (process.returncode, out) == (2, "The draft is processing.\n")
    assert "nobody has decided" in error


def test_what_cannot_be_asked_is_neither_a_no_nor_a_lapse_of_time(
    draft: Draft, alice: User, bob: User, live_server: LiveServer
) -> None:
    url = f"{live_server.url}/upload/2.0/session/{draft.public_id}/"
    for address, secret, words in (
        (url, "idx-wrong", "answered 401"),
        (url.replace("-", "0"), token_for(bob), "answered 404"),
        (url, "", "INDEXSITE_TOKEN"),
        ("http://index.example.org/x", "idx-x", "https"),
    ):
        _, error = (process := start(address, secret, "--timeout", "5")).communicate(timeout=30)
        assert (process.returncode, words in error) == (3, True), error
    usage = subprocess.run([sys.executable, "-I", PROGRAM], capture_output=True, text=True, check=False)
    assert usage.returncode == 3


def test_it_needs_neither_django_nor_anything_else() -> None:
    code = "import sys, releases.wait; print({'django', 'indexsite'} & sys.modules.keys())"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, capture_output=True, text=True, check=True
    )
    helped = subprocess.run(
        [sys.executable, "-m", "releases.wait", "--help"],
        cwd=settings.BASE_DIR, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert ran.stdout == "set()\n"
    assert "--timeout" in helped.stdout
    assert (settings.BASE_DIR / "static" / "releases" / "wait.py").read_bytes() == PROGRAM.read_bytes()


class _Elsewhere(BaseHTTPRequestHandler):
    """A server that sends everybody to another host, which is this one under another name."""

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers["Authorization"]))  # type: ignore[attr-defined]
        self.send_response(302 if self.path.startswith("/session") else 200)
        self.send_header("Location", f"http://localhost:{self.server.server_port}/thief")  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def elsewhere() -> Iterator[Any]:
    server: Any = HTTPServer(("127.0.0.1", 0), _Elsewhere)
    server.seen = []
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_the_token_does_not_follow_a_redirect(elsewhere: Any) -> None:
    with pytest.raises(wait.Failed, match="302"):
        wait.ask(f"http://127.0.0.1:{elsewhere.server_port}/session", "idx-secret", held=0)

    assert [path for path, _ in elsewhere.seen] == ["/session?wait=0"]


def test_a_server_that_is_away_is_asked_again() -> None:
    body, rest = wait.ask("http://127.0.0.1:9/session", "idx-secret", held=0)

    assert (body, rest) == ({}, wait.REST)
