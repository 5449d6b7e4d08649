"""The audit trail: a typed vocabulary of events, and `record()`, which writes one in the caller's transaction.

Each event is a frozen dataclass. `name` is stored, past tense, `<noun>.<verb>`; `sentence` is what a person
reads on a history page; `about` is the person it concerns, `project` the normalised project name; every other
field lands in `data`. Values are copied labels, never references, so that an event outlives what it names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from indexsite import clock
from indexsite.actors import Actor
from indexsite.audit import (  # noqa: F401 - joins the vocabulary
    critical,
    drafts,
    evidence,
    lifecycle,
    organizations,
    policy,
    recovery,
    safety,
    staff,
    tokens,
    transfers,
    webhooks,
)
from indexsite.audit.events import VOCABULARY as VOCABULARY
from indexsite.audit.events import Event as Event
from indexsite.models import AuditEvent
from indexsite.prepared import Insert


def record(actor: Actor, event: Event) -> AuditEvent:
    """Write `event` in the current transaction.

    Raises:
        RuntimeError: outside a transaction, where the act and its record could part ways.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("audit.record() belongs inside the transaction of the act it records.")
    return _INSERT(
        at=clock.now(),
        name=event.name,
        actor=actor.user,
        actor_label=actor.label,
        credential_label=actor.credential.label,
        factor=actor.factor,
        address=actor.address,
        client=actor.client[:200],
        about=event.about,
        about_label=event.about.username if event.about is not None else "",
        project=event.project,
        data=event.data(),
    )


def has_happened(kind: type[Event]) -> bool:
    """Whether there has ever been an event of this kind."""
    return AuditEvent.objects.filter(name=kind.name).exists()


_INSERT = Insert(lambda: AuditEvent)


def sentence(row: AuditEvent) -> str:
    """What a history page says of the row, such as "Created token "ci" for sampleproject."."""
    kind = VOCABULARY.get(row.name)
    if kind is None:
        return row.name
    values = {"project": row.project, "about": row.about_label, "actor": row.actor_label, **row.data}
    return kind.sentence.format_map(_Missing(values))


def acts_of_staff() -> set[str]:
    """Names of the events of which it is not said who of the staff it was."""
    return {name for name, kind in VOCABULARY.items() if kind.by_staff}


def of_project(normalized_name: str) -> QuerySet[AuditEvent]:
    """Everything that happened to the project, the latest first."""
    return AuditEvent.objects.filter(project=normalized_name)


def of_organization(name: str) -> QuerySet[AuditEvent]:
    """Everything that happened in the organisation, the latest first."""
    return AuditEvent.objects.filter(name__startswith="organization.", data__organization=name)


class _Missing(dict[str, Any]):
    """Old rows may lack a field that was added later."""

    def __missing__(self, key: str) -> str:
        return "?"


# -- accounts ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AccountCreated(Event):
    name = "account.created"
    sentence = "Account {about} was created."


@dataclass(frozen=True, kw_only=True)
class SignedIn(Event):
    name = "account.signed-in"
    sentence = "Signed in with {methods}."
    methods: str


@dataclass(frozen=True, kw_only=True)
class PresenceProved(Event):
    """A step-up. Which device it was stands in the actor."""

    name = "account.confirmed"
    sentence = "Confirmed with {method} that it was really them."
    method: str


@dataclass(frozen=True, kw_only=True)
class SignedOut(Event):
    name = "account.signed-out"
    sentence = "Signed out."


@dataclass(frozen=True, kw_only=True)
class SignInFailed(Event):
    name = "account.sign-in-failed"
    sentence = "A sign-in failed: {reason}."
    reason: str


@dataclass(frozen=True, kw_only=True)
class EmailAdded(Event):
    name = "email.added"
    sentence = "Address {email} was added."
    email: str


@dataclass(frozen=True, kw_only=True)
class EmailVerified(Event):
    name = "email.verified"
    sentence = "Address {email} was verified."
    email: str


@dataclass(frozen=True, kw_only=True)
class EmailCodeFailed(Event):
    name = "email.code-failed"
    sentence = "A wrong mailed code was typed for {email}."
    email: str


@dataclass(frozen=True, kw_only=True)
class EmailRemoved(Event):
    name = "email.removed"
    sentence = "Address {email} was removed."
    email: str


@dataclass(frozen=True, kw_only=True)
class PrimaryEmailChanged(Event):
    name = "email.primary-changed"
    sentence = "The primary address changed from {old} to {new}."
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(Event):
    name = "password.changed"
    sentence = "The password was changed."


@dataclass(frozen=True, kw_only=True)
class PasswordReset(Event):
    name = "password.reset"
    sentence = "The password was set anew through a mailed link."


@dataclass(frozen=True, kw_only=True)
class PasswordResetRequested(Event):
    name = "password.reset-requested"
    sentence = "A password reset was asked for."


@dataclass(frozen=True, kw_only=True)
class SessionsEnded(Event):
    name = "sessions.ended"
    sentence = "Ended sessions: {count}."
    count: int


