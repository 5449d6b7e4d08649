"""Organisations as tests want them: rows, without letters and audit."""

from accounts.models import Membership, MembershipKind, Organization, Team, TeamSeat, User
from indexsite import clock
from releases.models import Project, Role, RoleKind


def organization(name: str, *, managers: list[User], members: list[User] | None = None) -> Organization:
    """One with these people in it."""
    made = Organization.objects.create(name=name, display_name=name.title(), created_at=clock.now())
    for user in managers:
        join(made, user, MembershipKind.MANAGER)
    for user in members or []:
        join(made, user)
    return made


def join(organization: Organization, user: User, kind: MembershipKind = MembershipKind.MEMBER) -> Membership:
    return Membership.objects.create(organization=organization, user=user, kind=kind, joined_at=clock.now())


def team(organization: Organization, name: str, *people: User) -> Team:
    """One with these members in it."""
    made = Team.objects.create(organization=organization, name=name, created_at=clock.now())
    for membership in organization.memberships.filter(user__in=people):
        TeamSeat.objects.create(team=made, membership=membership, added_at=clock.now())
    return made


def give(project: Project, to: Organization) -> Project:
    """Let the organisation own the project, beside whoever has a role."""
    project.organization = to
    project.save(update_fields=["organization"])
    return project


def team_role(team: Team, project: Project, kind: RoleKind = RoleKind.MAINTAINER) -> Role:
    return Role.objects.create(team=team, project=project, kind=kind, granted_at=clock.now())
