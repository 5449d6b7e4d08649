"""Webhooks: signed, told once per message, tried again, never sent inside, and owners' alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import User
from indexsite import clock, fetch, task_backend
from indexsite.errors import Conflict, InvalidInput
from indexsite.fetch import Outside
from indexsite.models import AuditEvent
from releases import signing
from releases.actions import webhooks
from releases.actions.drafts.ending import cancel_draft
from releases.actions.drafts.publishing import publish_draft, return_draft, submit_draft
from releases.models import Delivery, Draft, Project, Webhook
from releases.models.webhooks import KEPT, MAX_PER_PROJECT, PAUSES
from tests.support import cast
from tests.support.drafts import again, begin, by_token, gathered, in_browser
from tests.support.letters import delivered, said
from tests.support.people import browser

pytestmark = pytest.mark.django_db

PAGE = "/manage/project/sampleproject/settings/webhooks/"


class _Receiver(BaseHTTPRequestHandler):
    """Notes what comes, and answers what the test wants."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server of the test's own; the rules of what is outside let it through."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Receiver)
    server.got, server.status = [], 204
    server.url = f"http://localhost:{server.server_port}/hook?key=1"
    rules = Outside(schemes=frozenset({"http"}), ports=None, allows=lambda address: address.is_loopback)
    monkeypatch.setattr(webhooks, "OUTSIDE", rules)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def project(alice: User, bob: User) -> Project:
    return cast.ProjectFactory(name="sampleproject", owner=alice, maintainer=bob, last_serial=1)


@pytest.fixture
def secret(receiver: Any, project: Project, alice: User) -> str:
    """That of a webhook of the project, at the receiver."""
    return add(alice, project, receiver.url)[1]


def add(owner: User, project: Project, url: str) -> tuple[Webhook, str]:
    return webhooks.add_webhook(actor=cast.actor(owner), project=project, url=url, at=clock.now())


def handed_in(by: User) -> Draft:
    return submit_draft(actor=by_token(by), draft=gathered(by_token(by)), at=clock.now())


def told(receiver: Any) -> list[tuple[str, str]]:
    """Kind and status of each message, in order."""
    task_backend.work_off()
    return [((body := json.loads(raw))["type"], body["data"]["status"]) for _, raw in receiver.got]


def test_every_turn_of_a_draft_is_told(receiver: Any, secret: str, alice: User, bob: User) -> None:
    draft = handed_in(bob)
    return_draft(actor=in_browser(alice), draft=draft, reason="Not yet.", at=clock.now())
    submit_draft(actor=by_token(bob), draft=again(draft), at=clock.now())
    draft = again(draft)
    publish_draft(actor=in_browser(alice), draft=draft, digest=draft.digest, at=clock.now())
    other = begin(by_token(bob), version="2.0")
    cancel_draft(actor=in_browser(alice), draft=other, at=clock.now())

    assert told(receiver) == [
        ("draft.submitted", "processing"),
        ("draft.returned", "error"),
        ("draft.submitted", "processing"),
        ("draft.published", "published"),
        ("draft.canceled", "canceled"),
    ]
    data = json.loads(receiver.got[1][1])["data"]
    assert (data["project"], data["version"], data["notice"]) == ("sampleproject", "1.0", "Not yet.")
    assert str(draft.public_id) in data["review"]
    assert str(draft.public_id) in data["session"]


def test_a_receiver_can_check_who_sent_it_and_when(receiver: Any, secret: str, bob: User) -> None:
    """By the words of the Standard Webhooks specification, not by our own function."""
    handed_in(bob)
    task_backend.work_off()
    headers, body = receiver.got[0]

    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b"%s.%s.%s" % (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body)
    expected = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == expected
    assert abs(int(headers["webhook-timestamp"]) - clock.now().timestamp()) < 60
    assert headers["Content-Type"] == "application/json"
    assert headers["webhook-id"].startswith("msg_")
    assert len(key) == 32


