"""What a mailbox's domain says about who reads it: RDAP (RFC 9082, 9083), where the operator has named a service.

A domain that ran out, or was registered anew after an address below it was verified, may belong to anybody.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any

from django.conf import settings
from django.core.cache import cache as shared_cache
from publicsuffixlist import PublicSuffixList
from redis.exceptions import RedisError

from indexsite import fetch

TIMEOUT = 3.0  # seconds
MAX_BYTES = 500_000
KEPT = 600  # seconds

# RFC 8056 maps the registries' own codes to these words.
_LAPSING = frozenset({"redemption period", "pending delete", "pending restore", "inactive"})


class DomainState(StrEnum):
    """What is known about it. Only the first two let an address below it count."""

    HELD = "held"
    UNWATCHED = "unwatched"  # the operator has named no service
    LAPSED = "lapsed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class _Registration:
    registered_at: datetime
    expires_at: datetime | None
    is_lapsing: bool


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(only_icann=True)


def registrable(host: str) -> str:
    """The part of a host name that somebody registered, such as `example.co.uk`; the whole where there is none."""
    name = host.strip().rstrip(".").lower()
    with suppress(UnicodeError):
        name = name.encode("idna").decode("ascii")
    return _suffixes().privatesuffix(name) or name


def state(domain: str, *, since: datetime, at: datetime) -> DomainState:
    """Whether whoever held `domain` at `since` may still be taken to hold it. A failed look-up is no yes."""
    if not settings.ENV.rdap_url:
        return DomainState.UNWATCHED
    try:
        found = _look_up(domain)
    except (fetch.FetchFailed, ValueError, TypeError, KeyError, AttributeError):
        return DomainState.UNKNOWN
    has_ended = found.expires_at is not None and found.expires_at <= at
    if has_ended or found.is_lapsing or found.registered_at > since:
        return DomainState.LAPSED
    return DomainState.HELD


def _look_up(domain: str) -> _Registration:
    key = f"rdap:{domain}"
    body: bytes | None = None
    with suppress(RedisError):
        body = shared_cache.get(key)
    if body is None:
        url = f"{settings.ENV.rdap_url.rstrip('/')}/domain/{domain}"
        body = fetch.get(url, max_bytes=MAX_BYTES, timeout=TIMEOUT)
        with suppress(RedisError):
            shared_cache.set(key, body, timeout=KEPT)
    return _read(json.loads(body), domain)


def _read(answer: Any, domain: str) -> _Registration:
    if str(answer["ldhName"]).rstrip(".").lower() != domain:
        raise ValueError("the answer is about another domain")
    dates = {str(event["eventAction"]): event["eventDate"] for event in answer["events"]}
    expires = dates.get("expiration")
    return _Registration(
        registered_at=_moment(dates["registration"]),
        expires_at=_moment(expires) if expires is not None else None,
        is_lapsing=bool(_LAPSING & {str(status).lower() for status in answer.get("status", [])}),
    )


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a date without its time zone")
    return found
