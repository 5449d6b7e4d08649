"""Invitations to organisations: sent by managers, answered by whom they name."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import notices
from accounts.actions.invitees import Invitee, find_invitee
from accounts.actions.organizations import lock_organization
from accounts.models import (
    INVITATION_LIFE,
    InvitationState,
    Membership,
    MembershipKind,
    Organization,
    OrganizationInvitation,
    User,
    note_rights,
)
from indexsite import audit, limits
from indexsite.actors import SITE, Actor
from indexsite.audit import organizations as events
from indexsite.errors import Conflict, InvalidInput, NotFound
from indexsite.limits import Limit
from indexsite.policies import Action, require


def invite_to_organization(
    *, actor: Actor, organization: Organization, whom: str, kind: MembershipKind, at: datetime
) -> OrganizationInvitation:
    """Ask somebody, by user name or address, to join. Nobody is in it before they say yes.

    Raises:
        PermissionRefused: the actor is no manager.
        InviteeRefused: there is nobody of this name.
        InvalidInput: they are a member, or have been asked already.
        LimitReached: the actor has sent too many, or the person was sent too many.
    """
    require(actor, Action.ORGANIZATION_MANAGE, organization)
    invitee = find_invitee(whom)
    limits.consume(Limit.INVITE_USER, str(actor.person.pk), at=at)
    limits.consume(Limit.INVITE_TO, invitee.mailbox, at=at)
    with transaction.atomic():
        organization = lock_organization(actor=actor, organization=organization, action=Action.ORGANIZATION_MANAGE)
        _check_not_asked(organization, invitee, at)
        invitation = OrganizationInvitation.objects.create(
            organization=organization,
            user=invitee.user,
            email=invitee.email,
            kind=kind,
            invited_by=actor.person,
            created_at=at,
            sent_at=at,
            expires_at=at + INVITATION_LIFE,
        )
        event = events.OrganizationInvited(
            about=invitee.user, organization=organization.name, invitee=invitation.shown, kind=kind.value
        )
        audit.record(actor, event)
        notices.organization_invitation(invitation, to=invitee.letter_to, actor=actor)
        notices.organization_news(
            organization,
            headline=f"{invitee.label} is invited",
            sentence=f"{invitee.label} is asked to be a {kind.value}, with {INVITATION_LIFE.days} days to answer.",
            actor=actor,
        )
    return invitation


def _check_not_asked(organization: Organization, invitee: Invitee, at: datetime) -> None:
    if invitee.user is not None and organization.memberships.filter(user=invitee.user).exists():
        raise InvalidInput(f"{invitee.label} is in the organization already.", code="already-member")
    pending = organization.invitations.filter(
        user=invitee.user, email=invitee.email, state=InvitationState.PENDING
    )
    if pending.filter(expires_at__gt=at).exists():
        raise InvalidInput(
            f"{invitee.label} is invited already; send that invitation again or take it back.",
            code="already-invited",
        )
    pending.update(state=InvitationState.EXPIRED)


def resend_organization_invitation(
    *, actor: Actor, organization: Organization, invitation_id: int, at: datetime
) -> OrganizationInvitation:
    """Send the letter again; the time to answer begins anew, also where it was over.

    From now on it is the actor's: whoever sent it before may no longer be a manager.

    Raises:
        PermissionRefused: the actor is no manager.
        NotFound: the organisation has no such invitation.
        Conflict: it has been answered or taken back.
        LimitReached: as for inviting.
    """
    require(actor, Action.ORGANIZATION_MANAGE, organization)
    found = _pending(organization, invitation_id)
    invitee = Invitee(found.user, found.email)
    limits.consume(Limit.INVITE_USER, str(actor.person.pk), at=at)
    limits.consume(Limit.INVITE_AGAIN, "organization", str(invitation_id), at=at)
    limits.consume(Limit.INVITE_TO, invitee.mailbox, at=at)
    with transaction.atomic():
        organization = lock_organization(actor=actor, organization=organization, action=Action.ORGANIZATION_MANAGE)
        invitation = _pending(organization, invitation_id)
        invitation.invited_by = actor.person
        invitation.sent_at, invitation.expires_at = at, at + INVITATION_LIFE
        invitation.save(update_fields=["invited_by", "sent_at", "expires_at"])
        event = events.OrganizationInvitationResent(
            about=invitation.user, organization=organization.name, invitee=invitation.shown
        )
        audit.record(actor, event)
        notices.organization_invitation(invitation, to=invitee.letter_to, actor=actor)
    return invitation


@transaction.atomic
def revoke_organization_invitation(
    *, actor: Actor, organization: Organization, invitation_id: int, at: datetime
) -> None:
    """Take an invitation back.

    Raises:
        PermissionRefused, NotFound, Conflict: as for sending it again.
    """
    organization = lock_organization(actor=actor, organization=organization, action=Action.ORGANIZATION_MANAGE)
    invitation = _pending(organization, invitation_id)
    _revoke(invitation, by=actor, at=at)
    notices.organization_news(
        organization,
        headline=f"the invitation of {invitation.invitee} was taken back",
        sentence=f"{invitation.invitee} cannot join by it any more.",
        actor=actor,
    )


def take_back_invitations_of(inviter: User, organization: Organization, *, by: Actor, at: datetime) -> None:
    """An invitation is worth as much as the right of whoever sent it: call this where that right ends."""
    sent = organization.invitations.filter(invited_by=inviter, state=InvitationState.PENDING)
    for invitation in sent.select_related("user", "organization"):
        _revoke(invitation, by=by, at=at)


def take_back_those_of(
    inviter: User, organization: Organization, *, since: datetime, at: datetime, why: str
) -> int:
    """Take back what was sent in somebody's name since then, and tell the managers; returns how many.

    To be called under the organisation's lock.

    Args:
        why: the end of a sentence.
    """
    sent = organization.invitations.filter(invited_by=inviter, state=InvitationState.PENDING, sent_at__gte=since)
    invitations = list(sent.select_related("user", "organization"))
    for invitation in invitations:
        _revoke(invitation, by=SITE, at=at)
        notices.organization_news(
            organization,
            headline=f"the invitation of {invitation.invitee} was taken back",
            sentence=f"{invitation.invitee} cannot join by it any more: {why}.",
            actor=SITE,
            signed=False,
        )
    return len(invitations)


def _revoke(invitation: OrganizationInvitation, *, by: Actor, at: datetime) -> None:
    invitation.end(InvitationState.REVOKED, at)
    event = events.OrganizationInvitationRevoked(
        about=invitation.user, organization=invitation.organization.name, invitee=invitation.shown
    )
    audit.record(by, event)


def _pending(organization: Organization, invitation_id: int) -> OrganizationInvitation:
    invitation: OrganizationInvitation | None = (
        organization.invitations.filter(pk=invitation_id).select_related("user", "organization").first()
    )
    if invitation is None:
        raise NotFound("There is no such invitation.")
    if invitation.state != InvitationState.PENDING:
        raise _no_longer_open()
    return invitation


# -- the answer -------------------------------------------------------------------------------------------


@transaction.atomic
def accept_organization_invitation(*, actor: Actor, invitation_id: int, at: datetime) -> Membership:
    """Join. A member or manager stays what they are; an invitation never takes anything away.

    Raises:
        PermissionRefused: the actor has no verified address or no second factor.
        NotFound: no such invitation is theirs.
        Conflict: it was answered, taken back, or came too late, or whoever sent it manages no more.
    """
    invitation = _mine(actor, Action.INVITATION_ANSWER, invitation_id, at)
    organization = invitation.organization
    _insist_on_inviter(invitation)
    invitation.end(InvitationState.ACCEPTED, at)
    membership, joined = Membership.objects.get_or_create(
        organization=organization,
        user=actor.person,
        defaults={"kind": invitation.kind, "joined_at": at, "invited_by": invitation.invited_by},
    )
    if joined:
        note_rights([actor.person.pk], at=at)
        event = events.OrganizationJoined(
            about=actor.person, organization=organization.name, kind=str(invitation.kind)
        )
        audit.record(actor, event)
        notices.organization_news(
            organization,
            headline=f"{actor.label} joined",
            sentence=f"{actor.label} accepted the invitation and is a {invitation.kind} now.",
            actor=actor,
            also=[actor.person],
        )
    return membership


def _insist_on_inviter(invitation: OrganizationInvitation) -> None:
    """An invitation is worth as much as its sender's right, which also ends while their account is frozen."""
    inviter, organization = invitation.invited_by, invitation.organization
    if not organization.managers().filter(pk=inviter.pk).exists():
        raise Conflict(
            f"{inviter.username}, who invited you, no longer manages {organization.name}; "
            "ask for a new invitation.",
            code="invitation-closed",
        )


