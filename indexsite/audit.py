"""The audit trail: a typed vocabulary of events, and `record()`, which writes one in the caller's transaction.

Each event is a frozen dataclass. `name` is stored, past tense, `<noun>.<verb>`; `sentence` is what a person
reads on a history page; `about` is the person it concerns, `project` the normalised project name; every other
field lands in `data`. Values are copied labels, never references, so that an event outlives what it names.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet

from indexsite import clock
from indexsite.actors import Actor
from indexsite.models import AuditEvent

if TYPE_CHECKING:
    from accounts.models import User

VOCABULARY: dict[str, type[Event]] = {}


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events; subclasses are registered by `name`."""

    name: ClassVar[str]
    sentence: ClassVar[str]
    about: User | None = None
    project: str = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        VOCABULARY[cls.name] = cls

    def data(self) -> dict[str, Any]:
        """The event's own fields, JSON-ready."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in {"about", "project"}}


def record(actor: Actor, event: Event) -> AuditEvent:
    """Write `event` in the current transaction.

    Raises:
        RuntimeError: outside a transaction, where the act and its record could part ways.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("audit.record() belongs inside the transaction of the act it records.")
    return AuditEvent.objects.create(
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


def sentence(row: AuditEvent) -> str:
    """What a history page says of the row, such as "Created token "ci" for sampleproject."."""
    kind = VOCABULARY.get(row.name)
    if kind is None:
        return row.name
    values = {"project": row.project, "about": row.about_label, "actor": row.actor_label, **row.data}
    return kind.sentence.format_map(_Missing(values))


def of_project(normalized_name: str) -> QuerySet[AuditEvent]:
    """Everything that happened to the project, the latest first."""
    return AuditEvent.objects.filter(project=normalized_name)


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
    sentence = "{count} session(s) were ended."
    count: int


# -- mfa --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class FactorAdded(Event):
    name = "factor.added"
    sentence = "A second factor was added: {factor}."
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
class RecoveryCodeUsed(Event):
    name = "recovery-codes.used"
    sentence = "A recovery code was used; {left} are left."
    left: int


@dataclass(frozen=True, kw_only=True)
class SecondFactorFailed(Event):
    name = "factor.failed"
    sentence = "A second-factor check failed."


# -- tokens -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TokenCreated(Event):
    name = "token.created"
    sentence = 'Token "{description}" was created for {scope}.'
    description: str
    token_id: str
    scope: str


@dataclass(frozen=True, kw_only=True)
class TokenRevoked(Event):
    name = "token.revoked"
    sentence = 'Token "{description}" was revoked: {reason}.'
    description: str
    token_id: str
    reason: str


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
