"""Organisations and their members. What also touches projects, such as removing a member, is in `releases`."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts import notices, usernames
from accounts.models import Membership, MembershipKind, Organization, note_rights
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.audit import organizations as events
from indexsite.errors import Conflict, InvalidInput, NotAuthenticated, NotFound
from indexsite.limits import Limit
from indexsite.policies import Action, require, require_now

MAX_DISPLAY_NAME = 100


class DisplayNameUnusable(InvalidInput):
    """It is too long, or cannot be shown."""

    code = "display-name-unusable"
    field = "display_name"

    def __init__(self) -> None:
        super().__init__(f"Use at most {MAX_DISPLAY_NAME} printable characters to show the organization.")


class LastManager(Conflict):
    """An organisation keeps at least one manager with an open account."""

    code = "last-manager"

    def __init__(self, organization: Organization) -> None:
        super().__init__(
            f"Organization '{organization.name}' needs a manager; make somebody else a manager first.",
        )


def open_organization(*, actor: Actor, name: str) -> Organization:
    """The organisation, for one of its members to look at.

    Raises:
        NotAuthenticated: nobody is signed in.
        NotFound: there is none of this name, or the person is not in it: strangers cannot tell which.
        PermissionRefused: the person's rights are suspended.
    """
    organization = find_organization(actor=actor, name=name)
    require(actor, Action.ORGANIZATION_VIEW, organization)
    return organization


def find_organization(*, actor: Actor, name: str) -> Organization:
    """The same, whether or not the person's rights are suspended: for those who want to give them up.

    Raises:
        NotAuthenticated, NotFound: as for `open_organization`.
    """
    if actor.user is None:
        raise NotAuthenticated("Sign in to see organizations.", help_path="/account/login/")
    organization = Organization.objects.of(actor.user).filter(name=name).first()
    if organization is None:
        raise no_such_organization(name)
    return organization


def no_such_organization(name: str) -> NotFound:
    """The one answer to whoever may not know."""
    return NotFound(f"There is no organization '{name}' among yours.")


def lock_organization(*, actor: Actor, organization: Organization, action: Action) -> Organization:
    """The organisation's row, locked, for an actor who may do `action` now that nobody else can change it.

    Raises:
        NotFound: it has been deleted meanwhile.
        PermissionRefused: the actor may not.
    """
    require(actor, action, organization)
    try:
        locked = Organization.objects.locked(organization.pk)
    except Organization.DoesNotExist as error:
        raise no_such_organization(organization.name) from error
    # Again: a manager may have been removed, or frozen, while waiting for the row.
    require_now(actor, action, locked)
    return locked


def create_organization(*, actor: Actor, name: str, display_name: str, at: datetime) -> Organization:
    """Make an organisation with the actor as its first manager. An empty `display_name` means the name.

    Raises:
        UsernameMalformed, UsernameUnavailable: people and organisations share one space of names.
        DisplayNameUnusable: see there.
        LimitReached: the actor has made too many today.
    """
    require(actor, Action.ORGANIZATION_CREATE)
    limits.consume(Limit.ORGANIZATION_CREATE_USER, str(actor.person.pk), at=at)
    name = usernames.check_available(name)
    shown = _showable(display_name) or name
    try:
        with transaction.atomic():
            organization = Organization.objects.create(name=name, display_name=shown, created_at=at)
            Membership.objects.create(
                organization=organization, user=actor.person, kind=MembershipKind.MANAGER, joined_at=at
            )
            note_rights([actor.person.pk], at=at)
            audit.record(actor, events.OrganizationCreated(about=actor.person, organization=name))
            notices.organization_created(organization, actor=actor)
    except IntegrityError as error:
        raise usernames.UsernameUnavailable from error
    return organization


def _showable(display_name: str) -> str:
    cleaned = " ".join(display_name.split())
    if len(cleaned) > MAX_DISPLAY_NAME or not cleaned.isprintable():
        raise DisplayNameUnusable
    return cleaned


def get_membership(organization: Organization, username: str) -> Membership:
    """One member's place in the organisation.

    Raises:
        NotFound: nobody of this name is in it.
    """
    found = organization.memberships.filter(user__username=username).select_related("user").first()
    if found is None:
        raise NotFound(f"'{username}' is not in organization '{organization.name}'.")
    return found
