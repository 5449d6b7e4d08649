"""What the members of a project see of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.paginator import Page, Paginator
from django.db.models import Count, Max, Q, QuerySet, Sum

from accounts.models import User
from indexsite import audit
from mfa.models import has_factor
from releases.models import Project, Release, Role, RoleKind
from tokens.models import Token

if TYPE_CHECKING:
    from indexsite.models import AuditEvent

HISTORY_PAGE = 50
_RANK = {RoleKind.OWNER: 0, RoleKind.MAINTAINER: 1, RoleKind.APPROVER: 2}


@dataclass(frozen=True)
class Membership:
    """One of a person's projects, with every role the person has on it."""

    project: Project
    roles: list[str]
    latest: Release | None


@dataclass(frozen=True)
class Member:
    """One person on a project."""

    username: str
    roles: list[str]
    since: datetime


@dataclass(frozen=True)
class HistoryEntry:
    """One line of a project's history. Where others sat, and with which program, is theirs to know."""

    at: datetime
    sentence: str
    actor: str
    credential: str
    address: str
    client: str


def memberships(user: User) -> list[Membership]:
    """The person's projects by name."""
    found: dict[int, Membership] = {}
    for role in (
        Role.objects.filter(user=user).select_related("project").order_by("project__normalized_name", "pk")
    ):
        entry = found.setdefault(role.project_id, Membership(role.project, [], None))
        entry.roles.append(role.get_kind_display())
    latest = {
        release.project_id: release
        for release in Release.objects.filter(project__in=found)
        .order_by("created_at", "pk")
        .defer("description_html")
    }
    return [Membership(entry.project, entry.roles, latest.get(pk)) for pk, entry in found.items()]


def is_suspended(user: User) -> bool:
    """Whether the person has roles that cannot be used for want of a second factor."""
    return not has_factor(user) and Role.objects.filter(user=user).exists()


def members(project: Project) -> list[Member]:
    """Everybody with a role, owners first."""
    by_user: dict[str, list[Role]] = {}
    for role in project.roles.select_related("user").order_by("user__username", "pk"):
        by_user.setdefault(role.user.username, []).append(role)
    people = sorted(by_user.items(), key=lambda item: min(_RANK[RoleKind(role.kind)] for role in item[1]))
    return [
        Member(name, [role.get_kind_display() for role in roles], min(role.granted_at for role in roles))
        for name, roles in people
    ]


def releases_with_files(project: Project) -> QuerySet[Release]:
    """All releases, the latest first, each with `file_count`, `total_size` and `last_upload`."""
    return (
        project.releases.defer("description", "description_html", "metadata")
        .annotate(file_count=Count("files"), total_size=Sum("files__size"), last_upload=Max("files__uploaded_at"))
        .prefetch_related("files")
        # Said again: a query that groups forgets the model's own order.
        .order_by("-created_at", "-pk")
    )


def scoped_tokens(project: Project, *, seen_by: User, at: datetime) -> QuerySet[Token]:
    """Live tokens for this project alone: owners see everybody's, others their own."""
    live = project.tokens.filter(Q(expires_at=None) | Q(expires_at__gt=at), revoked_at=None).select_related("user")
    if project.roles.filter(user=seen_by, kind=RoleKind.OWNER).exists():
        return live
    return live.filter(user=seen_by)


def history(
    project: Project, *, seen_by: User, page: str | None
) -> tuple[Page[AuditEvent], Sequence[HistoryEntry]]:
    """What happened to the project, the latest first."""
    rows = Paginator(audit.of_project(project.normalized_name), HISTORY_PAGE).get_page(page)
    return rows, [_entry(row, seen_by) for row in rows]


def _entry(row: AuditEvent, seen_by: User) -> HistoryEntry:
    mine = row.actor_id == seen_by.pk
    return HistoryEntry(
        at=row.at,
        sentence=audit.sentence(row),
        actor=row.actor_label,
        credential=row.credential_label,
        address=row.address if mine else "",
        client=row.client if mine else "",
    )
