"""Acts in an organisation that may take rights on projects away: removing, leaving, unseating, deleting."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts import notices
from accounts.actions.organization_invitations import take_back_invitations_of
from accounts.actions.organizations import LastManager, get_membership, lock_organization
from accounts.actions.teams import get_team
from accounts.models import (
    Membership,
    MembershipKind,
    Organization,
    ProhibitedUsername,
    TeamSeat,
    User,
    note_rights,
)
from indexsite import audit, clock
from indexsite.actors import Actor
from indexsite.audit import organizations as events
from indexsite.errors import Conflict, NotFound
from indexsite.policies import Action, require
from releases.actions.people import standing
from releases.actions.transfers import standing as transfers
from releases.models import Deletion, Project, ProjectInvitation


@transaction.atomic
def remove_member(*, actor: Actor, organization: Organization, username: str, at: datetime) -> None:
    """Take somebody out of the organisation, with their seats and the tokens that stood on them.

    Raises:
        PermissionRefused: the actor is no manager.
        NotFound: nobody of this name is a member.
        LastManager: nobody else would be left to manage.
    """
    organization = lock_organization(actor=actor, organization=organization, action=Action.ORGANIZATION_MANAGE)
    membership = get_membership(organization, username)
    _end(organization, membership, by=actor, at=at, reason=f"because {username} was removed from {organization}")
    audit.record(actor, events.OrganizationMemberRemoved(about=membership.user, organization=organization.name))
    notices.organization_news(
        organization,
        headline=f"{username} was removed",
        sentence=f"{username} was removed from the organization and has no rights on its projects through it.",
        actor=actor,
        also=[membership.user],
    )


@transaction.atomic
def leave_organization(*, actor: Actor, organization: Organization, at: datetime) -> None:
    """Give up one's own membership.

    Raises:
        PermissionRefused: the actor is not in it.
        LastManager: nobody else would be left to manage.
    """
    organization = lock_organization(actor=actor, organization=organization, action=Action.ORGANIZATION_LEAVE)
    membership = get_membership(organization, actor.person.username)
    _end(organization, membership, by=actor, at=at, reason=f"because {actor.label} left {organization}")
    audit.record(actor, events.OrganizationLeft(about=actor.person, organization=organization.name))
    notices.organization_news(
        organization,
        headline=f"{actor.label} left",
        sentence=f"{actor.label} left the organization and has no rights on its projects through it.",
        actor=actor,
        also=[actor.person],
    )


def _end(organization: Organization, membership: Membership, *, by: Actor, at: datetime, reason: str) -> None:
    if organization.would_lose_last_manager(membership):
        raise LastManager(organization)
    take_back_invitations_of(membership.user, organization, by=by, at=at)
    membership.delete()  # seats go by cascade
    _drop_what_stood_on(organization, [membership.user], by=by, at=at, reason=reason)


def _drop_what_stood_on(
    organization: Organization, people: list[User], *, by: Actor, at: datetime, reason: str
) -> None:
    """Tokens for single projects they may no longer upload to, and invitations they may no longer send."""
    # Deleted projects too: the deletion may be undone.
    projects = Project.with_deleted.filter(organization=organization)
    for project in projects.filter(tokens__user__in=people, tokens__revoked_at=None).distinct():
        standing.drop_orphaned_tokens(project, by=by, at=at, reason=reason)
    invited = ProjectInvitation.objects.live(at).filter(project__in=projects, invited_by__in=people)
    for invitation in invited.select_related("project", "invited_by"):
        standing.take_back_invitations_of(invitation.invited_by, invitation.project, by=by, at=at)


@transaction.atomic
def change_kind(
    *, actor: Actor, organization: Organization, username: str, kind: MembershipKind, at: datetime
) -> Membership:
    """Make a member a manager, or a manager a member.

    Whoever stops managing loses an owner's rights on its projects, and the tokens that stood on them.

    Raises:
        PermissionRefused: the actor is no manager.
        NotFound: nobody of this name is a member.
        LastManager: nobody else would be left to manage.
    """
    organization = lock_organization(actor=actor, organization=organization, action=Action.ORGANIZATION_MANAGE)
    membership = get_membership(organization, username)
    if membership.kind == kind:
        return membership
    if organization.would_lose_last_manager(membership):
        raise LastManager(organization)
    if kind is MembershipKind.MEMBER:
        take_back_invitations_of(membership.user, organization, by=actor, at=at)
    membership.kind = kind
    membership.save(update_fields=["kind"])
    note_rights([membership.user_id], at=at)
    reason = f"because {username} is now a {kind.value} of {organization}"
    _drop_what_stood_on(organization, [membership.user], by=actor, at=at, reason=reason)
    audit.record(
        actor,
        events.OrganizationKindChanged(about=membership.user, organization=organization.name, kind=kind.value),
    )
    notices.organization_news(
        organization,
        headline=f"{username} is now a {kind.value}",
        sentence=_meaning_of(kind, username),
        actor=actor,
        also=[membership.user],
    )
    return membership


def _meaning_of(kind: MembershipKind, username: str) -> str:
    if kind is MembershipKind.MANAGER:
        return f"{username} now manages the organization and has an owner's rights on all its projects."
    return f"{username} no longer manages the organization and is no longer an owner of its projects through it."


@transaction.atomic
def unseat_member(
    *, actor: Actor, organization: Organization, team_name: str, username: str, at: datetime
) -> None:
    """Take a member out of a team.

    Raises:
        PermissionRefused: the actor is no manager.
        NotFound: no such team, or nobody of this name sits in it.
    """
    organization = lock_organization(actor=actor, organization=organization, action=Action.ORGANIZATION_MANAGE)
    team = get_team(organization, team_name)
    seat = TeamSeat.objects.filter(team=team, membership__user__username=username).first()
    if seat is None:
        raise NotFound(f"'{username}' is not in team '{team_name}'.")
    user = seat.membership.user
    seat.delete()
    _drop_what_stood_on(
        organization, [user], by=actor, at=at, reason=f"because {username} is no longer in team {team}"
    )
    audit.record(actor, events.TeamLeft(about=user, organization=organization.name, team=team.name))
    notices.organization_news(
        organization,
        headline=f"{username} is no longer in team {team.name}",
        sentence=f"{username} was taken out of team {team.name} and no longer has its roles.",
        actor=actor,
        also=[user],
    )


@transaction.atomic
def delete_team(*, actor: Actor, organization: Organization, name: str, at: datetime) -> None:
    """Delete a team, its seats and its roles; its members stay in the organisation.

    Raises:
        PermissionRefused: the actor is no manager.
        NotFound: no such team.
    """
    organization = lock_organization(actor=actor, organization=organization, action=Action.ORGANIZATION_MANAGE)
    team = get_team(organization, name)
    seated = list(User.objects.filter(memberships__seats__team=team))
    for role in team.roles.select_related("project"):
        event = audit.TeamRoleRemoved(project=role.project.normalized_name, team=str(team), role=role.kind)
        audit.record(actor, event)
    team.delete()
    _drop_what_stood_on(
        organization, seated, by=actor, at=at, reason=f"because team {organization}/{name} was deleted"
    )
    audit.record(actor, events.TeamDeleted(organization=organization.name, team=name))
    notices.organization_news(
        organization,
        headline=f"team {name} was deleted",
        sentence=f"Team {name} was deleted, and its roles on the organization's projects with it.",
        actor=actor,
        also=seated,
    )


@transaction.atomic
def delete_organization(*, actor: Actor, organization: Organization, at: datetime) -> None:
    """Delete an organisation that owns nothing. Its name goes to nobody else: people may still trust it.

    The names of projects it has deleted for good stay used; those who own them besides may take them up again.

    Raises:
        PermissionRefused: the actor is no manager.
        Conflict: it owns a project, or one that can still be restored.
    """
    require(actor, Action.ORGANIZATION_MANAGE, organization)
    organization = lock_organization(actor=actor, organization=organization, action=Action.ORGANIZATION_MANAGE)
    _insist_on_no_projects(organization)
    people = list(User.objects.filter(memberships__organization=organization))
    Project.with_deleted.filter(organization=organization).update(organization=None)
    transfers.end_those_to(organization, at=at)
    audit.record(actor, events.OrganizationDeleted(organization=organization.name))
    notices.organization_news(
        organization,
        headline="the organization was deleted",
        sentence=f"The organization was deleted by {actor.label}. It owned no projects.",
        actor=actor,
        also=people,
    )
    ProhibitedUsername.objects.get_or_create(
        name=organization.name, defaults={"reason": "The name of a deleted organization."}
    )
    organization.delete()


def _insist_on_no_projects(organization: Organization) -> None:
    """Under the locks of its projects, and of those that are on their way to it.

    An upload may be taking the name of a deleted one up again. The organisation is locked before, and all projects
    in the order of their keys, as everywhere: one of its people may be closing an account meanwhile.
    """
    concerned = Project.with_deleted.filter(
        Q(organization=organization) | Q(pk__in=transfers.projects_on_the_way_to(organization))
    )
    locked = [
        Project.with_deleted.locked(pk) for pk in list(concerned.order_by("pk").values_list("pk", flat=True))
    ]
    projects = [row for row in locked if row.organization_id == organization.pk]
    deletions = Deletion.objects.filter(pk__in=[row.deletion_id for row in projects])
    if any(row.deletion_id is None for row in projects):
        raise Conflict(
            f"Organization '{organization.name}' owns projects; transfer or delete them first.",
            code="organization-owns-projects",
        )
    if (waiting := deletions.filter(purged_at=None).order_by("-undo_until").first()) is not None:
        raise Conflict(
            f"Project '{waiting.label}' of organization '{organization.name}' was deleted, and can be restored "
            f"until {clock.written(waiting.undo_until)}; delete the organization after that.",
            code="organization-keeps-names",
        )
