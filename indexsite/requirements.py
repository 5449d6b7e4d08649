"""What a policy may ask for: one function a requirement, each with the sentence it refuses with.

`indexsite.policies` says which act asks for which, and in which order. A little over 400
lines, because it is a list of short functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

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
from mfa.models import (
    SecurityKey,
    count_factors,
    has_factor,
    has_working_key,
    is_recovery_code,
    is_security_key,
)
from recovery.models import RecoveryCase
from releases.models import Project, ProjectStatus, RoleKind, are_colleagues, has_any_role, holds_role

STEP_UP_WINDOW = timedelta(minutes=30)
STAFF_WINDOW = timedelta(minutes=15)
FRESH_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True)
class NewProject:
    """A name nobody has registered: the subject of PROJECT_CREATE."""

    name: str
    normalized_name: str


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


def recent_step_up(actor: Actor, subject: Subject) -> Denied | None:
    """The strongest kind of proof that the account has was given in the last 30 minutes (`STEP_UP_WINDOW`).

    While somebody else may be asking for the account, in the last 10 (`FRESH_WINDOW`).
    """
    is_claimed = actor.user is not None and actor.user.claimed_since is not None
    return _proof_within(FRESH_WINDOW if is_claimed else STEP_UP_WINDOW, actor)


def staff_step_up(actor: Actor, subject: Subject) -> Denied | None:
    """As `recent_step_up`, in the last 15 minutes (`STAFF_WINDOW`): a console left open is closed soon."""
    is_claimed = actor.user is not None and actor.user.claimed_since is not None
    return _proof_within(FRESH_WINDOW if is_claimed else STAFF_WINDOW, actor)


def fresh_step_up(actor: Actor, subject: Subject) -> Denied | None:
    """As `recent_step_up`, in the last 10 minutes (`FRESH_WINDOW`)."""
    return _proof_within(FRESH_WINDOW, actor)


def fresh_repair(actor: Actor, subject: Subject) -> Denied | None:
    """As `fresh_step_up`; a recovery code serves too, but only to repair the factors it stands in for."""
    denied = fresh_step_up(actor, subject)
    return None if denied is None or repairs_by_code(actor) else denied


def repairs_by_code(actor: Actor) -> bool:
    """Whether a recovery code was typed in, in this session, in the last 10 minutes (`FRESH_WINDOW`)."""
    return actor.user is not None and _is_within(FRESH_WINDOW, actor.repair_at)


def recent_old_factor(actor: Actor, subject: Subject) -> Denied | None:
    """Any factor was proved in the last 30 minutes: a key that a thief has added must not shut the owner out.

    The action insists that it is older than what was reported, and as strong as the person had then.
    """
    if actor.user is None or not has_factor(actor.user):
        return recent_step_up(actor, subject)
    is_proof = actor.factor != "" and not is_recovery_code(actor.factor)
    if is_proof and _is_within(STEP_UP_WINDOW, actor.factor_at):
        return None
    return Denied("step-up-needed", "Confirm that it is you, then try again.", "/account/second-factor/")


def _proof_within(window: timedelta, actor: Actor) -> Denied | None:
    if _is_within(window, strongest_proof_at(actor)):
        return None
    return Denied("step-up-needed", "Confirm that it is you, then try again.", "/account/second-factor/")


def _is_within(window: timedelta, at: datetime | None) -> bool:
    return at is not None and clock.now() - at <= window


def strongest_proof_at(actor: Actor) -> datetime | None:
    """When the strongest kind of factor that the account has was proved in this session, if it was.

    A key where there is one that works, else the app; the password only where there is neither. A proof of the
    weaker kind is none: whoever tricks a code out of somebody has no use for it (ASVS 5.0, 7.5.3).
    """
    user = actor.user
    if user is None or is_security_key(actor.factor):
        return actor.factor_at
    if asked_once.ask(has_working_key, user):
        return None
    if asked_once.ask(has_factor, user):
        return None if is_recovery_code(actor.factor) else actor.factor_at
    return actor.reauthenticated_at


def mailbox_proved(actor: Actor, subject: Subject) -> Denied | None:
    """Whoever acts for an account with rights and without a factor has read its mail in the last 30 minutes.

    Otherwise whoever has the password alone could set up a factor of their own, or an address first.
    """
    user = actor.user
    # Staff lose their factors by the yes of two colleagues, and what is left is a password.
    if user is None or has_factor(user) or not (user.is_staff or has_any_role(user)):
        return None
    if actor.mailbox_at is not None and clock.now() - actor.mailbox_at <= STEP_UP_WINDOW:
        return None
    return Denied(
        "mailbox-check-needed",
        "This account has rights and no second factor yet; show first that you read its mail.",
        "/account/security/mailbox/",
    )


def step_up_in_browser(actor: Actor, subject: Subject) -> Denied | None:
    """As `recent_step_up` for a person in a browser; a token that gets here was made behind one, for this."""
    return recent_step_up(actor, subject) if actor.is_interactive else None


def factor_held(actor: Actor, subject: Subject) -> Denied | None:
    """The person holds a second factor: asked of whoever is about to gain a right."""
    if actor.user is not None and asked_once.ask(has_factor, actor.user):
        return None
    return _factor_missing(actor)


def key_held(actor: Actor, subject: Subject) -> Denied | None:
    """The person has a security key or passkey that works; their step-up is then made with it."""
    if actor.user is not None and asked_once.ask(has_working_key, actor.user):
        return None
    return Denied(
        "security-key-required",
        "Staff work with a security key or passkey; add one to your account first.",
        "/account/security/keys/add/",
    )


def obligations_met(actor: Actor, subject: Subject) -> Denied | None:
    """Whoever has any role in a project or organisation must hold a factor (until mandates say more)."""
    user = actor.user
    if user is None or has_factor(user) or not has_any_role(user):
        return None
    # The factors went with a recovery; the tokens that were left are meant to go on working.
    if user.recovering_since is not None and actor.credential.kind is CredentialKind.TOKEN:
        return None
    return _factor_missing(actor)


def factor_not_obliged(actor: Actor, subject: Subject) -> Denied | None:
    """No obligation needs the factor that is about to go, or another one is left (see `obligations_met`)."""
    if actor.user is None or count_factors(actor.user) > 1 or not has_any_role(actor.user):
        return None
    return Denied(
        "factor-obliged",
        "You have a role in a project and need a second factor; add another one, then remove this.",
        "/account/security/",
    )


def key_not_obliged(actor: Actor, subject: Subject) -> Denied | None:
    """The factor that is about to go is not the only key of somebody who works for the site."""
    user = actor.user
    if user is None or not user.is_staff or not isinstance(subject, SecurityKey) or subject.set_aside_at:
        return None
    if SecurityKey.objects.filter(user=user, set_aside_at=None).exclude(pk=subject.pk).exists():
        return None
    return Denied(
        "key-obliged",
        "You work for this site and need a security key; add another one, then remove this.",
        "/account/security/keys/add/",
    )


def _factor_missing(actor: Actor) -> Denied:
    return Denied(
        "second-factor-required",
        f"User '{actor.label}' must set up a second factor before this is possible.",
        "/account/security/",
    )


def role(*kinds: RoleKind) -> Requirement:
    """The person has one of these roles on the subject, a project: alone, in a team, or as manager."""

    def check(actor: Actor, subject: Project) -> Denied | None:
        if actor.user is not None and holds_role(actor.user, subject, kinds):
            return None
        return Denied("no-role", f"User '{actor.label}' has no right to do this on project '{subject.name}'.")

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
    """The credential extends to this permission on the subject (a project, a new name, or None)."""

    def check(actor: Actor, subject: Subject) -> Denied | None:
        if (denied := signed_in(actor, subject)) is not None:
            return denied
        reason = actor.credential.refusal(permission, subject)
        return Denied("credential-scope", reason) if reason else None

    return check


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


def key_proved(actor: Actor, subject: Subject) -> Denied | None:
    """The proof of presence was given with a security key or passkey, which nobody can be talked out of."""
    if is_security_key(actor.factor):
        return None
    return Denied(
        "security-key-needed",
        "This takes a security key or passkey; confirm with one, then try again.",
        "/account/second-factor/",
    )


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


def not_quarantined(actor: Actor, subject: Project) -> Denied | None:
    """Staff have not closed the project off for an inspection."""
    if subject.status == ProjectStatus.QUARANTINED:
        return Denied(
            "project-quarantined",
            f"Project '{subject.name}' is quarantined by the people who run this site; nothing in it can change.",
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


def writable(actor: Actor, subject: Project) -> Denied | None:
    """The project's status lets it change (PEP 792)."""
    if subject.status in {ProjectStatus.ARCHIVED, ProjectStatus.QUARANTINED}:
        return Denied(
            "project-closed",
            f"Project '{subject.name}' is {subject.status} and takes no new files.",
            "/help/#project-status",
        )
    return None
