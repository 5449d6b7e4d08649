"""The owners' side of invitations. Nobody is put into a project: they are asked, and answer while signed in."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.actions.invitees import Invitee, InviteeRefused, find_invitee
from accounts.models import INVITATION_LIFE, InvitationState, User
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.errors import Conflict, NotFound
from indexsite.limits import Limit
from indexsite.policies import Action, require
from releases.actions.people import standing
from releases.models import Project, ProjectInvitation, RoleKind, holds_role, kinds_that_include
from releases.notices import people as notices


class AlreadyInvited(Conflict):
    """There is one live invitation for a person and project."""

    code = "already-invited"
    field = "invitee"


def invite(*, actor: Actor, project: Project, invitee: str, kind: RoleKind, at: datetime) -> ProjectInvitation:
    """Ask somebody to take a role.

    Args:
        invitee: a user name or an e-mail address. An address is taken as it is: whoever invites must not learn
            whose it is, nor whether it is anybody's.

    Raises:
        PermissionRefused: the actor is no owner, or has proved no factor lately.
        InviteeRefused: nobody can be invited under that name, or they have the role.
        AlreadyInvited: the person has an invitation that can still be answered.
        LimitReached: the actor invites too many, or the person is invited too often.
    """
    require(actor, Action.ROLE_INVITE, project)
    if kind == RoleKind.OWNER:
        require(actor, Action.OWNER_INVITE, project)
    found = find_invitee(invitee)
    _refuse_oneself(found, actor.person)
    _refuse_holder(found.user, project, kind)
    limits.consume(Limit.INVITE_USER, str(actor.person.pk), at=at)
    limits.consume(Limit.INVITE_TO, found.mailbox, at=at)
    return _invite(actor, project, found, kind, at)


def _refuse_oneself(invitee: Invitee, inviter: User) -> None:
    if invitee.user == inviter:
        raise InviteeRefused("This is you; invite somebody else.")
    if EmailAddress.objects.filter(user=inviter, email=invitee.email).exists():
        raise InviteeRefused("This is an address of yours; invite somebody else.")


def _refuse_holder(user: User | None, project: Project, kind: RoleKind) -> None:
    if user is not None and holds_role(user, project, kinds_that_include(kind)):
        raise InviteeRefused(f"{user.username} may do all that a role as {kind} allows already.")


@transaction.atomic
def _invite(actor: Actor, project: Project, invitee: Invitee, kind: RoleKind, at: datetime) -> ProjectInvitation:
    project = standing.locked_for(actor, Action.ROLE_INVITE, project)
    _refuse_holder(invitee.user, project, kind)
    pending = ProjectInvitation.objects.filter(
        project=project, user=invitee.user, email=invitee.email, state=InvitationState.PENDING
    ).first()
    if pending is not None and pending.is_live(at):
        raise AlreadyInvited(
            f"{pending.invitee} is invited as {pending.kind} already; send that invitation again, or take it back."
        )
    if pending is not None:
        pending.end(InvitationState.EXPIRED, pending.expires_at)
    invitation = ProjectInvitation.objects.create(
        project=project,
        user=invitee.user,
        email=invitee.email,
        kind=kind,
        invited_by=actor.person,
        created_at=at,
        sent_at=at,
        expires_at=at + INVITATION_LIFE,
    )
    event = audit.RoleInvited(
        about=invitee.user, project=project.normalized_name, invitee=invitation.shown, role=kind
    )
    audit.record(actor, event)
    notices.invited(invitation, at=at)
    return invitation


def send_again(*, actor: Actor, project: Project, pk: int, at: datetime) -> ProjectInvitation:
    """Mail an unanswered invitation once more; it can be answered for as long again.

    From now on it is the actor's: whoever sent it before may no longer be an owner.

    Raises:
        PermissionRefused, LimitReached: as for `invite`, for the role it is to; or too often for this one.
        NotFound: there is none such on this project.
        Conflict: it was answered or taken back.
    """
    require(actor, Action.ROLE_INVITE, project)
    invitation = _of(project, pk)
    if invitation.kind == RoleKind.OWNER:
        require(actor, Action.OWNER_INVITE, project)
    limits.consume(Limit.INVITE_AGAIN, "project", str(invitation.pk), at=at)
    limits.consume(Limit.INVITE_TO, Invitee(invitation.user, invitation.email).mailbox, at=at)
    return _send_again(actor, project, pk, at)


@transaction.atomic
def _send_again(actor: Actor, project: Project, pk: int, at: datetime) -> ProjectInvitation:
    project = standing.locked_for(actor, Action.ROLE_INVITE, project)
    invitation = _pending(project, pk)
    if invitation.user is not None and not invitation.user.is_active:
        raise Conflict(f"{invitation.invitee} has no open account; take the invitation back.")
    invitation.invited_by = actor.person
    invitation.sent_at = at
    invitation.expires_at = at + INVITATION_LIFE
    invitation.save(update_fields=["invited_by", "sent_at", "expires_at"])
    event = audit.RoleInvitedAgain(
        about=invitation.user,
        project=project.normalized_name,
        invitee=invitation.shown,
        role=invitation.kind,
    )
    audit.record(actor, event)
    notices.invited(invitation, at=at)
    return invitation


@transaction.atomic
def take_back(*, actor: Actor, project: Project, pk: int, at: datetime) -> ProjectInvitation:
    """Take an unanswered invitation back.

    Raises:
        PermissionRefused, NotFound, Conflict: as for `send_again`.
    """
    project = standing.locked_for(actor, Action.ROLE_INVITE, project)
    invitation = _pending(project, pk)
    standing.revoke(invitation, by=actor, at=at, reason="by an owner")
    notices.taken_back(invitation, by=actor, at=at)
    return invitation


def _of(project: Project, pk: int) -> ProjectInvitation:
    found = ProjectInvitation.objects.filter(project=project, pk=pk).select_related("user", "project")
    invitation: ProjectInvitation | None = found.first()
    if invitation is None:
        raise NotFound("There is no such invitation to this project.")
    return invitation


def _pending(project: Project, pk: int) -> ProjectInvitation:
    invitation = _of(project, pk)
    if invitation.state != InvitationState.PENDING:
        raise Conflict(
            f"This invitation is closed already: {invitation.get_state_display().lower()}.",
            code="invitation-closed",
        )
    return invitation
