"""What a person has by way of factors, and what is left to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import User, has_verified_email
from indexsite import clock
from mfa.models import (
    AuthenticatorApp,
    RecoveryCode,
    RecoveryDevice,
    SecurityKey,
    count_factors,
    has_factor,
    has_working_key,
)

# Older codes do not stand in for a first factor: whoever once had the password may have them, and the letter about
# them is forgotten.
BEFORE_FIRST_FACTOR = timedelta(days=1)


@dataclass(frozen=True)
class Codes:
    """The state of a person's recovery codes.

    Attributes:
        are_ready: a factor may be set up beside them: they were shown to be kept, one is left, and it was not
            somebody with the password alone who made them long before there was any factor.
    """

    exist: bool
    proved: bool
    left: int
    generated_at: datetime | None
    are_ready: bool


@dataclass(frozen=True)
class Item:
    """One line of the security checklist. `effect` says what it is good for."""

    title: str
    done: bool
    effect: str
    url: str
    act: str
    optional: bool = False


@dataclass(frozen=True)
class Ways:
    """With what a person may prove a factor, the strongest first."""

    key: bool
    app: bool
    code: bool


def ways_of(user: User) -> Ways:
    return Ways(key=has_working_key(user), app=totp_of(user) is not None, code=codes_of(user).left > 0)


def strongest_of(user: User) -> Ways:
    """What a step-up takes; a recovery code is for repairing only."""
    ways = ways_of(user)
    return replace(ways, app=ways.app and not ways.key)


def keys_of(user: User) -> QuerySet[SecurityKey]:
    """The person's keys, the oldest first."""
    found: QuerySet[SecurityKey] = SecurityKey.objects.filter(user=user)
    return found


def totp_of(user: User) -> AuthenticatorApp | None:
    """The person's authenticator app, if one is set up."""
    device: AuthenticatorApp | None = AuthenticatorApp.objects.filter(user=user, confirmed=True).first()
    return device


def codes_of(user: User) -> Codes:
    device = RecoveryDevice.objects.filter(user=user).first()
    if device is None:
        return Codes(exist=False, proved=False, left=0, generated_at=None, are_ready=False)
    left = RecoveryCode.objects.good().filter(device=device).count()
    proved = device.proved_at is not None
    is_timely = clock.now() - device.generated_at <= BEFORE_FIRST_FACTOR or has_factor(user)
    return Codes(
        exist=True,
        proved=proved,
        left=left,
        generated_at=device.generated_at,
        are_ready=proved and left > 0 and is_timely,
    )


def checklist(user: User) -> list[Item]:
    """The steps to a well protected account, in the order in which they can be done."""
    codes = codes_of(user)
    return [
        Item(
            title="Verified e-mail address",
            done=has_verified_email(user),
            effect="We can warn you of every change to your account.",
            url=reverse("account_email"),
            act="Verify an address",
        ),
        Item(
            title="Recovery codes, kept safe",
            done=codes.are_ready,
            effect="A lost or broken phone or key does not lock you out.",
            url=reverse("recovery_codes"),
            act="Check your codes" if codes.exist and not codes.proved else "Make recovery codes",
        ),
        Item(
            title="A second factor",
            done=has_factor(user),
            effect="Your password alone is worth nothing to a thief, and you may publish.",
            url=reverse("security_add"),
            act="Set up a second factor",
        ),
        Item(
            title="Another factor",
            done=count_factors(user) > 1,
            effect="Losing one costs you nothing: you come in with the other.",
            url=reverse("security_add"),
            act="Add another factor",
            optional=True,
        ),
    ]
