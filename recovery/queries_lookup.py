"""What the staff see of one account or one project: counts and states, never a secret. Masks nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from packaging.utils import canonicalize_name

from accounts import usernames
from accounts.models import KnownDevice, Membership, SecurityReport, StaffKind, StaffRole, User
from indexsite import audit
from mfa.models import AuthenticatorApp, RecoveryCode, SecurityKey
from recovery.models import RecoveryCase
from releases.models import (
    Designation,
    File,
    MalwareReport,
    Project,
    Release,
    Role,
)
from tokens.models import Token

if TYPE_CHECKING:
    from indexsite.models import AuditEvent

FOUND_SHOWN = 25
EVENTS_SHOWN = 20
CASES_SHOWN = 10
ROLES_SHOWN = 100


@dataclass(frozen=True)
class Account:
    """One account as the console shows it.

    Attributes:
        user: its row, with `apps_count`, `keys_count`, `keys_aside_count`, `codes_count`, `sessions_count`,
            `browsers_count`, `tokens_count` and `reports_count` of what is in force.
        emails: all addresses, the primary one first.
        cases: requests to get back in, the latest first.
        events: the latest first.
    """

    user: User
    emails: list[EmailAddress]
    staff: list[StaffKind]
    roles: list[Role]
    memberships: list[Membership]
    cases: list[RecoveryCase]
    events: list[AuditEvent]


@dataclass(frozen=True)
class Thing:
    """One project as the console shows it.

    Attributes:
        project: its row, with `releases_count`, `latest_at`, `files_count`, `bytes`, `tokens_count`,
            `open_reports` and `listed_for` (why it is on the critical list, or None).
        roles: of people and of teams.
        events: the latest first.
    """

    project: Project
    roles: list[Role]
    events: list[AuditEvent]


def accounts_named(beginning: str) -> QuerySet[User]:
    """Accounts whose name begins so, that very name first as the shortest."""
    return User.objects.filter(username__startswith=usernames.canonical(beginning)).order_by("username")[
        :FOUND_SHOWN
    ]


def accounts_with(email: str) -> list[User]:
    """Accounts that have this very address: one that has verified it, and any that have not."""
    rows = EmailAddress.objects.filter(email=email.lower()).select_related("user").order_by("-verified", "pk")
    return list(dict.fromkeys(row.user for row in rows[:FOUND_SHOWN]))


def projects_named(beginning: str) -> QuerySet[Project]:
    """Projects whose normalised name begins so, deleted ones among them."""
    begins = Q(normalized_name__startswith=canonicalize_name(beginning))
    return Project.with_deleted.filter(begins).order_by("normalized_name")[:FOUND_SHOWN]


def account(username: str, at: datetime, *, with_cases: bool) -> Account | None:
    """The account and what belongs to it; None where there is none. Six queries, seven with its cases."""
    user = _with_counts(User.objects.filter(username=usernames.canonical(username)), at).first()
    if user is None:
        return None
    own_or_team = Q(user=user) | Q(team__seats__membership__user=user)
    roles = Role.objects.filter(own_or_team, project__deletion=None).distinct()
    kinds = StaffRole.objects.filter(user=user).values_list("kind", flat=True)
    memberships = Membership.objects.filter(user=user).select_related("organization")
    cases = RecoveryCase.objects.filter(user=user).order_by("-submitted_at", "pk")
    return Account(
        user=user,
        emails=list(EmailAddress.objects.filter(user=user).order_by("-primary", "-verified", "email")),
        staff=[StaffKind(kind) for kind in kinds] if user.is_staff else [],
        roles=list(
            roles.select_related("project", "team__organization").order_by("project__name", "pk")[:ROLES_SHOWN]
        ),
        memberships=list(memberships.order_by("organization__name")),
        cases=list(cases[:CASES_SHOWN]) if with_cases else [],
        events=list(user.audit_events.order_by("-pk")[:EVENTS_SHOWN]),
    )


def _with_counts(users: QuerySet[User], at: datetime) -> QuerySet[User]:
    alive = Session.objects.filter(expire_date__gt=at).values("session_key")
    live = Q(expires_at=None) | Q(expires_at__gt=at)
    keys = SecurityKey.objects.order_by()
    counted = {
        "apps": AuthenticatorApp.objects.order_by(),
        "keys": keys.filter(set_aside_at=None),
        "keys_aside": keys.exclude(set_aside_at=None),
        "sessions": UserSession.objects.filter(session_key__in=alive),
        "browsers": KnownDevice.objects.live(at),
        "tokens": Token.objects.unrevoked().filter(live),
        "reports": SecurityReport.objects.filter(closed_at=None),
    }
    codes = RecoveryCode.objects.good().filter(device__user=OuterRef("pk")).order_by().values("device__user")
    return users.annotate(
        **{f"{name}_count": _count(rows, "user") for name, rows in counted.items()},
        codes_count=Coalesce(Subquery(codes.annotate(count=Count("pk")).values("count")), 0),
    )


def _count(rows: QuerySet[Any], belonging: str) -> Coalesce:
    """How many of these belong to the row asked for."""
    own = rows.filter(**{belonging: OuterRef("pk")}).order_by().values(belonging)
    return Coalesce(Subquery(own.annotate(count=Count("pk")).values("count")), 0)


def project(name: str) -> Thing | None:
    """The project and what belongs to it, also a deleted one; None where there is none. Three queries."""
    rows = Project.with_deleted.filter(normalized_name=canonicalize_name(name)).select_related("organization")
    releases = Release.objects.filter(project=OuterRef("pk")).order_by().values("project")
    files = File.objects.filter(release__project=OuterRef("pk")).order_by().values("release__project")
    listed = Designation.objects.standing().filter(name=OuterRef("normalized_name"))
    found = rows.annotate(
        releases_count=_count(Release.objects.all(), "project"),
        latest_at=Subquery(releases.annotate(latest=Max("created_at")).values("latest")),
        files_count=_count(File.objects.all(), "release__project"),
        bytes=Coalesce(Subquery(files.annotate(sum=Sum("size")).values("sum")), 0),
        tokens_count=_count(Token.objects.unrevoked(), "project"),
        open_reports=_count(MalwareReport.objects.open(), "project"),
        listed_for=Subquery(listed.values("reason")[:1]),
    ).first()
    if found is None:
        return None
    roles = found.roles.select_related("user", "team__organization").order_by("kind", "pk")[:ROLES_SHOWN]
    events = audit.of_project(found.normalized_name).order_by("-pk")[:EVENTS_SHOWN]
    return Thing(project=found, roles=list(roles), events=list(events))