@transaction.atomic
def decline_organization_invitation(*, actor: Actor, invitation_id: int, at: datetime) -> None:
    """Say no: anybody who is asked may, whatever factors they have.

    Raises:
        NotFound, Conflict: as for accepting.
    """
    invitation = _mine(actor, Action.INVITATION_DECLINE, invitation_id, at)
    invitation.end(InvitationState.DECLINED, at)
    organization = invitation.organization
    event = events.OrganizationInvitationDeclined(
        about=actor.person,
        organization=organization.name if invitation.user is not None else "",
        of=organization.name,
        invitee=invitation.shown,
    )
    audit.record(actor, event)
    notices.organization_news(
        organization,
        headline=f"{invitation.invitee} declined",
        sentence=f"{invitation.invitee} declined the invitation.",
        actor=actor,
        signed=False,  # whose the invited address is stays theirs to tell
    )


def _mine(actor: Actor, action: Action, invitation_id: int, at: datetime) -> OrganizationInvitation:
    """The live invitation, under the locks of the person and the organisation: of two answers one is too late."""
    require(actor, action)
    mine = OrganizationInvitation.objects.for_person(actor.person).filter(pk=invitation_id)
    organization_id = mine.values_list("organization_id", flat=True).first()
    if organization_id is None:
        raise NotFound("You have no such invitation.")
    # The person first, as wherever both are locked: an account that is being closed must not join on the way out.
    actor.person.refresh_from_db(from_queryset=User.objects.select_for_update(no_key=True))
    require(actor, action)
    try:
        Organization.objects.locked(organization_id)
        invitation: OrganizationInvitation = mine.select_related("organization", "invited_by", "user").get()
    except (Organization.DoesNotExist, OrganizationInvitation.DoesNotExist) as error:
        raise NotFound("You have no such invitation.") from error
    if not invitation.is_live(at):
        raise _no_longer_open()
    return invitation


def _no_longer_open() -> Conflict:
    return Conflict(
        "This invitation is no longer open: it was answered, taken back, or its time is over.",
        code="invitation-closed",
    )
