"""What a person has by way of factors, and what is left to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import User, has_verified_email
from mfa.models import RecoveryCode, RecoveryDevice


@dataclass(frozen=True)
class Codes:
    """The state of a person's recovery codes."""

    exist: bool
    proved: bool
    left: int
    generated_at: datetime | None


@dataclass(frozen=True)
class Item:
    """One line of the security checklist. `effect` says what it is good for."""

    title: str
    done: bool
    effect: str
    url: str
    act: str


def totp_of(user: User) -> TOTPDevice | None:
    """The person's authenticator app, if one is set up."""
    device: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=True).first()
    return device


def codes_of(user: User) -> Codes:
    device = RecoveryDevice.objects.filter(user=user).first()
    if device is None:
        return Codes(exist=False, proved=False, left=0, generated_at=None)
    left = RecoveryCode.objects.filter(device=device, used_at=None).count()
    return Codes(exist=True, proved=device.proved_at is not None, left=left, generated_at=device.generated_at)


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
            done=codes.proved and codes.left > 0,
            effect="A lost or broken phone does not lock you out.",
            url=reverse("recovery_codes"),
            act="Check your codes" if codes.exist and not codes.proved else "Make recovery codes",
        ),
        Item(
            title="Authenticator app",
            done=totp_of(user) is not None,
            effect="Your password alone is worth nothing to a thief, and you may publish.",
            url=reverse("totp"),
            act="Set up an authenticator app",
        ),
    ]
