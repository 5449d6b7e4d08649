"""Taking roles away, from others or from oneself. Both are direct: only gaining a right is asked for.

With one exception: an approver whose yes a project asks for goes after 72 hours (`policy_changes`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from accounts.models import User
from indexsite.actors import Actor
from indexsite.errors import Conflict
from indexsite.policies import Action
from releases.actions import policy_changes
from releases.actions.people import standing
from releases.models import PolicyChange, Project, Role, RoleKind, insist_on_owner
from releases.notices import people as notices


class NoSuchRole(Conflict):
    """There is nothing to take away."""

    code = "no-such-role"


def remove_member(*, actor: Actor, project: Project, member: User, at: datetime) -> PolicyChange | None:
    """Take all roles of their own from a member; what they have through a team or organisation stays.

    Returns:
        What waits: an approver who counts stays that for 72 hours. None where all is done.

    Raises:
        PermissionRefused: the actor is no owner, or has proved no factor lately.
        NoSuchRole: the member holds none of their own.
        LastOwner: nobody would own the project.
        TooFewApprovers, PolicyChangeWaits: the role as approver cannot go, or not now; nothing has changed.
    """
    return _take(actor, project, member, tuple(RoleKind), at, keep=None)


def take_role(
    *, actor: Actor, project: Project, member: User, kind: RoleKind, at: datetime
) -> PolicyChange | None:
    """Take one role of their own from a member, or from oneself.

    Returns, raises: as for `remove_member`.
    """
    return _take(actor, project, member, (kind,), at, keep=None)


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
) -> PolicyChange | None:
    is_own = member == actor.user
    project = standing.locked_for(actor, Action.ROLE_LEAVE if is_own else Action.ROLE_REMOVE, project)
    taken = list(Role.objects.filter(project=project, user=member, kind__in=kinds))
    if not taken:
        raise NoSuchRole(f"{member.username} holds no such role of their own on {project.name}.")
    change = None
    if not is_own and (waiting := policy_changes.waiting_roles(project, taken, at=at)):
        change = policy_changes.ask_to_remove(actor, project, member, at)
        taken = [role for role in taken if role not in waiting]
        if not taken:
            return change
    if keep is not None:
        Role.objects.get_or_create(
            project=project,
            user=member,
            kind=keep,
            defaults={"granted_at": at, "granted_by": None if is_own else actor.user},
        )
    event_id = standing.drop_roles(project, member, taken, by=actor, at=at)
    lost = [RoleKind(role.kind) for role in taken]
    if RoleKind.OWNER in lost:  # others may go also while staff keep the only owner's account frozen
        insist_on_owner(project)
    notices.role_lost(member, project, kinds=lost, by=actor, event_id=event_id, at=at)
    return change
