"""What a policy may ask for: one function a requirement, each with the sentence it refuses with.

`indexsite.policies` says which act asks for which, and in which order; what is
asked about proofs of presence is in `indexsite.presence`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from accounts.models import (
    MembershipKind,
    Organization,
    StaffChange,
    StaffKind,
    User,
    has_verified_email,
    holds_address,
    staff_kinds,
)
from indexsite import asked_once, clock
from indexsite.actors import Actor, CredentialKind, Permission
from indexsite.verdicts import Denied
from recovery.models import RecoveryCase
from releases.models import Project, ProjectStatus, RoleKind, are_colleagues, holds_role


@dataclass(frozen=True)
class NewProject:
    """A name nobody has registered: the subject of PROJECT_CREATE."""

    name: str
    normalized_name: str


@dataclass(frozen=True)
class NewDraft:
    """A draft that nobody has opened yet; `version` is canonical (PEP 440)."""

    project: Project | NewProject
    version: str


@dataclass(frozen=True)
class NewFile:
    """A file that is to be published at once; `version` is canonical (PEP 440)."""

    project: Project | NewProject
    version: str


type Subject = Any
type Requirement = Callable[[Actor, Subject], Denied | None]


def signed_in(actor: Actor, subject: Subject) -> Denied | None:
    """Somebody is acting, by whatever credential, and the account is not closed."""
    user = actor.user
    # After a recovery nothing opens the account but the link to a new factor; what a pipeline may do goes on.
    is_shut = user is not None and user.recovering_since is not None
    if user is None or (is_shut and actor.credential.kind is CredentialKind.SESSION):
        return Denied("not-authenticated", "Sign in first.", "/account/login/")
    return account_unusable(user)


def account_unusable(user: User) -> Denied | None:
    """Why nobody can act in this account, if that is so; said only to whoever has proved to be its owner."""
    if user.is_active:
        return None
    if user.frozen_at is not None:
        sentence = "This account is frozen; nothing in it is lost. Write to the people who run this site."
        return Denied("account-frozen", sentence, "/help/#contact")
    return Denied("account-closed", "This account is closed; ask the operators for help.", "/help/")


def interactive(actor: Actor, subject: Subject) -> Denied | None:
    """A person in a browser; no token reaches past this."""
    if (denied := signed_in(actor, subject)) is not None:
        return denied
    if not actor.is_interactive:
        return Denied("interactive-only", "This needs a person signed in on the web site; tokens cannot do it.")
    return None


def edits_free(actor: Actor, subject: Subject) -> Denied | None:
    """Nobody has reported, in the last 72 hours, that something in this account was not its owner."""
    return edits_frozen(actor.user) if actor.user is not None else None


def edits_frozen(user: User) -> Denied | None:
    """Why nothing that opens or hands on the account changes now, if that is so."""
    if (until := user.edits_frozen_until) is None or until <= clock.now():
        return None
    return Denied(
        "edits-frozen",
        f"Until {until:%Y-%m-%d %H:%M} UTC nothing that protects this account can change, since somebody reported "
        "that something in it was not its owner; lift it with your second factor, or wait.",
        "/account/freeze/",
    )


def not_on_hold(actor: Actor, subject: Subject) -> Denied | None:
    """The account was not recovered a short while ago: until the hold is over nothing goes out in its name."""
    until = actor.user.hold_until if actor.user is not None else None
    if until is None or until <= clock.now():
        return None
    return Denied(
        "on-hold",
        f"The account of user '{actor.label}' was recovered; until {until:%Y-%m-%d %H:%M} UTC it can publish, "
        "change and hand on nothing. Co-owners can.",
        "/help/#recovery",
    )


def not_on_hold_or_by_project_token(actor: Actor, subject: Subject) -> Denied | None:
    """As `not_on_hold`, but pipelines go on: a token of one project from before is still good for uploads."""
    if actor.credential.kind is CredentialKind.TOKEN and getattr(actor.credential, "is_for_one_project", False):
        return None
    return not_on_hold(actor, subject)


def uploads_free(actor: Actor, subject: Subject) -> Denied | None:
    """The person has not stopped uploads in their name."""
    until = actor.user.uploads_frozen_until if actor.user is not None else None
    if until is None or until <= clock.now():
        return None
    return Denied(
        "uploads-frozen",
        f"User '{actor.label}' has stopped uploads in their name until {until:%Y-%m-%d %H:%M} UTC; "
        "they can lift it under Security.",
        "/account/freeze/",
    )


def verified_email(actor: Actor, subject: Subject) -> Denied | None:
    """At least one of the person's addresses is verified."""
    if actor.user is not None and has_verified_email(actor.user):
        return None
    return Denied(
        "email-unverified",
        f"User '{actor.label}' has no verified e-mail address; verify one first.",
        "/account/email/",
    )


def project_of(subject: Subject) -> Subject:
    """The project or new name that a subject belongs to; the subject itself where it belongs to none."""
    if isinstance(subject, Project | NewProject):
        return subject
    return getattr(subject, "project", subject)


def role(*kinds: RoleKind) -> Requirement:
    """The person has one of these roles on the project: alone, in a team, or as manager."""

    def check(actor: Actor, subject: Subject) -> Denied | None:
        project = project_of(subject)
        is_registered = isinstance(project, Project)
        if is_registered and actor.user is not None and holds_role(actor.user, project, kinds):
            return None
        return Denied("no-role", f"User '{actor.label}' has no right to do this on project '{project.name}'.")

    return check


