"""Teams of an organisation. What takes rights on projects away (unseating, deleting) is in `releases`."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts import notices
from accounts.actions.organizations import get_membership, lock_organization
from accounts.models import USERNAME_MAX_LENGTH, USERNAME_RE, Organization, Team, TeamSeat, note_rights
from indexsite import audit
from indexsite.actors import Actor
from indexsite.audit import organizations as events
from indexsite.errors import InvalidInput, NotFound
from indexsite.policies import Action

# A name of a team stands below its organisation's address; this one is a page there.
_RESERVED = frozenset({"create"})


def get_team(organization: Organization, name: str) -> Team:
    """One team of the organisation.

    Raises:
        NotFound: it has none of this name.
    """
    team = organization.teams.filter(name=name).first()
    if team is None:
        raise NotFound(f"There is no team '{name}' in organization '{organization.name}'.")
    return team


@transaction.atomic
def create_team(*, actor: Actor, organization: Organization, name: str, at: datetime) -> Team:
    """Make an empty team without roles.

    Raises:
        PermissionRefused: the actor is no manager.
        InvalidInput: the name breaks the rules of form, or is taken.
    """
    organization = lock_organization(actor=actor, organization=organization, action=Action.ORGANIZATION_MANAGE)
    name = _usable(name)
    try:
        with transaction.atomic():
            team = Team.objects.create(organization=organization, name=name, created_at=at)
    except IntegrityError as error:
        raise _taken(name) from error
    audit.record(actor, events.TeamCreated(organization=organization.name, team=team.name))
    return team


@transaction.atomic
def rename_team(*, actor: Actor, organization: Organization, name: str, new_name: str) -> Team:
    """Call a team something else; its seats and roles stay.

    Raises:
        PermissionRefused, NotFound, InvalidInput: as for making and finding one.
    """
    organization = lock_organization(actor=actor, organization=organization, action=Action.ORGANIZATION_MANAGE)
    team = get_team(organization, name)
    new_name = _usable(new_name)
    if new_name == name:
        return team
    team.name = new_name
    try:
        with transaction.atomic():
            team.save(update_fields=["name"])
    except IntegrityError as error:
        raise _taken(new_name) from error
    audit.record(actor, events.TeamRenamed(organization=organization.name, team=new_name, old=name))
    return team


@transaction.atomic
def seat_member(*, actor: Actor, organization: Organization, team_name: str, username: str, at: datetime) -> None:
    """Put a member into a team; whoever sits there already stays.

    Raises:
        PermissionRefused: the actor is no manager.
        NotFound: no such team, or nobody of this name is a member.
    """
    organization = lock_organization(actor=actor, organization=organization, action=Action.ORGANIZATION_MANAGE)
    team = get_team(organization, team_name)
    membership = get_membership(organization, username)
    _, seated = TeamSeat.objects.get_or_create(team=team, membership=membership, defaults={"added_at": at})
    if not seated:
        return
    user = membership.user
    note_rights([user.pk], at=at)
    audit.record(actor, events.TeamJoined(about=user, organization=organization.name, team=team.name))
    notices.organization_news(
        organization,
        headline=f"{username} joined team {team.name}",
        sentence=f"{username} is in team {team.name} now and has its roles on the organization's projects.",
        actor=actor,
        also=[user],
    )


def _usable(name: str) -> str:
    name = name.strip()
    # Before the case is folded: lower() turns some foreign letters into ASCII ones.
    if name.isascii() and len(name) <= USERNAME_MAX_LENGTH and USERNAME_RE.match(name.lower()):
        if name.lower() not in _RESERVED:
            return name.lower()
        raise _taken(name)
    raise InvalidInput(
        f"Use at most {USERNAME_MAX_LENGTH} letters (a-z), digits, dots, dashes and underscores; "
        "begin and end with a letter or a digit.",
        code="team-name-malformed",
    )


def _taken(name: str) -> InvalidInput:
    return InvalidInput(f"The name '{name}' is taken; choose another one.", code="team-name-taken")
