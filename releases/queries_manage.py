"""What the members of a project see of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, F, Max, Q, QuerySet, Sum

from accounts.models import MembershipKind, User
from indexsite import audit
from indexsite.audit_history import entry
from mfa.models import has_factor
from releases import queries_people
from releases.models import Project, Release, Role, RoleKind, TransferState, has_any_role, holds_role
from tokens.models import Token

if TYPE_CHECKING:
    from indexsite.audit_history import Rows, ToEntry
    from indexsite.models import AuditEvent

_RANK = {RoleKind.OWNER: 0, RoleKind.MAINTAINER: 1, RoleKind.APPROVER: 2}


@dataclass
class Membership:
    """One of a person's projects, with every role the person has on it, by whatever way.

    `may_leave`: some role is the person's own to give up, not a team's or the organisation's.
    """

    project: Project
    kinds: list[RoleKind] = field(default_factory=list)
    latest: Release | None = None
    may_leave: bool = False

    @property
    def roles(self) -> list[str]:
        return [kind.label for kind in self.kinds]


@dataclass(frozen=True)
class Member:
    """One person on a project. `is_suspended` is None where the reader may not know."""

    username: str
    roles: list[str]
    since: datetime
    is_suspended: bool | None


def memberships(user: User) -> list[Membership]:
    """The person's projects by name. The number of queries does not grow with them."""
    found: dict[int, Membership] = {}
    for project, kind, is_own in _rights(user):
        entry = found.setdefault(project.pk, Membership(project))
        entry.may_leave |= is_own
        if kind not in entry.kinds:
            entry.kinds = sorted([*entry.kinds, kind], key=_RANK.__getitem__)
    releases = Release.objects.filter(project__in=found).order_by("created_at", "pk")
    for release in releases.only("project_id", "version", "created_at"):
        found[release.project_id].latest = release
    return sorted(found.values(), key=lambda entry: entry.project.normalized_name)


def _rights(user: User) -> Iterator[tuple[Project, RoleKind, bool]]:
    """Project, role, and whether it is the person's own; in the same three ways as `holds_role`."""
    live = Role.objects.filter(project__deletion=None).select_related("project")
    seated = Q(team__seats__membership__user=user, team__organization=F("project__organization"))
    for role in live.filter(Q(user=user) | seated).distinct():
        yield role.project, RoleKind(role.kind), role.user_id == user.pk
    managed = {"organization__memberships__user": user, "organization__memberships__kind": MembershipKind.MANAGER}
    for project in Project.objects.filter(**managed):
        yield project, RoleKind.OWNER, False


def is_suspended(user: User) -> bool:
    """Whether the person has roles that cannot be used for want of a second factor."""
    return not has_factor(user) and has_any_role(user)


def members(project: Project, *, seen_by: User) -> list[Member]:
    """Everybody with a role, by whatever way; owners first."""
    return [
        Member(
            person.user.username,
            [kind.label for kind in person.kinds],
            min(way.since for way in person.ways),
            person.is_suspended,
        )
        for person in queries_people.people_of(project, seen_by=seen_by)
    ]


def releases_with_files(project: Project) -> QuerySet[Release]:
    """All releases, the latest first, each with `file_count`, `total_size` and `last_upload`."""
    there = Q(files__deletion=None)
    return (
        project.releases.defer("description", "description_html", "metadata")
        .annotate(
            file_count=Count("files", filter=there),
            total_size=Sum("files__size", filter=there),
            last_upload=Max("files__uploaded_at", filter=there),
        )
        .prefetch_related("files")
        # Said again: a query that groups forgets the model's own order.
        .order_by("-created_at", "-pk")
    )


def scoped_tokens(project: Project, *, seen_by: User, at: datetime) -> QuerySet[Token]:
    """Live tokens for this project alone: owners see everybody's, others their own."""
    live = project.tokens.filter(Q(expires_at=None) | Q(expires_at__gt=at), revoked_at=None).select_related("user")
    if holds_role(seen_by, project, [RoleKind.OWNER]):
        return live
    return live.filter(user=seen_by)


def history(project: Project) -> Rows:
    """What happened to the project, the latest first."""
    return audit.of_project(project.normalized_name)


def history_entries(project: Project, *, seen_by: User) -> ToEntry:
    """How the person reads the project's history: owners see where others sat and with which program.

    Not before the last transfer: those people worked for other owners.
    """
    sees_all = holds_role(seen_by, project, [RoleKind.OWNER])
    done = project.transfers.filter(state=TransferState.DONE)
    since = done.aggregate(since=Max("ended_at"))["since"]

    def may_place(row: AuditEvent) -> bool:
        return row.actor_id == seen_by.pk or (sees_all and (since is None or row.at > since))

    return lambda row: entry(row, with_place=may_place(row))
