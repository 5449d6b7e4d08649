"""The audit trail in the console: searched page by page, taken along, unmasked, checked; and who hears of it."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts.models import StaffKind, User
from indexsite import audit, audit_seal, audit_trail, auditing, clock, tasks
from indexsite.actors import Actor
from indexsite.models import AuditEvent
from tests.support import cast, people
from tests.support.append_only import tampering
from tests.support.worker import run_queued

pytestmark = pytest.mark.django_db

TRAIL = "/admin/audit/"
BROKEN = "indexsite: the audit trail is not as it was sealed"


@pytest.fixture
def audra(db: None) -> User:
    return cast.staff("audra", StaffKind.AUDITOR)


def happened(user: User, event: audit.Event, *, address: str = "198.51.100.7") -> AuditEvent:
    with transaction.atomic():
        return audit.record(Actor(user=user, address=address, client="Browser/1.0"), event)


def added(user: User, email: str, **options: Any) -> AuditEvent:
    return happened(user, audit.EmailAdded(about=user, email=email), **options)


def test_an_auditor_finds_events_by_what_they_say(audra: User, alice: User, bob: User) -> None:
    added(alice, "one@example.org")
    added(bob, "two@example.org", address="203.0.113.9")
    happened(bob, audit.ProjectCreated(project="sampleproject"))
    client = people.browser(audra)

    for query, shown, hidden in [
        ({}, ["one@", "two@", "Project sampleproject"], []),
        ({"actor": "bob"}, ["two@", "Project sampleproject"], ["one@"]),
        ({"about": "alice"}, ["one@"], ["two@"]),
        ({"project": "sampleproject"}, ["Project sampleproject"], ["one@", "two@"]),
        ({"event": "email"}, ["one@", "two@"], ["Project sampleproject"]),
        ({"event": "project.created"}, ["Project sampleproject"], ["one@"]),
        ({"address": "203.0.113.9"}, ["two@"], ["one@"]),
        ({"since": "2001-01-01", "until": "2001-12-31"}, ["No event."], ["one@", "two@"]),
        ({"since": f"{clock.now():%Y-%m-%d}"}, ["one@", "two@"], []),
        ({"actor": "nobody-here"}, ["No event."], ["one@"]),
    ]:
        text = client.get(TRAIL, query).text
        assert [word in text for word in shown] == [True] * len(shown), query
        assert [word in text for word in hidden] == [False] * len(hidden), query


def test_what_cannot_be_read_restricts_nothing_and_is_said(audra: User, alice: User) -> None:
    added(alice, "one@example.org")
    response = people.browser(audra).get(TRAIL, {"since": "yesterday", "before": "²"})
    assert "year-month-day" in response.text
    assert "one@" in response.text
    for query in ({"until": "9999-12-31"}, {"before": "9" * 40}, {"project": "\x00"}):
        assert people.browser(audra).get(TRAIL, query).status_code < 500


def test_pages_go_on_from_a_number_and_cost_the_same(
    audra: User, alice: User, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(audit_trail, "PAGE_LENGTH", 3)
    for number in range(8):
        added(alice, f"n{number}@example.org")
    wanted = audit_trail.Search(about="alice")

    first = audit_trail.find(wanted)
    added(alice, "late@example.org")
    second = audit_trail.find(wanted, before=first.older)
    last = audit_trail.find(wanted, before=second.older)

    assert [row.data["email"][:2] for row in (*first.rows, *second.rows, *last.rows)] == [
        f"n{number}" for number in range(7, -1, -1)
    ]
    assert last.older is None
    client = people.browser(audra)
    with django_assert_max_num_queries(24):
        assert client.get(TRAIL, {"event": "email"}).status_code == 200


def test_where_no_index_leads_a_page_looks_at_so_many_and_says_so(
    audra: User, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_trail, "WINDOW", 4)
    happened(alice, audit.PasswordChanged(about=alice))
    for number in range(8):
        added(alice, f"n{number}@example.org")
    client = people.browser(audra)

    text, query = client.get(TRAIL, {"event": "password"}).text, {"event": "password"}
    assert "None among the 4 events" in text
    for _ in range(4):
        page = audit_trail.find(audit_trail.Search(event="password"), before=query.get("before"))
        if page.rows:
            break
        query["before"] = page.older  # type: ignore[assignment]
    assert [row.name for row in page.rows] == ["password.changed"]


def test_days_are_found_without_looking_at_everything(alice: User) -> None:
    at = clock.now()
    for days in range(40, 0, -1):
        AuditEvent.objects.create(
            at=at - timedelta(days=days),
            name="email.added",
            actor_label="alice",
            credential_label="x",
            data={"email": f"d{days}@"},
        )
    day = (at - timedelta(days=20)).date()
    found = audit_trail.find(audit_trail.Search(since=day, until=day))
    assert [row.data["email"] for row in found.rows] == ["d20@"]


# -- who hears of it ----------------------------------------------------------------------------------------


def test_whoever_is_looked_for_by_name_reads_that_somebody_looked(audra: User, alice: User) -> None:
    client = people.browser(audra)
    client.get(TRAIL)
    client.get(TRAIL, {"event": "email"})
    assert people.events(alice) == []

    client.get(TRAIL, {"about": "alice"})
    client.get(TRAIL, {"actor": "nobody"})

    assert people.events(alice) == ["account.history-viewed"]
    assert "looked into the history of alice" in people.browser(alice).get("/account/history/").text


def test_addresses_are_neighbourhoods_until_somebody_says_why(audra: User, alice: User) -> None:
    row = added(alice, "one@example.org", address="198.51.100.77")
    client, page = people.browser(audra), f"{TRAIL}event/{row.pk}/"
    for text in (client.get(TRAIL).text, client.get(page).text, client.post(page, {"reason": " "}).text):
        assert "198.51.100.77" not in text
        assert "198.51.100.x" in text

    assert "198.51.100.77" in client.post(page, {"reason": "A warrant"}).text

    shown = AuditEvent.objects.get(name="audit.address-shown")
    assert (shown.about, shown.actor, shown.data["reason"]) == (alice, audra, "A warrant")
    mine = people.browser(alice).get("/account/history/").text
    assert "A warrant" in mine
    assert "audra" not in mine


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_export_has_what_the_page_shows_and_stands_in_the_trail(audra: User, alice: User, form: str) -> None:
    added(alice, "=cmd()@example.org", address="198.51.100.77")
    happened(alice, audit.PasswordChanged(about=alice))
    client = people.browser(audra)

    response = client.post(f"{TRAIL}?event=email&about=alice", {"format": form, "reason": "Asked by the board"})

    body = response.getvalue().decode()
    lines = list(csv.DictReader(io.StringIO(body))) if form == "csv" else json.loads(body)
    (line,) = lines
    assert (line["event"], line["actor"], line["place"]) == ("email.added", "alice", "network 198.51.100.x")
    assert "198.51.100.77" not in body
    assert response["Content-Disposition"] == f'attachment; filename="audit-trail.{form}"'
    row = AuditEvent.objects.get(name="audit.exported")
    assert row.data == {"what": "event email, about alice", "format": form, "reason": "Asked by the board"}
    assert row.about == alice


def test_nothing_leaves_without_a_reason_or_with_filters_that_cannot_be_read(audra: User, alice: User) -> None:
    added(alice, "one@example.org")
    client = people.browser(audra)
    for query, body in [
        ("", {"format": "csv", "reason": " "}),
        ("?since=x", {"format": "csv", "reason": "Why not"}),
    ]:
        response = client.post(f"{TRAIL}{query}", body)
        assert response.status_code == 400
        assert "Content-Disposition" not in response
    assert not AuditEvent.objects.filter(name="audit.exported").exists()


def test_a_long_export_says_that_there_is_more(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_trail, "PAGE_LENGTH", 2)
    monkeypatch.setattr(audit_trail, "EXPORT_LENGTH", 4)
    for number in range(6):
        added(alice, f"n{number}@example.org")
    lines = list(audit_trail.export(audit_trail.Search(about="alice")))
    assert [line.event for line in lines] == ["email.added"] * 4 + ["export.cut"]


@pytest.mark.parametrize("kind", [kind for kind in StaffKind if kind != StaffKind.AUDITOR])
def test_nobody_else_reads_the_trail(alice: User, kind: StaffKind) -> None:
    row = added(alice, "one@example.org")
    client = people.browser(cast.staff("someone", kind))
    for path in (TRAIL, f"{TRAIL}seals/", f"{TRAIL}event/{row.pk}/"):
        assert client.get(path).status_code == 403
        assert client.post(path, {"format": "csv", "reason": "Curious"}).status_code == 403
    assert people.events(alice) == ["email.added"]


# -- the seals ----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_worker_looks_and_the_page_says_what_it_found(audra: User, alice: User) -> None:
    row = added(alice, "one@example.org")
    audit_seal.seal(at=clock.now())
    client = people.browser(audra)
    assert "Nobody has looked yet" in client.get(f"{TRAIL}seals/").text

    client.post(f"{TRAIL}seals/")
    run_queued()
    assert "All is as it was sealed" in client.get(f"{TRAIL}seals/").text

    with tampering():
        AuditEvent.objects.filter(pk=row.pk)._raw_delete("default")
    client.post(f"{TRAIL}seals/")
    run_queued()
    text = client.get(f"{TRAIL}seals/").text
    assert "not as it was sealed" in text
    assert f"Event {row.pk}, sealed in batch 1, was removed." in text
    assert auditing.last_check() is not None


@pytest.mark.django_db(transaction=True)
def test_whoever_changes_a_row_is_told_of_to_security_auditors_and_operators(
    audra: User, alice: User, settings: Any
) -> None:
    settings.ENV = dataclasses.replace(settings.ENV, audit_heads_to=("operator@example.net",))
    sven, mona = cast.staff("sven", StaffKind.SECURITY), cast.staff("mona", StaffKind.MODERATOR)
    gone = cast.staff("gone", StaffKind.SECURITY)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    row = added(alice, "one@example.org")
    audit_seal.seal(at=clock.now())
    tasks.check_audit.enqueue()
    run_queued()
    assert BROKEN not in people.subjects(people.letters())
    assert "not as it was sealed" not in people.browser(mona).get("/admin/").text

    with tampering(), connection.cursor() as cursor:
        cursor.execute("UPDATE indexsite_auditevent SET client = 'Other/1.0' WHERE id = %s", [row.pk])
    tasks.check_audit.enqueue()
    run_queued()

    told = [letter for letter in people.letters() if letter.subject == BROKEN]
    assert sorted(letter.to[0] for letter in told) == sorted([sven.email, audra.email, "operator@example.net"])
    sentence = f"Event {row.pk}, sealed in batch 1, was changed."
    assert all(sentence in letter.body for letter in told)
    event = AuditEvent.objects.get(name="audit.check-failed")
    assert (event.actor_label, event.data) == ("the site", {"first": sentence})
    assert "The audit trail is not as it was sealed" in people.browser(mona).get("/admin/").text
    assert sentence not in people.browser(mona).get("/admin/").text
    assert sentence in people.browser(audra).get(f"{TRAIL}seals/").text
    metrics = Client().get("/metrics", headers={"Host": "localhost:8000"}).text
    assert "\nindexsite_audit_findings 1\n" in metrics


@pytest.mark.django_db(transaction=True)
def test_the_letter_comes_again_every_day_and_at_once_with_something_new(audra: User, alice: User) -> None:
    one, two = added(alice, "one@example.org"), added(alice, "two@example.org")
    audit_seal.seal(at=clock.now())

    def told(*, after: timedelta) -> int:
        auditing.check(at=at + after)
        run_queued()
        return len([letter for letter in people.letters() if letter.subject == BROKEN])

    at = clock.now()
    with tampering():
        AuditEvent.objects.filter(pk=one.pk)._raw_delete("default")
    assert told(after=timedelta()) == 1
    assert told(after=timedelta(minutes=1)) == 1
    assert told(after=timedelta(days=1)) == 2
    with tampering():
        AuditEvent.objects.filter(pk=two.pk)._raw_delete("default")
    assert told(after=timedelta(days=1, minutes=1)) == 3
    assert AuditEvent.objects.filter(name="audit.check-failed").count() == 3
