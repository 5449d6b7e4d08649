"""Closing one's own account, for good. It is here because it touches projects, tokens and the person alike."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import Q

from accounts import usernames
from accounts.actions.organization_invitations import decline_organization_invitation, take_back_invitations_of
from accounts.actions.sessions import drop_sessions
from accounts.models import InvitationState, Membership, Organization, OrganizationInvitation, User
from accounts.queries import verified_addresses
from indexsite import audit
from indexsite.actors import Actor
from indexsite.audit import organizations as events
from indexsite.errors import Conflict, InvalidInput
from indexsite.policies import Action, require
from mfa.models import RemovalGround, devices_of, remove_factor
from releases.actions.people import answering, standing
from releases.models import Project, ProjectInvitation, Role, RoleKind
from releases.notices import people as notices
from releases.queries_closing import closing_of
from tokens.actions import drop_tokens
from tokens.models import Token

WITH_THE_ACCOUNT = "because the account was closed"


class NameMistyped(InvalidInput):
    """What was typed is not the name."""

    code = "name-mistyped"
    field = "username"

    def __init__(self, username: str) -> None:
        super().__init__(f"Type your user name, {username}, to close the account.")


class AccountNeeded(Conflict):
    """A project or organisation would be left alone."""

    code = "account-needed"


@transaction.atomic
def close_account(*, actor: Actor, typed: str, at: datetime) -> None:
    """Close the actor's account: it can never be signed in to again, and its name goes to nobody else.

    Args:
        typed: the user name, as the person typed it to show that this is no slip.

    Raises:
        PermissionRefused: no recent proof of presence, or the person works for the site.
        NameMistyped: `typed` is something else.
        AccountNeeded: the last owner of a live project, or the last manager of an organisation; names them.
    """
    require(actor, Action.ACCOUNT_CLOSE)
    if usernames.canonical(typed) != actor.person.username:
        raise NameMistyped(actor.person.username)
    user = actor.person
    user.refresh_from_db(from_queryset=User.objects.select_for_update(no_key=True))
    require(actor, Action.ACCOUNT_CLOSE)
    # First, because it locks organisations, and those come before projects. Invitations to addresses are left to
    # their time, here and below: whoever sent them would learn whose the addresses were.
    for invitation in OrganizationInvitation.objects.live(at).filter(user=user).order_by("organization"):
        decline_organization_invitation(actor=actor, invitation_id=invitation.pk, at=at)
    _lock_what_is_touched(user)
    _insist_not_needed(user, at)
    to = verified_addresses(user)
    _leave_projects(user, by=actor, at=at)
    _answer_invitations(user, by=actor, at=at)
    _leave_organizations(user, by=actor, at=at)
    drop_tokens(Token.objects.unrevoked().filter(user=user), by=actor, at=at, reason=WITH_THE_ACCOUNT)
    event = audit.record(actor, audit.AccountClosed(about=user))
    notices.account_closed(user, to=to, by=actor, at=at)
    for device in devices_of(user):
        remove_factor(device, RemovalGround.CLOSED, event=event, at=at)
    _shut(user, at)


def _lock_what_is_touched(user: User) -> None:
    """Organisations, then projects, each in the order of keys: two owners who close at once must not both pass."""
    for pk in Organization.objects.of(user).order_by("pk").values_list("pk", flat=True):
        Organization.objects.locked(pk)
    invitations = ProjectInvitation.objects.filter(state=InvitationState.PENDING)
    asked = invitations.filter(Q(user=user) | Q(invited_by=user))
    touched = Project.objects.filter(Q(roles__user=user) | Q(pk__in=asked.values("project")))
    for pk in touched.order_by("pk").distinct().values_list("pk", flat=True):
        standing.lock(pk)


def _insist_not_needed(user: User, at: datetime) -> None:
    found = closing_of(user, at=at)
    if found.is_possible:
        return
    projects = [f"project '{row.name}'" for row in found.owned_alone]
    organizations = [f"organization '{row.name}'" for row in found.managed_alone]
    raise AccountNeeded(
        f"Nobody else could decide about {', '.join([*projects, *organizations])}; "
        "have somebody take over, or delete it, then close the account."
    )


def _leave_projects(user: User, *, by: Actor, at: datetime) -> None:
    for project in Project.objects.filter(roles__user=user).distinct().order_by("pk"):
        roles = list(Role.objects.filter(user=user, project=project))
        standing.drop_roles(project, user, roles, by=by, at=at)
        notices.member_closed(user, project, kinds=[RoleKind(role.kind) for role in roles], at=at)
    Role.objects.filter(user=user).delete()  # what is left is on deleted projects


def _leave_organizations(user: User, *, by: Actor, at: datetime) -> None:
    for membership in Membership.objects.filter(user=user).select_related("organization"):
        take_back_invitations_of(user, membership.organization, by=by, at=at)
        audit.record(by, events.OrganizationLeft(about=user, organization=membership.organization.name))
        membership.delete()  # seats in teams go by cascade


def _answer_invitations(user: User, *, by: Actor, at: datetime) -> None:
    for invitation in ProjectInvitation.objects.live(at).filter(user=user).select_related("project", "invited_by"):
        answering.turn_down(invitation, by=by, project=invitation.project, at=at)
    # Those sent as an owner through a team or organisation; the person's own roles took theirs along.
    for invitation in ProjectInvitation.objects.live(at).filter(invited_by=user).select_related("project"):
        standing.revoke(invitation, by=by, at=at, reason=f"the account of {user.username} was closed")


def _shut(user: User, at: datetime) -> None:
    """Nothing that could sign in again is kept; the name stays taken, and the history stays."""
    drop_sessions(user, keep="")
    EmailAddress.objects.filter(user=user).delete()
    user.email = ""
    user.is_active = False
    user.closed_at = at
    user.set_unusable_password()
    user.save(update_fields=["email", "is_active", "closed_at", "password"])
