"""Proving the second factor, while signing in and again inside."""

from __future__ import annotations

from copy import replace
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts import known_devices
from accounts.models import User, known_device
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.errors import InvalidInput, LimitReached
from indexsite.limits import Limit
from mfa import notices, recovery_codes, totp
from mfa.actions import codes
from mfa.models import AuthenticatorApp, factor_name, has_working_key


class WrongCode(InvalidInput):
    """One sentence, whether the code is wrong, late, used, or of the other kind."""

    code = "wrong-code"
    field = "code"

    def __init__(self) -> None:
        super().__init__("This code is not right, or has been used; type the next one your app shows.")


class KeyAsked(InvalidInput):
    """A code that would do if there were no key; it is not looked at."""

    code = "key-asked"

    def __init__(self) -> None:
        super().__init__(
            "You have a security key, so a code of your app does not do here; use the key, or a recovery code."
        )


@dataclass(frozen=True)
class Proved:
    """`device`: persistent id of what proved presence. `to_spend`: key of the recovery code it was, or None."""

    device: str
    to_spend: int | None = None


def step_up(*, actor: Actor, code: str, at: datetime, any_factor: bool = False) -> Proved:
    """A signed-in person proves a factor again by a code; a recovery code is used up.

    Args:
        any_factor: the act does not ask for the strongest factor.

    Raises:
        KeyAsked: the person has a key, and this is a code of the app.
        WrongCode, LimitReached: as `prove`.
    """
    user = actor.person
    if not any_factor and not recovery_codes.looks_like_one(code) and has_working_key(user):
        raise KeyAsked
    proved = _prove(actor, user, code, at, (Limit.SECOND_FACTOR_INSIDE, str(user.pk)), spend=True)
    record_step_up(actor=actor, device=proved.device)
    return proved


@transaction.atomic
def record_step_up(*, actor: Actor, device: str) -> None:
    """The history says that `device` (a persistent id) has proved presence in a session."""
    audit.record(replace(actor, factor=device), audit.PresenceProved(about=actor.user, method=factor_name(device)))


def prove(*, actor: Actor, user: User, code: str, shown: str, at: datetime) -> Proved:
    """Check a code of the app, or a recovery code, of somebody who is signing in.

    A recovery code is only looked for: once nothing else can hold the sign-in up, `codes.spend_found` uses it up.

    Args:
        actor: who asks: nobody yet.
        user: whose code it has to be.
        shown: what the browser's cookie of `accounts.known_devices` holds for this account, or "".

    Raises:
        WrongCode: it is not good.
        LimitReached: too many tries for this person, in this browser or from this network address.
    """
    device = known_device(user, known_devices.digest(user, shown), at)
    if device is not None:
        return _prove(actor, user, code, at, (Limit.SECOND_FACTOR_DEVICE, str(device.pk)), spend=False)
    limits.consume(Limit.SECOND_FACTOR_ADDRESS, actor.address, at=at)
    return _prove(actor, user, code, at, (Limit.SECOND_FACTOR_USER, str(user.pk)), spend=False)


def _prove(actor: Actor, user: User, code: str, at: datetime, bucket: tuple[Limit, str], *, spend: bool) -> Proved:
    # Counted first, so that codes sent side by side count like codes sent one by one.
    limits.consume(*bucket, at=at)
    proved = _check(actor, user, code, at, spend=spend)
    if proved is None:
        _record_failure(actor, user, bucket, at)
        raise WrongCode
    limits.reset(*bucket)
    return proved


def _check(actor: Actor, user: User, code: str, at: datetime, *, spend: bool) -> Proved | None:
    if not recovery_codes.looks_like_one(code):
        app = _check_app(user, totp.plain(code))
        return Proved(str(app.persistent_id)) if app is not None else None
    if spend:
        device = codes.spend_code(actor=actor, user=user, code=code, at=at)
        return Proved(str(device.persistent_id)) if device is not None else None
    found = codes.find_code(user=user, code=code)
    return Proved(str(found.device.persistent_id), found.pk) if found is not None else None


def _record_failure(actor: Actor, user: User, bucket: tuple[Limit, str], at: datetime) -> None:
    try:
        limits.check(*bucket, at=at)
        last = False
    except LimitReached:
        last = True
    with transaction.atomic():
        audit.record(actor, audit.SecondFactorFailed(about=user))
        # Whoever gets this far has the password: its owner hears of it, once per window.
        if last:
            notices.factor_guessed(user, actor=actor)


def _check_app(user: User, digits: str) -> AuthenticatorApp | None:
    with transaction.atomic():
        # Locked: django-otp remembers the time step it accepted last, and takes no code of it or before.
        device: AuthenticatorApp | None = (
            AuthenticatorApp.objects.select_for_update().filter(user=user, confirmed=True).first()
        )
        if device is None or not digits or not device.verify_token(digits):
            return None
        return device