def membership(*kinds: MembershipKind) -> Requirement:
    """The person belongs to the subject, an organisation, as one of these."""

    def check(actor: Actor, subject: Organization) -> Denied | None:
        if actor.user is not None and subject.memberships.filter(user=actor.user, kind__in=kinds).exists():
            return None
        sentence = f"User '{actor.label}' has no right to do this in organization '{subject.name}'."
        return Denied("no-role", sentence)

    return check


def scope(permission: Permission) -> Requirement:
    """The credential extends to this permission on the subject: its project or new name, version and draft."""

    def check(actor: Actor, subject: Subject) -> Denied | None:
        if (denied := signed_in(actor, subject)) is not None:
            return denied
        reason = actor.credential.refusal(
            permission, project_of(subject), version=_version_of(subject), draft=_draft_of(subject)
        )
        return Denied("credential-scope", reason) if reason else None

    return check


def _version_of(subject: Subject) -> str | None:
    if isinstance(subject, NewDraft | NewFile):
        return subject.version
    version: str | None = getattr(subject, "normalized_version", None)
    return version


def _draft_of(subject: Subject) -> str | None:
    public_id: UUID | None = getattr(subject, "public_id", None)
    return str(public_id) if public_id is not None else None


def staff(actor: Actor, subject: Subject) -> Denied | None:
    """The person works for the site, in whatever role; `is_staff` alone is none, nor is being a superuser."""
    if actor.user is not None and asked_once.ask(staff_kinds, actor.user):
        return None
    return Denied("not-staff", "This page is for the people who run the site.")


def not_on_staff(actor: Actor, subject: Subject) -> Denied | None:
    """The person does not work for the site: roles of staff are given and taken by two."""
    if actor.user is None or not actor.user.is_staff:
        return None
    return Denied("on-staff", "You work for this site; have your staff roles taken away first.")


def staff_role(*kinds: StaffKind) -> Requirement:
    """The person works for the site in one of these roles; being a superuser is none of them."""

    def check(actor: Actor, subject: Subject) -> Denied | None:
        if actor.user is not None and not asked_once.ask(staff_kinds, actor.user).isdisjoint(kinds):
            return None
        return Denied("no-staff-role", "Your staff role does not include this.")

    return check


def not_oneself(actor: Actor, subject: User | None) -> Denied | None:
    """The subject is somebody else."""
    if subject is not None and actor.user == subject:
        return Denied("not-on-oneself", "Nobody does this to their own account; ask a colleague.")
    return None


def security_for_staff(actor: Actor, subject: User | None) -> Denied | None:
    """Whoever works for the site is answered for by the security role alone."""
    if subject is None or not (subject.is_staff or subject.is_superuser):
        return None
    if actor.user is not None and StaffKind.SECURITY in asked_once.ask(staff_kinds, actor.user):
        return None
    return Denied("staff-by-security", "This person works for the site; only the security role may do this.")


def no_conflict_of_interest(actor: Actor, subject: RecoveryCase | None) -> Denied | None:
    """The case is not about the actor, a colleague on a project or in an organisation, nor from their mailbox."""
    user = actor.user
    if user is None or subject is None:
        return None
    about = subject.user
    is_claimant = asked_once.ask(holds_address, user, subject.mailbox)
    if not is_claimant and (about is None or not (about == user or asked_once.ask(are_colleagues, user, about))):
        return None
    return Denied(
        "conflict-of-interest", "You are too close to this account; a colleague has to work on this case."
    )


def second_person(actor: Actor, subject: StaffChange | None) -> Denied | None:
    """The actor is neither whom the proposal is about nor who made it."""
    if subject is None or actor.user not in (subject.user, subject.proposed_by):
        return None
    return Denied(
        "second-person-needed", "You are part of this proposal already; somebody else has to confirm it."
    )


def security_or_oneself(actor: Actor, subject: User | None) -> Denied | None:
    """Roles of staff are taken by the security role, or given up by whoever holds them."""
    if actor.user is not None and (
        actor.user == subject or StaffKind.SECURITY in asked_once.ask(staff_kinds, actor.user)
    ):
        return None
    return Denied("no-staff-role", "Your staff role does not include this.")


def own(actor: Actor, subject: Subject) -> Denied | None:
    """The subject belongs to the person."""
    if actor.user is not None and subject.user_id == actor.user.pk:
        return None
    return Denied("not-yours", "This belongs to somebody else.")


def not_quarantined(actor: Actor, subject: Subject) -> Denied | None:
    """Staff have not closed the project off for an inspection."""
    project = project_of(subject)
    # A name that nobody has registered has no status.
    if not isinstance(project, NewProject) and project.status == ProjectStatus.QUARANTINED:
        return Denied(
            "project-quarantined",
            f"Project '{project.name}' is quarantined by the people who run this site; nothing in it can change.",
            "/help/#project-status",
        )
    return None


def address_to_verify(actor: Actor, subject: Subject) -> Denied | None:
    """The address is the person's own; while nobody is signed in, only the first one of an account is verified."""
    if actor.user is not None:
        denied = interactive(actor, subject)
        return denied if denied is not None else own(actor, subject)
    user = subject.user
    if not user.is_active or user.recovering_since is not None or has_verified_email(user):
        return Denied("not-authenticated", "Sign in first.", "/account/login/")
    return None


def writable(actor: Actor, subject: Subject) -> Denied | None:
    """The project's status lets it change (PEP 792)."""
    project = project_of(subject)
    if isinstance(project, NewProject):
        return None
    if project.status in {ProjectStatus.ARCHIVED, ProjectStatus.QUARANTINED}:
        return Denied(
            "project-closed",
            f"Project '{project.name}' is {project.status} and takes no new files.",
            "/help/#project-status",
        )
    return None