@dataclass(frozen=True, kw_only=True)
class AccountClosed(Event):
    name = "account.closed"
    sentence = "Account {about} was closed by its owner."


# -- mfa --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FactorAdded(Event):
    name = "factor.added"
    sentence = "A second factor was added: {factor}."
    factor: str


@dataclass(frozen=True, kw_only=True)
class FactorSetUpFailed(Event):
    name = "factor.set-up-failed"
    sentence = "A second factor was not added ({factor}): {reason}."
    factor: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class MailboxProved(Event):
    name = "account.mailbox-proved"
    sentence = "A code mailed to {email} was typed in, before the first second factor."
    email: str


@dataclass(frozen=True, kw_only=True)
class FactorRenamed(Event):
    name = "factor.renamed"
    sentence = 'Security key "{old}" is now called "{new}".'
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class KeyCloneSuspected(Event):
    name = "factor.clone-suspected"
    sentence = "The counter of {factor} went back, as that of a copied key does; it opens nothing any more."
    factor: str


@dataclass(frozen=True, kw_only=True)
class FactorRemoved(Event):
    name = "factor.removed"
    sentence = "A second factor was removed: {factor}."
    factor: str


@dataclass(frozen=True, kw_only=True)
class RecoveryCodesGenerated(Event):
    name = "recovery-codes.generated"
    sentence = "{count} recovery codes were made; earlier ones are void."
    count: int


@dataclass(frozen=True, kw_only=True)
class RecoveryCodesProved(Event):
    name = "recovery-codes.proved"
    sentence = "A recovery code was typed back to show that the set was kept; it stays good."


@dataclass(frozen=True, kw_only=True)
class RecoveryCodesProofFailed(Event):
    name = "recovery-codes.proof-failed"
    sentence = "Something was typed back that is not one of the recovery codes."


@dataclass(frozen=True, kw_only=True)
class RecoveryCodeUsed(Event):
    name = "recovery-codes.used"
    sentence = "A recovery code was used; {left} are left."
    left: int


@dataclass(frozen=True, kw_only=True)
class SecondFactorFailed(Event):
    name = "factor.failed"
    sentence = "A second-factor check failed."


@dataclass(frozen=True, kw_only=True)
class SigningKeyAdded(Event):
    name = "signing-key.added"
    sentence = "Signing key {key} was added and proved: {fingerprint}."
    key: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class SigningKeyRemoved(Event):
    name = "signing-key.removed"
    sentence = "Signing key {key} was removed: {fingerprint}."
    key: str
    fingerprint: str


# -- releases ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class ProjectCreated(Event):
    name = "project.created"
    sentence = "Project {project} was created."


@dataclass(frozen=True, kw_only=True)
class RoleGranted(Event):
    name = "role.granted"
    sentence = "{about} became {role} of {project}."
    role: str


@dataclass(frozen=True, kw_only=True)
class RoleRemoved(Event):
    name = "role.removed"
    sentence = "{about} is no longer {role} of {project}."
    role: str


@dataclass(frozen=True, kw_only=True)
class RoleLeft(Event):
    name = "role.left"
    sentence = "{about} gave up the role {role} of {project}."
    role: str


@dataclass(frozen=True, kw_only=True)
class RoleInvited(Event):
    """`invitee` is a user name, or an address made unreadable: members read this who may not know it."""

    name = "role.invited"
    sentence = "{invitee} was invited to become {role} of {project}."
    invitee: str
    role: str


@dataclass(frozen=True, kw_only=True)
class RoleInvitedAgain(Event):
    name = "role.invited-again"
    sentence = "The invitation of {invitee} to become {role} of {project} was sent again."
    invitee: str
    role: str


@dataclass(frozen=True, kw_only=True)
class RoleInvitationRevoked(Event):
    name = "role.invitation-revoked"
    sentence = "The invitation of {invitee} to become {role} of {project} was taken back: {reason}."
    invitee: str
    role: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RoleInvitationAccepted(Event):
    name = "role.invitation-accepted"
    sentence = "{about} accepted the invitation by {invited_by} to become {role} of {project}."
    invited_by: str
    role: str


@dataclass(frozen=True, kw_only=True)
class RoleInvitationDeclined(Event):
    """`of` is the project: a name of its own where the project's members must not read who declined."""

    name = "role.invitation-declined"
    sentence = "{invitee} declined to become {role} of {of}."
    invitee: str
    role: str
    of: str


@dataclass(frozen=True, kw_only=True)
class TeamRoleGranted(Event):
    name = "team-role.granted"
    sentence = "Team {team} became {role} of {project}."
    team: str
    role: str


@dataclass(frozen=True, kw_only=True)
class TeamRoleRemoved(Event):
    name = "team-role.removed"
    sentence = "Team {team} is no longer {role} of {project}."
    team: str
    role: str


@dataclass(frozen=True, kw_only=True)
class ReleaseCreated(Event):
    name = "release.created"
    sentence = "Release {version} of {project} appeared."
    version: str


@dataclass(frozen=True, kw_only=True)
class FilePublished(Event):
    name = "file.published"
    sentence = "{filename} was published."
    version: str
    filename: str
    sha256: str
    size: int
