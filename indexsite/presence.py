"""Requirements about proof: which factors somebody holds, and which they have shown, how lately.

Like all requirements they say None, or why not (`indexsite.verdicts`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from indexsite import asked_once, clock
from indexsite.actors import Actor, CredentialKind
from indexsite.verdicts import Denied
from mfa.models import SecurityKey, count_factors, has_factor, has_working_key, is_recovery_code, is_security_key
from releases.models import has_any_role

STEP_UP_WINDOW = timedelta(minutes=30)
STAFF_WINDOW = timedelta(minutes=15)
FRESH_WINDOW = timedelta(minutes=10)

type Subject = Any


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


def key_proved(actor: Actor, subject: Subject) -> Denied | None:
    """The proof of presence was given with a security key or passkey, which nobody can be talked out of."""
    if is_security_key(actor.factor):
        return None
    return Denied(
        "security-key-needed",
        "This takes a security key or passkey; confirm with one, then try again.",
        "/account/second-factor/",
    )
