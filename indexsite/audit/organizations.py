"""What happens in organisations; each event carries the label of its organisation."""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class OrganizationCreated(Event):
    name = "organization.created"
    sentence = "Organization {organization} was created."
    organization: str


@dataclass(frozen=True, kw_only=True)
class OrganizationDeleted(Event):
    name = "organization.deleted"
    sentence = "Organization {organization} was deleted."
    organization: str


@dataclass(frozen=True, kw_only=True)
class OrganizationInvited(Event):
    """`invitee` is a user name, or an address made unreadable; `about` is set for the first alone."""

    name = "organization.invited"
    sentence = "{invitee} was invited to organization {organization} as {kind}."
    organization: str
    invitee: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class OrganizationInvitationResent(Event):
    name = "organization.invitation-resent"
    sentence = "The invitation of {invitee} to organization {organization} was sent again."
    organization: str
    invitee: str


@dataclass(frozen=True, kw_only=True)
class OrganizationInvitationRevoked(Event):
    name = "organization.invitation-revoked"
    sentence = "The invitation of {invitee} to organization {organization} was taken back."
    organization: str
    invitee: str


@dataclass(frozen=True, kw_only=True)
class OrganizationInvitationDeclined(Event):
    """`organization` is empty, and `of` alone names it, where its members must not read who declined."""

    name = "organization.invitation-declined"
    sentence = "{invitee} declined the invitation to organization {of}."
    organization: str
    of: str
    invitee: str


@dataclass(frozen=True, kw_only=True)
class OrganizationJoined(Event):
    name = "organization.joined"
    sentence = "{about} joined organization {organization} as {kind}."
    organization: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class OrganizationKindChanged(Event):
    name = "organization.kind-changed"
    sentence = "{about} became {kind} of organization {organization}."
    organization: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class OrganizationMemberRemoved(Event):
    name = "organization.member-removed"
    sentence = "{about} was removed from organization {organization}."
    organization: str


@dataclass(frozen=True, kw_only=True)
class OrganizationLeft(Event):
    name = "organization.left"
    sentence = "{about} left organization {organization}."
    organization: str


@dataclass(frozen=True, kw_only=True)
class TeamCreated(Event):
    name = "organization.team-created"
    sentence = "Team {team} of organization {organization} was created."
    organization: str
    team: str


@dataclass(frozen=True, kw_only=True)
class TeamRenamed(Event):
    name = "organization.team-renamed"
    sentence = "Team {old} of organization {organization} is now called {team}."
    organization: str
    team: str
    old: str


@dataclass(frozen=True, kw_only=True)
class TeamDeleted(Event):
    name = "organization.team-deleted"
    sentence = "Team {team} of organization {organization} was deleted."
    organization: str
    team: str


@dataclass(frozen=True, kw_only=True)
class TeamJoined(Event):
    name = "organization.team-joined"
    sentence = "{about} joined team {team} of organization {organization}."
    organization: str
    team: str


@dataclass(frozen=True, kw_only=True)
class TeamLeft(Event):
    name = "organization.team-left"
    sentence = "{about} is no longer in team {team} of organization {organization}."
    organization: str
    team: str
