"""Recovery codes: made in one set, shown once, proved by typing one back, spent once each.

Typing one back to prove that they were kept spends nothing: all eight stay good. While signing in, a code is
looked for first and spent last: a sign-in that is held up on the way costs none.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.errors import Conflict, InvalidInput
from indexsite.limits import Limit
from indexsite.policies import Action, require, require_locked
from mfa import notices, recovery_codes
from mfa.models import RecoveryCode, RecoveryDevice


class NotACode(InvalidInput):
    """Typed back, and not one of the set."""

    code = "not-a-recovery-code"
    field = "code"

    def __init__(self) -> None:
        super().__init__("This is not one of your codes. Look at the copy you kept, or make new ones.")


def generate_codes(*, actor: Actor, at: datetime) -> list[str]:
    """Make a new set; all earlier codes are void. What is returned is shown once and kept nowhere.

    Raises:
        PermissionRefused: no verified address, or no recent proof of presence.
    """
    require(actor, Action.CODES_GENERATE)
    user = actor.person
    plain = [recovery_codes.generate() for _ in range(recovery_codes.COUNT)]
    with transaction.atomic():
        require_locked(actor, Action.CODES_GENERATE)
        # The device stays the same one: a session it has let in goes on.
        device, created = RecoveryDevice.objects.update_or_create(
            user=user, defaults={"name": "recovery codes", "generated_at": at, "proved_at": None}
        )
        device.codes.filter(void_at=None).update(void_at=at)
        RecoveryCode.objects.bulk_create(
            RecoveryCode(device=device, digest=recovery_codes.digest(code)) for code in plain
        )
        audit.record(actor, audit.RecoveryCodesGenerated(about=user, count=len(plain)))
        notices.codes_generated(user, count=len(plain), replaced=not created, actor=actor)
    return plain


def prove_codes(*, actor: Actor, code: str, at: datetime) -> None:
    """The person types one code back, which shows that the set was kept; the code stays good.

    Raises:
        Conflict: there is no set.
        NotACode: it is none of them, or it has been used.
        LimitReached: too many tries.
    """
    require(actor, Action.ACCOUNT_VIEW)
    user = actor.person
    limits.consume(Limit.SECOND_FACTOR_INSIDE, str(user.pk), at=at)
    with transaction.atomic():
        # Locked: a set that is made at this moment is not the one the code belongs to.
        User.objects.select_for_update().get(pk=user.pk)
        device = RecoveryDevice.objects.filter(user=user).first()
        if device is None:
            raise Conflict("There are no codes to check; make some first.")
        digests = recovery_codes.digests(code)
        is_one = RecoveryCode.objects.good().filter(device=device, digest__in=digests).exists()
        if is_one:
            RecoveryDevice.objects.filter(pk=device.pk).update(proved_at=at)
        event = audit.RecoveryCodesProved if is_one else audit.RecoveryCodesProofFailed
        audit.record(actor, event(about=user))
    if not is_one:
        raise NotACode
    limits.reset(Limit.SECOND_FACTOR_INSIDE, str(user.pk))


def find_code(*, user: User, code: str) -> RecoveryCode | None:
    """The code of `user` that was typed, if it is good; it stays so. The caller has counted the attempt."""
    digests = recovery_codes.digests(code)
    good = RecoveryCode.objects.good().filter(device__user=user, digest__in=digests)
    return good.select_related("device").first()


def spend_code(*, actor: Actor, user: User, code: str, at: datetime) -> RecoveryDevice | None:
    """Use up one code of `user`; None if it is not good. The attempt has been counted by the caller.

    One keyed hash and one statement, whatever is typed; of two requests with the same code one wins.
    """
    return _spend(actor, user, at, digest__in=recovery_codes.digests(code))


def spend_found(*, actor: Actor, user: User, pk: int, at: datetime) -> RecoveryDevice | None:
    """Use up the code that `find_code` found; None if it has been used, or replaced, in the meantime."""
    return _spend(actor, user, at, pk=pk)


def _spend(actor: Actor, user: User, at: datetime, **which: Any) -> RecoveryDevice | None:
    mine = RecoveryDevice.objects.filter(user=user)
    with transaction.atomic():
        spent = RecoveryCode.objects.filter(device__in=mine, used_at=None, void_at=None, **which).update(
            used_at=at
        )
        if not spent:
            return None
        device: RecoveryDevice = RecoveryDevice.objects.get(user=user)
        if device.proved_at is None:  # using one shows that they were kept, too
            device.proved_at = at
            device.save(update_fields=["proved_at"])
        left = device.codes.good().count()
        audit.record(actor, audit.RecoveryCodeUsed(about=user, left=left))
        notices.code_used(user, left=left, actor=actor)
    return device
