"""Taking roles away, from others or from oneself. Both are direct: only gaining a right is asked for."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts.models import User
from indexsite import audit
from indexsite.actors import Actor
from indexsite.errors import Conflict
from indexsite.policies import Action
from releases.actions.people import standing
from releases.models import Project, Role, RoleKind, holds_role, insist_on_owner
from releases.notices import people as notices


class NoSuchRole(Conflict):
    """There is nothing to take away."""

    code = "no-such-role"


def remove_member(*, actor: Actor, project: Project, member: User, at: datetime) -> None:
    """Take all roles of their own from a member; what they have through a team or organisation stays.

    Raises:
        PermissionRefused: the actor is no owner, or has proved no factor lately.
        NoSuchRole: the member holds none of their own.
        LastOwner: nobody would own the project.
    """
    _take(actor, project, member, tuple(RoleKind), at, keep=None)


def take_role(*, actor: Actor, project: Project, member: User, kind: RoleKind, at: datetime) -> None:
    """Take one role of their own from a member, or from oneself.

    Raises:
        PermissionRefused, NoSuchRole, LastOwner: as for `remove_member`.
    """
    _take(actor, project, member, (kind,), at, keep=None)


def step_down(*, actor: Actor, project: Project, member: User, at: datetime) -> None:
    """Make an owner, or oneself, a maintainer. Nobody is asked: it is a part of what they had.

    Raises:
        PermissionRefused, NoSuchRole, LastOwner: as for `remove_member`.
    """
    _take(actor, project, member, (RoleKind.OWNER,), at, keep=RoleKind.MAINTAINER)


def leave(*, actor: Actor, project: Project, at: datetime) -> None:
    """Give up all roles of one's own.

    Raises:
        PermissionRefused: the actor has no role, or has proved nothing lately.
        NoSuchRole: all rights come through a team or organisation.
        LastOwner: nobody would own the project.
    """
    remove_member(actor=actor, project=project, member=actor.person, at=at)


@transaction.atomic
def _take(
    actor: Actor,
    project: Project,
    member: User,
    kinds: Collection[RoleKind],
    at: datetime,
    *,
    keep: RoleKind | None,
) -> None:
    is_own = member == actor.user
    project = standing.locked_for(actor, Action.ROLE_LEAVE if is_own else Action.ROLE_REMOVE, project)
    taken = list(Role.objects.filter(project=project, user=member, kind__in=kinds))
    if not taken:
        raise NoSuchRole(f"{member.username} holds no such role of their own on {project.name}.")
    if keep is not None:
        Role.objects.get_or_create(
            project=project,
            user=member,
            kind=keep,
            defaults={"granted_at": at, "granted_by": None if is_own else actor.user},
        )
    event_id = drop_roles(project, member, taken, by=actor, at=at)
    lost = [RoleKind(role.kind) for role in taken]
    if RoleKind.OWNER in lost:  # others may go also while staff keep the only owner's account frozen
        insist_on_owner(project)
    notices.role_lost(member, project, kinds=lost, by=actor, event_id=event_id, at=at)


def drop_roles(project: Project, member: User, roles: list[Role], *, by: Actor, at: datetime) -> int:
    """Delete the roles, with the tokens and invitations that stood on them; returns the number of the record."""
    Role.objects.filter(pk__in=[role.pk for role in roles]).delete()
    kind_of_event = audit.RoleLeft if member == by.user else audit.RoleRemoved
    event_id = 0
    for role in roles:
        event = kind_of_event(about=member, project=project.normalized_name, role=role.kind)
        event_id = audit.record(by, event).pk
    if not holds_role(member, project, standing.UPLOADERS):
        reason = f"because {member.username} may no longer upload to {project.name}"
        standing.drop_orphaned_tokens(project, by=by, at=at, reason=reason)
    standing.take_back_invitations_of(member, project, by=by, at=at)
    return event_id
