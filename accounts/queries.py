"""Questions about people: their addresses, their sessions, what happened to their account."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession

from accounts import letters, not_me
from accounts.models import KnownDevice, OrganizationInvitation, StaffKind, User
from indexsite import clock
from indexsite.actors import SITE
from indexsite.audit_history import HistoryEntry, entry

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from indexsite.audit_history import Rows
    from indexsite.models import AuditEvent


# Longer than any recovery or dispute looks back; docs/decisions, "Histories show two years, the trail keeps all".
HISTORY_KEPT = timedelta(days=2 * 365 + 1)


@dataclass(frozen=True)
class OwnEntry(HistoryEntry):
    """A line of one's own history; `not_me` is the way to report it, or ""."""

    not_me: str = ""


def verified_addresses(user: User) -> list[str]:
    """Everywhere a warning goes: all verified addresses, primary first."""
    rows = EmailAddress.objects.filter(user=user, verified=True).order_by("-primary", "pk")
    return list(rows.values_list("email", flat=True))


def addresses_of_staff(*kinds: StaffKind) -> list[str]:
    """Where everybody who works in one of these roles is written to."""
    people = User.objects.filter(staff_roles__kind__in=kinds, is_active=True).distinct().order_by("username")
    return verified_addresses_of_all(people)


def verified_addresses_of_all(users: Iterable[User]) -> list[str]:
    """Every verified address of these people."""
    rows = EmailAddress.objects.filter(user__in=[user.pk for user in users], verified=True)
    return list(rows.order_by("pk").values_list("email", flat=True))


def addresses(user: User) -> list[EmailAddress]:
    """All addresses of the person, primary first, then verified ones."""
    return list(EmailAddress.objects.filter(user=user).order_by("-primary", "-verified", "email"))


def holder_of(email: str) -> User | None:
    """Who has verified this address, if anybody."""
    row = EmailAddress.objects.filter(email=email.lower(), verified=True).select_related("user").first()
    return row.user if row is not None else None


def organization_invitations_for(user: User, at: datetime) -> list[OrganizationInvitation]:
    """Invitations to organisations that the person can answer now, the latest first."""
    live = OrganizationInvitation.objects.live(at).for_person(user)
    return list(live.select_related("organization", "invited_by").order_by("-pk"))


def sessions(user: User) -> list[UserSession]:
    """Signed-in browsers, the latest first; rows whose session is gone are cleared away on the way."""
    rows: list[UserSession] = UserSession.objects.purge_and_list(user)
    return sorted(rows, key=lambda row: row.last_seen_at, reverse=True)


def known_devices(user: User, at: datetime) -> list[KnownDevice]:
    """Browsers the account knows, the last used first."""
    return list(KnownDevice.objects.live(at).filter(user=user).select_related("session"))


def history(user: User) -> Rows:
    """What happened to and around the account in the last two years, the latest first."""
    rows: Rows = user.audit_events.filter(at__gte=clock.now() - HISTORY_KEPT)
    return rows


def history_entry(row: AuditEvent, user: User) -> HistoryEntry:
    """One line of a person's history, with the way to report it where it was done in the account's name.

    Acts of others (staff, co-owners) show who did them, not from which network or program. A failed sign-in has no
    actor yet: where it came from is what the person needs to see.
    """
    line = entry(row, with_actor=row.actor_id is not None, with_place=row.actor_id in {None, user.pk})
    values = {field.name: getattr(line, field.name) for field in fields(HistoryEntry)}
    return OwnEntry(**values, not_me=_way_to_report(row, user))


def _way_to_report(row: AuditEvent, user: User) -> str:
    # A failed sign-in has no actor yet; what the site does by itself is not reported as somebody's.
    is_others = row.actor_id not in {None, user.pk} or row.actor_label == SITE.label
    if row.name not in letters.MINE or is_others or clock.now() - row.at > not_me.LINK_LIFE:
        return ""
    return f"{not_me.path(user, row.pk, at=row.at)}?history=1"
