"""Letters about who looks after a project: owners read of every change, the person concerned of their own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress

from accounts import notices as account_notices
from accounts.models import Team, User, prohibition_of
from accounts.queries import verified_addresses
from indexsite import clock, mail
from indexsite.actors import Actor
from releases.models import Project, ProjectInvitation, RoleKind, people_with


def invited(invitation: ProjectInvitation, *, at: datetime) -> None:
    """Ask the person; tell the owners. Goes out again when the invitation does."""
    to = _asked(invitation)
    mail.queue("project-invitation", to=to, context=_invitation_facts(invitation, at))
    by = invitation.invited_by.username
    _tell_owners(
        invitation.project,
        f"{by} invited {invitation.invitee} to become {invitation.kind}",
        at,
        by=invitation.invited_by,
        is_pending=True,
    )


def taken_back(invitation: ProjectInvitation, *, by: Actor, at: datetime) -> None:
    """Tell the person that there is nothing to answer any more, and the owners."""
    to = _asked(invitation)
    mail.queue("project-invitation-revoked", to=to, context=_invitation_facts(invitation, at))
    _tell_owners(
        invitation.project, f"{by.label} took the invitation of {invitation.invitee} back", at, by=by.user
    )


def declined(invitation: ProjectInvitation, *, at: datetime) -> None:
    """Tell whoever sent the invitation; where it went to an address, not who read it there."""
    sentence = f"{invitation.invitee} declined to become {invitation.kind}"
    mail.queue(
        "project-people",
        to=primary_addresses([invitation.invited_by]),
        context=_project_facts(invitation.project, sentence, at),
    )


def joined(user: User, project: Project, *, kind: RoleKind, invited_by: User, at: datetime) -> None:
    """The invitation was accepted."""
    sentence = f"{user.username} is now {kind}, invited by {invited_by.username}"
    _tell_owners(project, sentence, at, but=user)
    _tell_person(user, project, f"you are now {kind}", at, gained=kind, by=user)


def role_lost(
    member: User, project: Project, *, kinds: Iterable[RoleKind], by: Actor, event_id: int, at: datetime
) -> None:
    """Roles were taken away, or given up; `event_id`: the record of it."""
    lost = f"no longer {' and '.join(sorted(kinds))}"
    signed: Any = {"by": by.user, "event_id": event_id}
    if member == by.user:
        _tell_owners(project, f"{member.username} is {lost}: they gave it up", at, but=member, **signed)
        _tell_person(member, project, f"you are {lost}, as you wished", at, **signed)
    else:
        _tell_owners(project, f"{member.username} is {lost}: {by.label} took it away", at, but=member, **signed)
        _tell_person(member, project, f"you are {lost}: {by.label} took it away", at, **signed)


def team_joined(team: Team, project: Project, *, kind: RoleKind, by: Actor, at: datetime) -> None:
    """A team was given a role."""
    _tell_owners(project, f"{by.label} made team {team} {kind}", at, by=by.user)
    for user in _people_of(team):
        _tell_person(user, project, f"through team {team} you are now {kind}", at, gained=kind, by=by.user)


def team_left(team: Team, project: Project, *, kind: RoleKind, by: Actor, at: datetime) -> None:
    """A role was taken from a team."""
    _tell_owners(project, f"{by.label} took the role {kind} from team {team}", at, by=by.user)
    for user in _people_of(team):
        _tell_person(user, project, f"you are no longer {kind} through team {team}", at, by=by.user)


def _people_of(team: Team) -> list[User]:
    return list(User.objects.filter(memberships__seats__team=team, is_active=True).order_by("pk"))


def _tell_owners(
    project: Project,
    sentence: str,
    at: datetime,
    *,
    by: User | None = None,
    event_id: int = 0,
    but: User | None = None,
    is_pending: bool = False,
) -> None:
    owners = people_with(project, RoleKind.OWNER)
    if but is not None:  # who has a letter of their own
        owners = owners.exclude(pk=but.pk)
    context = {**_project_facts(project, sentence, at), "is_pending": is_pending}
    account_notices.tell_all(
        "project-people", to=primary_addresses(owners), context=context, by=by, event_id=event_id
    )


def _tell_person(
    user: User,
    project: Project,
    sentence: str,
    at: datetime,
    *,
    gained: RoleKind | None = None,
    by: User | None = None,
    event_id: int = 0,
) -> None:
    context = {**_project_facts(project, sentence, at), "username": user.username, "gained": gained or ""}
    account_notices.tell_all("your-role", to=verified_addresses(user), context=context, by=by, event_id=event_id)


def _asked(invitation: ProjectInvitation) -> list[str]:
    """Where whoever is invited is written to; nowhere, where the address typed is prohibited."""
    if invitation.user is not None:
        return primary_addresses([invitation.user])
    return [] if prohibition_of(invitation.email) is not None else [invitation.email]


def primary_addresses(users: Iterable[User]) -> list[str]:
    """Where letters to these people go."""
    rows = EmailAddress.objects.filter(user__in=users, verified=True, primary=True)
    return sorted(rows.values_list("email", flat=True))


def _invitation_facts(invitation: ProjectInvitation, at: datetime) -> dict[str, object]:
    return {
        "project": invitation.project.name,
        "normalized_name": invitation.project.normalized_name,
        "pk": invitation.pk,
        "username": invitation.user.username if invitation.user is not None else "",
        "email": invitation.email,
        "kind": invitation.kind,
        "by": invitation.invited_by.username,
        "until": clock.written(invitation.expires_at),
        "at": clock.written(at),
    }


def _project_facts(project: Project, sentence: str, at: datetime) -> dict[str, object]:
    return {
        "project": project.name,
        "normalized_name": project.normalized_name,
        "sentence": sentence,
        "at": clock.written(at),
    }


def member_closed(user: User, project: Project, *, kinds: Iterable[RoleKind], at: datetime) -> None:
    """Somebody closed the account that had these roles."""
    lost = " and ".join(sorted(kinds))
    _tell_owners(project, f"{user.username} is no longer {lost}: they closed their account", at, but=user)


def account_closed(user: User, *, to: list[str], by: Actor, at: datetime) -> None:
    """The last letter to every address the account had verified."""
    mail.queue(
        "account-closed",
        to=to,
        context={"username": user.username, **account_notices.origin(by), "at": clock.written(at)},
    )
