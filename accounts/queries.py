"""Questions about people: their addresses, their sessions, what happened to their account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.core.paginator import Page, Paginator

from accounts.models import User
from indexsite import audit

HISTORY_PAGE = 50


@dataclass(frozen=True)
class HistoryEntry:
    """One line of a person's history, ready to show."""

    at: datetime
    sentence: str
    actor: str
    credential: str
    factor: str
    address: str
    client: str


def verified_addresses(user: User) -> list[str]:
    """Everywhere a warning goes: all verified addresses, primary first."""
    rows = EmailAddress.objects.filter(user=user, verified=True).order_by("-primary", "pk")
    return list(rows.values_list("email", flat=True))


def addresses(user: User) -> list[EmailAddress]:
    """All addresses of the person, primary first, then verified ones."""
    return list(EmailAddress.objects.filter(user=user).order_by("-primary", "-verified", "email"))


def holder_of(email: str) -> User | None:
    """Who has verified this address, if anybody."""
    row = EmailAddress.objects.filter(email=email.lower(), verified=True).select_related("user").first()
    return row.user if row is not None else None


def sessions(user: User) -> list[UserSession]:
    """Signed-in browsers, the latest first; rows whose session is gone are cleared away on the way."""
    rows: list[UserSession] = UserSession.objects.purge_and_list(user)
    return sorted(rows, key=lambda row: row.last_seen_at, reverse=True)


def history(user: User, *, page: int = 1) -> tuple[Page[Any], Sequence[HistoryEntry]]:
    """What happened to and around the account, the latest first.

    Acts of others (staff, co-owners) show who did them, not from which network or program.
    """
    paginator = Paginator(user.audit_events.all(), HISTORY_PAGE)
    rows = paginator.get_page(page)
    return rows, [_entry(row, user) for row in rows]


def _entry(row: Any, user: User) -> HistoryEntry:
    # A failed sign-in has no actor yet: where it came from is what the person needs to see.
    mine = row.actor_id in {None, user.pk}
    return HistoryEntry(
        at=row.at,
        sentence=audit.sentence(row),
        actor=row.actor_label if row.actor_id is not None else "",
        credential=row.credential_label if row.actor_id is not None else "",
        factor=row.factor,
        address=row.address if mine else "",
        client=row.client if mine else "",
    )
