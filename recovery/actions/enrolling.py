"""The one way in after a recovery: the mailed link, in the browser that holds the secret of the request.

A new password, recovery codes of which one is typed back, then a factor: with it the account opens again, on hold.
From the middle tiers up the factor is a security key or passkey. Nobody is signed in by any of this.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts import passwords, queries
from accounts.models import User
from indexsite import audit, clock, limits
from indexsite.actors import SITE, Actor, EnrolmentCredential
from indexsite.audit import recovery as events
from indexsite.errors import Conflict, InvalidInput
from indexsite.limits import Limit
from mfa.actions import authenticator, codes, keys
from mfa.ceremonies import Kind
from mfa.challenges import Challenge
from mfa.models import has_factor
from mfa.queries import codes_of
from recovery import bearers
from recovery.actions import story
from recovery.assurance import Tier
from recovery.assurance_policy import POLICY
from recovery.models import CaseState, Enrolment, RecoveryCase


class EnrolmentInvalid(InvalidInput):
    """Used, too old, never made by us, or in another browser than the one that asked: not told apart."""

    code = "enrolment-invalid"
    help_path = "/help/#recovery"

    def __init__(self) -> None:
        super().__init__("This link has been used, is too old, or belongs to another browser.")


@dataclass(frozen=True)
class Guest:
    """Whoever holds link and secret: they act as the owner, for nothing but setting up what opens the account."""

    enrolment: Enrolment
    case: RecoveryCase
    actor: Actor

    @property
    def user(self) -> User:
        return self.actor.person

    @property
    def needs_key(self) -> bool:
        """Whether only a security key or passkey ends this recovery (rule 8)."""
        return POLICY.tiers[Tier(self.case.tier)].needs_security_key


def enter(*, actor: Actor, token: str, pk: uuid.UUID, secret: str, at: datetime) -> Guest:
    """Who holds both link and secret; changes nothing.

    Raises:
        EnrolmentInvalid: not both, or not any more.
        LimitReached: too many tries.
    """
    limits.consume(Limit.RECOVERY_CLAIM, str(pk), at=at)
    found = Enrolment.objects.select_related("case__user").filter(link=bearers.digest(token), case=pk).first()
    if found is None or not found.is_live(at) or found.case.state != CaseState.EXECUTED:
        raise EnrolmentInvalid
    user = found.case.user
    if found.case.secret != bearers.digest(secret) or user is None or user.recovering_since is None:
        raise EnrolmentInvalid
    # Whoever has both has shown the mailbox, and is as fresh as a proof can be: there is no factor to ask for.
    guest = Actor(
        user=user,
        credential=EnrolmentCredential(),
        reauthenticated_at=at,
        mailbox_at=at,
        address=actor.address,
        client=actor.client,
    )
    return Guest(found, found.case, guest)


def set_password(*, guest: Guest, new: str, at: datetime) -> None:
    """The first step: a password that only the claimant knows. It opens nothing yet.

    Raises:
        passwords.WeakPassword: see there.
        EnrolmentInvalid: the link has ended meanwhile.
    """
    words = passwords.own_words(username=guest.user.username, emails=queries.verified_addresses(guest.user))
    passwords.check(new, own_words=words)
    encoded = make_password(new)
    with transaction.atomic():
        case = _still(guest, at)
        User.objects.filter(pk=guest.user.pk).update(password=encoded)
        audit.record(guest.actor, events.RecoveryPasswordSet(about=guest.user, case=str(case.pk)))
        story.tell(case, "password-set", by=guest.actor, at=at)


def make_codes(*, guest: Guest, at: datetime) -> list[str]:
    """The second: recovery codes, shown once. Raises as `mfa.actions.codes.generate_codes`."""
    with transaction.atomic():
        _still(guest, at)
        return codes.generate_codes(actor=guest.actor, at=at)


def prove_codes(*, guest: Guest, code: str, at: datetime) -> None:
    """One of them, typed back. Raises as `mfa.actions.codes.prove_codes`."""
    codes.prove_codes(actor=guest.actor, code=code, at=at)


def add_app(*, guest: Guest, secret: str, code: str, at: datetime) -> None:
    """The last step: an authenticator app, where the tier lets one do.

    Raises:
        Conflict: a step is missing, or only a security key will do.
        EnrolmentInvalid, CodeRefused, LimitReached: see there.
    """
    if guest.needs_key:
        raise Conflict("This account needs a security key or passkey; add one of these.", code="key-needed")
    _insist_on_steps(guest)
    authenticator.enrol(actor=guest.actor, secret=secret, code=code, keep_session="", at=at)
    # Its limits are counted outside a transaction; the worker completes what a crash leaves between these two.
    with transaction.atomic():
        complete(_still(guest, at), at=at)


def ask_for_key(*, guest: Guest, kind: Kind) -> tuple[dict[str, Any], Challenge]:
    """What the browser has to ask a key, and the challenge to keep. Raises as `add_key`."""
    _insist_on_steps(guest)
    return keys.ask(actor=guest.actor, kind=kind)


def add_key(*, guest: Guest, name: str, challenge: Challenge, answer: dict[str, Any], at: datetime) -> None:
    """The last step: a security key or passkey. Raises as `mfa.actions.keys.add`, and as `add_app`."""
    _insist_on_steps(guest)
    with transaction.atomic():
        keys.add(actor=guest.actor, name=name, challenge=challenge, answer=answer, keep_session="", at=at)
        complete(_still(guest, at), at=at)


def _insist_on_steps(guest: Guest) -> None:
    user = User.objects.get(pk=guest.user.pk)
    if not (user.has_usable_password() and codes_of(user).are_ready):
        raise Conflict("Set a password first, then make recovery codes and type one back.", code="steps-missing")


def complete(case: RecoveryCase, *, at: datetime) -> None:
    """A factor is there: the link of the locked case is used up, the account opens, the hold begins."""
    user = case.user
    if user is None or not has_factor(user):
        raise Conflict("Add a second factor first.", code="steps-missing")
    Enrolment.objects.filter(case=case, used_at=None, ended_at=None).update(used_at=at)
    until = at + case.hold
    story.move(case, CaseState.HOLD, at=at, hold_until=until)
    User.objects.filter(pk=user.pk).update(recovering_since=None, hold_until=until)
    written = clock.written(until)
    story.tell(case, "enrolled", by=SITE, at=at, text=written)
    audit.record(SITE, events.RecoveryEnrolled(about=user, case=str(case.pk), until=written))


def _still(guest: Guest, at: datetime) -> RecoveryCase:
    """The case, locked, while the link is good."""
    case = story.lock(guest.case.pk)
    enrolment = Enrolment.objects.filter(pk=guest.enrolment.pk).first()
    if case.state != CaseState.EXECUTED or enrolment is None or not enrolment.is_live(at):
        raise EnrolmentInvalid
    return case
