"""Proving the second factor, while signing in and again inside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import User
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.errors import InvalidInput, LimitReached
from indexsite.limits import Limit
from mfa import notices, recovery_codes, totp
from mfa.actions import codes
from mfa.models import AuthenticatorApp


class WrongCode(InvalidInput):
    """One sentence, whether the code is wrong, late, used, or of the other kind."""

    code = "wrong-code"
    field = "code"

    def __init__(self) -> None:
        super().__init__("This code is not right, or has been used; type the next one your app shows.")


@dataclass(frozen=True)
class Proved:
    """`device`: persistent id of what proved presence. `to_spend`: key of the recovery code it was, or None."""

    device: str
    to_spend: int | None = None


def prove(*, actor: Actor, user: User, code: str, at: datetime, spend: bool = True) -> Proved:
    """Check a code of the app, or a recovery code.

    Args:
        actor: who asks; while signing in, nobody yet.
        user: whose code it has to be.
        spend: use a recovery code up at once; else the caller does, with `codes.spend_found`.

    Raises:
        WrongCode: it is not good.
        LimitReached: too many tries for this person or from this network address.
    """
    # Counted first, so that codes sent side by side count like codes sent one by one.
    limits.consume(Limit.SECOND_FACTOR_ADDRESS, actor.address, at=at)
    limits.consume(Limit.SECOND_FACTOR_USER, str(user.pk), at=at)
    proved = _check(actor, user, code, at, spend=spend)
    if proved is None:
        _record_failure(actor, user, at)
        raise WrongCode
    limits.reset(Limit.SECOND_FACTOR_USER, str(user.pk))
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


def _record_failure(actor: Actor, user: User, at: datetime) -> None:
    try:
        limits.check(Limit.SECOND_FACTOR_USER, str(user.pk), at=at)
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
