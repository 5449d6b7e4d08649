"""What every change of a project's people shares: the lock, and what falls with a right."""

from __future__ import annotations

from datetime import datetime

from accounts.models import InvitationState, User
from indexsite import audit
from indexsite.actors import Actor
from indexsite.errors import NotFound
from indexsite.policies import Action, require, require_now
from releases.actions.drafts.standing import move_preview
from releases.models import Draft, Project, ProjectInvitation, Role, RoleKind, holds_role, people_with
from tokens.actions import drop_tokens

UPLOADERS = (RoleKind.OWNER, RoleKind.MAINTAINER)


def locked_for(actor: Actor, action: Action, project: Project) -> Project:
    """The project's row, locked, with the actor's right asked once before the lock and once under it.

    Raises:
        PermissionRefused: the actor may not, or may no longer.
        NotFound: the project was deleted meanwhile.
    """
    require(actor, action, project)
    row = lock(project.pk)
    require_now(actor, action, row)
    return row


def lock(pk: int) -> Project:
    """The project's row, locked.

    Raises:
        NotFound: it was deleted.
    """
    try:
        return Project.objects.locked(pk)
    except Project.DoesNotExist:
        raise NotFound("This project was deleted.") from None


def drop_orphaned_tokens(project: Project, *, by: Actor, at: datetime, reason: str) -> int:
    """Revoke the tokens for this project alone whose owners may no longer upload to it; returns how many.

    Args:
        reason: completes "was revoked ...".
    """
    live = project.tokens.filter(revoked_at=None).select_related("user", "project")
    uploaders = set(people_with(project, *UPLOADERS).values_list("pk", flat=True))
    orphaned = [token for token in live if token.user_id not in uploaders]
    return drop_tokens(orphaned, by=by, at=at, reason=reason)


def take_back_invitations_of(inviter: User, project: Project, *, by: Actor, at: datetime) -> None:
    """An invitation is worth as much as the right of whoever sent it: without the one, the other goes."""
    if holds_role(inviter, project, [RoleKind.OWNER]):
        return
    for invitation in ProjectInvitation.objects.live(at).filter(project=project, invited_by=inviter):
        revoke(invitation, by=by, at=at, reason=f"{inviter.username} is no longer an owner")


def revoke(invitation: ProjectInvitation, *, by: Actor, at: datetime, reason: str) -> None:
    """Close the invitation on the project's side."""
    invitation.end(InvitationState.REVOKED, at)
    event = audit.RoleInvitationRevoked(
        about=invitation.user,
        project=invitation.project.normalized_name,
        invitee=invitation.shown,
        role=invitation.kind,
        reason=reason,
    )
    audit.record(by, event)


def drop_roles(project: Project, member: User, roles: list[Role], *, by: Actor, at: datetime) -> int:
    """Delete the roles, with the tokens and invitations that stood on them; returns the number of the record."""
    Role.objects.filter(pk__in=[role.pk for role in roles]).delete()
    kind_of_event = audit.RoleLeft if member == by.user else audit.RoleRemoved
    event_id = 0
    for role in roles:
        event = kind_of_event(about=member, project=project.normalized_name, role=role.kind)
        event_id = audit.record(by, event).pk
    if not holds_role(member, project, UPLOADERS):
        reason = f"because {member.username} may no longer upload to {project.name}"
        drop_orphaned_tokens(project, by=by, at=at, reason=reason)
    take_back_invitations_of(member, project, by=by, at=at)
    if not holds_role(member, project):
        renew_previews(project, by=by)
    return event_id


def renew_previews(project: Project, *, by: Actor) -> None:
    """New addresses for previews of its drafts: whoever has gone knows the old ones. Under the project's lock."""
    for draft in Draft.objects.live().filter(project=project).order_by("pk"):
        move_preview(by, draft)
