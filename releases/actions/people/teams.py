"""Roles of teams of the organisation that owns a project. Its members agreed to that when they joined."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import Team, note_rights
from indexsite import audit
from indexsite.actors import Actor
from indexsite.errors import Conflict, NotFound
from indexsite.policies import Action
from releases.actions.people import standing
from releases.models import Project, Role, RoleKind, insist_on_owner
from releases.notices import people as notices


@transaction.atomic
def grant_team(*, actor: Actor, project: Project, team_pk: int, kind: RoleKind, at: datetime) -> Role:
    """Give a team of the owning organisation a role.

    Raises:
        PermissionRefused: the actor is no owner, or has proved no factor lately.
        NotFound: the organisation that owns the project has no such team.
        Conflict: the team has the role.
    """
    project = standing.locked_for(actor, Action.ROLE_GRANT, project)
    team = (
        Team.objects.filter(pk=team_pk, organization=project.organization_id)
        .select_related("organization")
        .first()
    )
    if team is None or project.organization_id is None:
        raise NotFound("The organization that owns this project has no such team.")
    if Role.objects.filter(project=project, team=team, kind=kind).exists():
        raise Conflict(f"Team {team} is {kind} of {project.name} already.")
    role = Role.objects.create(project=project, team=team, kind=kind, granted_at=at, granted_by=actor.user)
    note_rights(team.seats.values_list("membership__user", flat=True), at=at)
    audit.record(actor, audit.TeamRoleGranted(project=project.normalized_name, team=str(team), role=kind))
    notices.team_joined(team, project, kind=kind, by=actor, at=at)
    return role


@transaction.atomic
def take_from_team(*, actor: Actor, project: Project, role_pk: int, at: datetime) -> None:
    """Take a role away from a team.

    Raises:
        PermissionRefused: as for `grant_team`.
        NotFound: no team has this role on the project.
        LastOwner: nobody would own the project.
    """
    project = standing.locked_for(actor, Action.ROLE_GRANT, project)
    roles = Role.objects.filter(pk=role_pk, project=project, user=None).select_related("team__organization")
    role = roles.first()
    if role is None or role.team is None:
        raise NotFound("No team has this role on the project.")
    team, kind = role.team, RoleKind(role.kind)
    role.delete()
    if kind is RoleKind.OWNER:
        insist_on_owner(project)
    audit.record(actor, audit.TeamRoleRemoved(project=project.normalized_name, team=str(team), role=kind))
    reason = f"because team {team} is no longer {kind} of {project.name}"
    standing.drop_orphaned_tokens(project, by=actor, at=at, reason=reason)
    notices.team_left(team, project, kind=kind, by=actor, at=at)
