"""The invited person's side of invitations."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts.models import InvitationState, User, note_rights
from indexsite import audit
from indexsite.actors import SITE, Actor
from indexsite.errors import Conflict, NotFound
from indexsite.policies import Action, require
from releases.actions.people import standing
from releases.models import (
    Project,
    ProjectInvitation,
    ProjectStatus,
    Role,
    RoleKind,
    holds_role,
    kinds_that_include,
)
from releases.notices import people as notices


class InvitationClosed(Conflict):
    """It can no longer be answered; the sentence says why."""

    code = "invitation-closed"


def mine(actor: Actor, pk: int) -> ProjectInvitation:
    """The invitation, for the person it goes to by name or by a verified address.

    Raises:
        NotFound: also for somebody else's: nobody learns which there are.
    """
    found = ProjectInvitation.objects.for_person(actor.person).filter(pk=pk, project__deletion=None)
    invitation: ProjectInvitation | None = found.select_related("project", "user", "invited_by").first()
    if invitation is None:
        raise NotFound(
            "There is no such invitation for you; one to another address of yours shows once that is verified.",
            help_path="/account/email/",
        )
    return invitation


@transaction.atomic
def accept(*, actor: Actor, pk: int, at: datetime) -> ProjectInvitation:
    """Take the role one was invited to.

    Raises:
        PermissionRefused: no factor, or no verified address.
        NotFound: it is not for this person.
        InvitationClosed: answered, taken back, too old, or whoever sent it is no owner any more.
        Conflict: the project is in quarantine.
    """
    require(actor, Action.INVITATION_ANSWER)
    invitation, user, project = _locked(actor, Action.INVITATION_ANSWER, pk)
    _insist_open(invitation, at)
    if project.status == ProjectStatus.QUARANTINED:
        raise Conflict(
            f"{project.name} is in quarantine, and nothing in it can change; answer when that is over.",
            code="project-quarantined",
        )
    if not (invitation.invited_by.is_active and holds_role(invitation.invited_by, project, [RoleKind.OWNER])):
        raise InvitationClosed(
            f"{invitation.invited_by.username}, who invited you, is no longer an owner of {project.name}; "
            "ask for a new invitation."
        )
    if not holds_role(user, project, kinds_that_include(RoleKind(invitation.kind))):
        _grant(actor, invitation, user, project, at)
    _close_satisfied(invitation, user, project, at)
    return invitation


def _locked(actor: Actor, action: Action, pk: int) -> tuple[ProjectInvitation, User, Project]:
    """Invitation, person and project as they are under the locks: the person first, then the project."""
    project_pk = mine(actor, pk).project_id
    # An account that is being closed must not gain a role on the way out.
    user = actor.person
    user.refresh_from_db(from_queryset=User.objects.select_for_update(no_key=True))
    require(actor, action)
    project = standing.lock(project_pk)
    return mine(actor, pk), user, project


def _insist_open(invitation: ProjectInvitation, at: datetime) -> None:
    if invitation.is_live(at):
        return
    why = {
        InvitationState.ACCEPTED: "You have accepted this invitation already.",
        InvitationState.DECLINED: "You have declined this invitation; ask for a new one if you changed your mind.",
        InvitationState.REVOKED: "This invitation was taken back; ask the owners if that surprises you.",
    }
    too_old = "This invitation was not answered in time; ask for a new one."
    raise InvitationClosed(why.get(InvitationState(invitation.state), too_old))


def _grant(actor: Actor, invitation: ProjectInvitation, user: User, project: Project, at: datetime) -> None:
    Role.objects.create(
        project=project, user=user, kind=invitation.kind, granted_at=at, granted_by=invitation.invited_by
    )
    note_rights([user.pk], at=at)
    name, kind, inviter = project.normalized_name, invitation.kind, invitation.invited_by
    accepted = audit.RoleInvitationAccepted(about=user, project=name, role=kind, invited_by=inviter.username)
    audit.record(actor, accepted)
    audit.record(actor, audit.RoleGranted(about=user, project=name, role=kind))
    notices.joined(user, project, kind=RoleKind(invitation.kind), invited_by=invitation.invited_by, at=at)


def _close_satisfied(invitation: ProjectInvitation, user: User, project: Project, at: datetime) -> None:
    """This one, and all others to the person by name that would bring nothing new.

    Not those to other addresses: whoever sent them would see whose these are.
    """
    found = ProjectInvitation.objects.live(at).filter(project=project)
    for other in found.filter(Q(pk=invitation.pk) | Q(user=user)):
        if holds_role(user, project, kinds_that_include(RoleKind(other.kind))):
            other.end(InvitationState.ACCEPTED, at)


@transaction.atomic
def decline(*, actor: Actor, pk: int, at: datetime) -> ProjectInvitation:
    """Say no; whoever sent the invitation is told.

    Raises:
        NotFound: it is not for this person.
        InvitationClosed: answered, taken back or too old.
    """
    require(actor, Action.INVITATION_DECLINE)
    invitation, _, project = _locked(actor, Action.INVITATION_DECLINE, pk)
    _insist_open(invitation, at)
    turn_down(invitation, by=actor, project=project, at=at)
    return invitation


def turn_down(invitation: ProjectInvitation, *, by: Actor, project: Project, at: datetime) -> None:
    """Close the invitation on the person's side."""
    invitation.end(InvitationState.DECLINED, at)
    event = audit.RoleInvitationDeclined(
        about=by.user,
        project=project.normalized_name,
        invitee=invitation.shown,
        role=invitation.kind,
        of=project.name,
    )
    if invitation.user is not None:
        audit.record(by, event)
    else:
        # Members read the project's history: it must not tell them whose the address is.
        audit.record(by, replace(event, project=""))
        audit.record(SITE, replace(event, about=None))
    notices.declined(invitation, at=at)
