"""What the members of an organisation see of it: its people, teams and projects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, Prefetch, QuerySet

from accounts.models import (
    InvitationState,
    Membership,
    MembershipKind,
    Organization,
    OrganizationInvitation,
    Team,
    TeamSeat,
    User,
)
from indexsite import audit
from indexsite.audit import organizations as events
from indexsite.audit_history import HistoryEntry, entry
from mfa.models import with_factor
from releases.models import Project, Role

if TYPE_CHECKING:
    from indexsite.audit_history import Rows
    from indexsite.models import AuditEvent

# Whom managers invited is theirs to know, and no other member's.
_FOR_MANAGERS = (
    events.OrganizationInvited.name,
    events.OrganizationInvitationResent.name,
    events.OrganizationInvitationRevoked.name,
    events.OrganizationInvitationDeclined.name,
)


@dataclass(frozen=True)
class Member:
    """One person in an organisation. `is_suspended`: rights on paper only, for want of a second factor.

    That, and whether staff have frozen the account, is for managers and oneself to know.
    """

    username: str
    kind: str
    is_manager: bool
    since: datetime
    invited_by: str
    teams: list[str]
    is_suspended: bool
    is_frozen: bool


def organizations_of(user: User) -> QuerySet[Membership]:
    """The person's memberships by the organisation's name, each with `people` and `teams` counted."""
    return (
        Membership.objects.filter(user=user)
        .select_related("organization")
        .annotate(
            people=Count("organization__memberships", distinct=True),
            teams=Count("organization__teams", distinct=True),
        )
        .order_by("organization__name")
    )


def is_manager(organization: Organization, user: User) -> bool:
    """Whether the person manages it."""
    return organization.memberships.filter(user=user, kind=MembershipKind.MANAGER).exists()


def members(organization: Organization, *, seen_by: User) -> list[Member]:
    """Everybody in it, managers first."""
    sees_all = is_manager(organization, seen_by)
    rows = list(
        organization.memberships.select_related("user", "invited_by")
        .prefetch_related(Prefetch("seats", queryset=TeamSeat.objects.select_related("team")))
        .order_by("user__username")
    )
    safe = with_factor([row.user for row in rows])
    found = [
        Member(
            username=row.user.username,
            kind=row.get_kind_display(),
            is_manager=row.kind == MembershipKind.MANAGER,
            since=row.joined_at,
            invited_by=row.invited_by.username if row.invited_by is not None else "",
            teams=sorted(seat.team.name for seat in row.seats.all()),
            is_suspended=(sees_all or row.user == seen_by) and row.user_id not in safe,
            is_frozen=sees_all and not row.user.is_active,
        )
        for row in rows
    ]
    return sorted(found, key=lambda member: not member.is_manager)


def teams(organization: Organization) -> QuerySet[Team]:
    """Its teams, each with `people` counted and the roles it has on the organisation's projects."""
    return organization.teams.annotate(people=Count("seats")).prefetch_related(
        Prefetch("roles", queryset=_roles(organization))
    )


def roles_of_team(organization: Organization, team: Team) -> QuerySet[Role]:
    """What the team may do, and where."""
    return _roles(organization).filter(team=team)


def _roles(organization: Organization) -> QuerySet[Role]:
    # A role on a project that went elsewhere gives nothing and is not shown.
    live = Role.objects.filter(project__organization=organization, project__deletion=None)
    return live.select_related("project").order_by("project__normalized_name", "kind")


def seats(team: Team) -> QuerySet[TeamSeat]:
    """Who sits in the team, by name."""
    return team.seats.select_related("membership__user").order_by("membership__user__username")


def members_outside(organization: Organization, team: Team) -> list[str]:
    """Names of members who do not sit in the team."""
    outside = organization.memberships.exclude(seats__team=team)
    return list(outside.order_by("user__username").values_list("user__username", flat=True))


def projects(organization: Organization) -> QuerySet[Project]:
    """Its projects by name."""
    return organization.projects.all()


def pending_invitations(organization: Organization) -> QuerySet[OrganizationInvitation]:
    """Sent and not answered; those whose time is over can be sent again."""
    return organization.invitations.filter(state=InvitationState.PENDING).select_related("user", "invited_by")


def history(organization: Organization, *, seen_by: User) -> Rows:
    """What happened in it, the latest first, as far as it is the person's to know."""
    # Staff may have let the name of a deleted organisation go: that one's history is not this one's.
    rows = audit.of_organization(organization.name).filter(at__gte=organization.created_at)
    return rows if is_manager(organization, seen_by) else rows.exclude(name__in=_FOR_MANAGERS)


def history_entry(row: AuditEvent) -> HistoryEntry:
    """One line of it. Nobody reads here where others sat."""
    return entry(row, with_place=False)
