"""Domains below which people read their mail: expired, registered anew, unknown, unwatched."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from indexsite import fetch
from recovery.domains import DomainState, registrable, state

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SINCE = NOW - timedelta(days=400)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("example.org", "example.org"),
        ("mail.example.org", "example.org"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("Example.ORG.", "example.org"),
        # What a registry knows, and the less independent of two readings.
        ("alice.github.io", "github.io"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("localhost", "localhost"),
        ("co.uk", "co.uk"),
    ],
)
def test_the_part_that_somebody_registered(host: str, domain: str) -> None:
    assert registrable(host) == domain


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[str]:
    """An RDAP service that says this; returns the addresses it is asked at."""
    asked: list[str] = []

    def get(url: str, **options: object) -> bytes:
        asked.append(url)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    monkeypatch.setattr(fetch, "get", get)
    watched = dataclasses.replace(settings.ENV, rdap_url="https://rdap.example/")
    monkeypatch.setattr(settings, "ENV", watched)
    return asked


def registration(
    registered: str = "2015-01-01T00:00:00Z", expires: str = "2027-06-01T00:00:00Z", *status: str
) -> Any:
    events = [
        {"eventAction": "registration", "eventDate": registered},
        {"eventAction": "expiration", "eventDate": expires},
    ]
    return {"ldhName": "EXAMPLE.org", "events": events, "status": list(status) or ["active"]}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (registration(), DomainState.HELD),
        (registration(expires="2026-11-20T00:00:00Z"), DomainState.LAPSED),
        (registration("2015-01-01T00:00:00Z", "2027-06-01T00:00:00Z", "Redemption Period"), DomainState.LAPSED),
        (registration("2015-01-01T00:00:00Z", "2027-06-01T00:00:00Z", "pending delete"), DomainState.LAPSED),
        # Case 15: somebody else has it since, and the mailbox works.
        (registration("2026-10-01T00:00:00Z"), DomainState.LAPSED),
        (fetch.FetchFailed("rdap.example answered with status 404."), DomainState.UNKNOWN),
        (b"<html>", DomainState.UNKNOWN),
        ([], DomainState.UNKNOWN),
        ({}, DomainState.UNKNOWN),
        ({**registration(), "ldhName": "other.org"}, DomainState.UNKNOWN),
        ({**registration(), "events": []}, DomainState.UNKNOWN),
        ({**registration(), "events": None}, DomainState.UNKNOWN),
        (registration("yesterday"), DomainState.UNKNOWN),
        (registration("2015-01-01T00:00:00"), DomainState.UNKNOWN),
    ],
)
def test_what_a_registry_says(monkeypatch: pytest.MonkeyPatch, answer: Any, expected: DomainState) -> None:
    asked = answering(monkeypatch, answer)
    assert state("example.org", since=SINCE, at=NOW) is expected
    assert asked == ["https://rdap.example/domain/example.org"]


def test_an_answer_is_kept_for_a_while_and_a_failure_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, registration())
    state("example.org", since=SINCE, at=NOW)
    state("example.org", since=SINCE, at=NOW)
    assert len(asked) == 1
    failing = answering(monkeypatch, fetch.FetchFailed("no"))
    state("example.net", since=SINCE, at=NOW)
    state("example.net", since=SINCE, at=NOW)
    assert len(failing) == 2


def test_where_no_service_is_named_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, registration())
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, rdap_url=""))
    assert state("example.org", since=SINCE, at=NOW) is DomainState.UNWATCHED
    assert asked == []


def test_a_mailbox_alone_does_not_tell_that_its_domain_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Case 15 without the defence: unwatched, a domain registered last month looks like any other."""
    answering(monkeypatch, registration("2026-10-01T00:00:00Z"))
    watched = settings.ENV
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(watched, rdap_url=""))
    assert state("example.org", since=SINCE, at=NOW) is DomainState.UNWATCHED
    monkeypatch.setattr(settings, "ENV", watched)
    assert state("example.org", since=SINCE, at=NOW) is DomainState.LAPSED