def test_the_example_of_the_specification() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, tz=UTC)
    headers = signing.signed_headers(
        key, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at, body=b'{"test": 2432232314}'
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_fails_is_tried_again_with_growing_pauses_under_the_same_id(
    receiver: Any, secret: str, bob: User
) -> None:
    receiver.status = 503
    handed_in(bob)
    task_backend.work_off()
    delivery, at = Delivery.objects.get(), clock.now()

    for number, pause in enumerate(PAUSES, start=1):
        delivery.refresh_from_db()
        assert (delivery.tries, delivery.done_at, delivery.gave_up_at) == (number, None, None)
        assert delivery.notice == "localhost answered with status 503."
        assert abs(delivery.next_at - at - pause) < timedelta(minutes=1)
        assert webhooks.deliver(delivery.pk, at=delivery.next_at - timedelta(seconds=1)) is False
        at = delivery.next_at
        assert webhooks.tend(at=at) == 1
        assert webhooks.deliver(delivery.pk, at=at) is False

    delivery.refresh_from_db()
    assert len(receiver.got) == delivery.tries == len(PAUSES) + 1
    assert delivery.gave_up_at == at
    assert sorted(PAUSES) == list(PAUSES)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1
    assert webhooks.tend(at=at + timedelta(days=9)) == 0
    assert webhooks.deliver(delivery.pk, at=at + timedelta(days=9)) is False


def test_a_receiver_that_comes_back_gets_it_once(receiver: Any, secret: str, bob: User) -> None:
    receiver.status = 500
    handed_in(bob)
    task_backend.work_off()
    receiver.status = 200
    delivery = Delivery.objects.get()
    at = delivery.next_at

    assert webhooks.deliver(delivery.pk, at=at) is True
    assert webhooks.deliver(delivery.pk, at=at + timedelta(days=1)) is False
    delivery.refresh_from_db()
    assert (delivery.tries, delivery.notice, delivery.gave_up_at) == (2, "", None)


def test_a_try_that_crashed_is_made_again(
    receiver: Any, secret: str, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_in(bob)
    delivery = Delivery.objects.get()
    monkeypatch.setattr(fetch, "post", lambda *args, **options: (_ for _ in ()).throw(MemoryError))
    with pytest.raises(MemoryError):
        webhooks.deliver(delivery.pk, at=clock.now())
    monkeypatch.undo()

    delivery.refresh_from_db()
    assert delivery.done_at is None
    assert delivery.next_at > clock.now()


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1"]
)
def test_nothing_is_sent_to_an_address_inside(
    address: str, project: Project, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = Outside(resolve=lambda host, port: [ipaddress.ip_address(address)])
    monkeypatch.setattr(webhooks, "OUTSIDE", inside)
    add(alice, project, "https://hooks.example.org/x")
    handed_in(bob)

    task_backend.work_off()

    delivery = Delivery.objects.get()
    assert (delivery.done_at, delivery.notice) == (None, "hooks.example.org is not on the public Internet.")


def test_redirects_are_not_followed(receiver: Any, secret: str, bob: User) -> None:
    receiver.status = 307
    handed_in(bob)
    task_backend.work_off()

    assert len(receiver.got) == 1
    assert Delivery.objects.get().notice == "localhost redirects, which is not followed."


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/",
        "https://user:pass@hooks.example.org/",
        "https://hooks.example.org:8443/",
        "ftp://x/",
        "https://",
        "https://hooks.example.org/\r\nX: y",
        "https://hooks.example.org/" + "x" * 500,
        "javascript:alert(1)",
    ],
)
def test_what_cannot_be_told_is_not_added(url: str, project: Project, alice: User) -> None:
    with pytest.raises(InvalidInput) as refused:
        add(alice, project, url)
    assert refused.value.code == "invalid-webhook"


def test_there_are_few_and_each_once(project: Project, alice: User) -> None:
    for number in range(MAX_PER_PROJECT):
        add(alice, project, f"https://hooks.example.org/{number}")
    for url, code in (
        ("https://hooks.example.org/0", "webhook-exists"),
        ("https://hooks.example.org/9", "too-many-webhooks"),
    ):
        with pytest.raises(Conflict) as refused:
            add(alice, project, url)
        assert refused.value.code == code


def test_an_owner_adds_one_reads_the_secret_once_and_removes_it(
    project: Project, alice: User, mail_dir: Path
) -> None:
    client = browser(alice)
    assert "Webhooks…" in client.get("/manage/project/sampleproject/settings/").text
    added = client.post(PAGE, {"url": "https://hooks.example.org/token/abc"})
    found = re.search(r"whsec_[\w+/=]+", added.text)
    assert found is not None
    assert "no-store" in added["Cache-Control"]
    webhook = Webhook.objects.get()
    assert signing.shown(webhook.secret) == found.group()
    assert found.group() not in client.get(PAGE).text
    assert found.group().removeprefix("whsec_").encode() not in bytes(webhook.sealed)

    page = f"{PAGE}{webhook.public_id}/"
    assert found.group() not in client.get(page).text
    assert client.post(page)["Location"] == PAGE
    assert not Webhook.objects.exists()

    subjects = [str(letter["Subject"]) for letter in delivered(mail_dir)]
    assert subjects == ["sampleproject: a webhook was added", "sampleproject: a webhook was removed"]
    assert "hooks.example.org is told" in said(delivered(mail_dir)[0])
    assert "abc" not in said(delivered(mail_dir)[0])
    events = AuditEvent.objects.filter(name__startswith="webhook.")
    assert [event.data for event in events.order_by("pk")] == [{"host": "hooks.example.org"}] * 2


def test_the_page_shows_how_messages_stand(receiver: Any, secret: str, alice: User, bob: User) -> None:
    receiver.status = 500
    handed_in(bob)
    task_backend.work_off()
    webhook = Webhook.objects.get()

    text = browser(alice).get(f"{PAGE}{webhook.public_id}/").text

    assert "localhost answered with status 500." in text
    assert "next try on" in text
    assert Delivery.objects.get().message_id in text


def test_only_owners_come_near(project: Project, alice: User, bob: User, mallory: User) -> None:
    assert browser(bob).get(PAGE).status_code == 403
    assert browser(mallory).get(PAGE).status_code == 404
    assert browser(bob).post(PAGE, {"url": "https://hooks.example.org/"}).status_code == 403
    assert "Webhooks…" not in browser(bob).get("/manage/project/sampleproject/settings/").text
    assert not Webhook.objects.exists()


def test_the_secret_is_sealed_anew(project: Project, alice: User, settings: Any) -> None:
    webhook, shown = add(alice, project, "https://hooks.example.org/")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-" * 6
    call_command("reseal", verbosity=0)
    settings.SECRET_KEY_FALLBACKS = []

    assert signing.shown(Webhook.objects.get(pk=webhook.pk).secret) == shown


def test_old_messages_are_forgotten(receiver: Any, secret: str, bob: User) -> None:
    handed_in(bob)
    task_backend.work_off()
    webhooks.tend(at=clock.now() + KEPT + timedelta(days=1))

    assert not Delivery.objects.exists()


def test_a_project_without_webhooks_queues_nothing(project: Project, bob: User) -> None:
    handed_in(bob)

    assert not Delivery.objects.exists()
