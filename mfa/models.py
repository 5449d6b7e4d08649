"""Proof of presence. TOTP devices are django-otp's own; keys and recovery codes are devices of ours."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django_otp.models import Device
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp_webauthn.models import AbstractWebAuthnCredential

from indexsite import sealing
from indexsite.prepared import Param, Rows

if TYPE_CHECKING:
    from accounts.models import User


class RecoveryDevice(Device):  # type: ignore[misc]
    """Holds a person's recovery codes. Not a factor to live on: it never satisfies an obligation.

    `proved_at` says when the person showed to have kept them, by typing one back or by using one.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    generated_at = models.DateTimeField()
    proved_at = models.DateTimeField(null=True, blank=True)


class RecoveryCode(models.Model):
    """One code, stored as HMAC-SHA256 under a key derived from SECRET_KEY; spent once."""

    device = models.ForeignKey(RecoveryDevice, on_delete=models.CASCADE, related_name="codes")
    digest = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"code {self.pk} ({'used' if self.used_at else 'unused'})"


class AuthenticatorApp(TOTPDevice):  # type: ignore[misc]
    """django-otp's device with its secret sealed: `key` begins with `SEALED` once it is stored."""

    SEALED = "sealed:"

    key: str  # django-otp has no types

    class Meta:
        proxy = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.key.startswith(self.SEALED):
            self.key = sealed_key(bytes.fromhex(self.key), self.place)
        super().save(*args, **kwargs)

    @property
    def place(self) -> str:
        """What the seal of the secret is bound to."""
        return f"authenticator app of user {self.user_id}"

    @property
    def bin_key(self) -> bytes:
        """The secret that the app knows; django-otp checks codes with it.

        Raises:
            indexsite.sealing.SealBroken: SECRET_KEY was changed and its predecessor is not at hand.
        """
        return sealing.unseal(self.sealed, place=self.place)

    @property
    def sealed(self) -> bytes:
        return base64.b64decode(self.key.removeprefix(self.SEALED))

    @classmethod
    def model_label(cls) -> str:
        """One name for a device in sessions and in the audit trail, whichever class has loaded it."""
        return str(TOTPDevice.model_label())


def sealed_key(secret: bytes, place: str) -> str:
    """What the column `key` holds: 73 of its 80 characters, for a secret of 20 bytes."""
    return AuthenticatorApp.SEALED + base64.b64encode(sealing.seal(secret, place=place)).decode()


class SecurityKey(AbstractWebAuthnCredential):  # type: ignore[misc]
    """A security key or passkey of a person, who has given it its `name`.

    `verifies_user`: it asked for a PIN or a finger when it was registered, so it may stand for a password too.
    `set_aside_at`: its counter went back, as that of a copied key does; it opens nothing any more, but the account
    stays one with a second factor. `last_challenge`: digest of the challenge it answered last.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    sign_count = models.PositiveBigIntegerField(default=0)  # 32 bits without a sign: more than an integer column
    verifies_user = models.BooleanField(default=False)
    set_aside_at = models.DateTimeField(null=True, blank=True)
    last_challenge = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["created_at", "pk"]
        indexes: list[models.Index] = []  # the digest of the credential id is unique, which is an index already
        constraints = [
            models.UniqueConstraint("user", Lower("name"), name="key_name_once_per_person"),
        ]

    def __str__(self) -> str:
        return str(self.name)

    @property
    def label(self) -> str:
        """How letters and the history name it."""
        return f'security key "{self.name}"'

    @property
    def may_sign_in_alone(self) -> bool:
        """Whether it serves as a passkey, without user name and password."""
        return bool(self.verifies_user and self.discoverable and self.set_aside_at is None)


KEY_PREFIX = f"{SecurityKey.model_label()}/"


def is_security_key(persistent_id: str) -> bool:
    """Whether this device, as sessions and the audit trail name it, is a key: a proof that cannot be phished."""
    return persistent_id.startswith(KEY_PREFIX)


def is_recovery_code(persistent_id: str) -> bool:
    return persistent_id.startswith(f"{RecoveryDevice.model_label()}/")


def count_factors(user: User) -> int:
    """How many factors to live on the person has: the authenticator app and every key."""
    apps = TOTPDevice.objects.filter(user=user, confirmed=True).count()
    return int(apps + SecurityKey.objects.filter(user=user).count())


def has_factor(user: User) -> bool:
    """Whether the person has a factor to live on: a confirmed authenticator app or a key."""
    return _CONFIRMED.exist(user=user.pk) or has_key(user)


def has_key(user: User) -> bool:
    """Whether the person has a security key or passkey, be it one that is set aside."""
    return _KEYS.exist(user=user.pk)


def has_working_key(user: User) -> bool:
    """Whether the person has a key that a proof can be asked of."""
    return bool(SecurityKey.objects.filter(user=user, set_aside_at=None).exists())


_CONFIRMED = Rows(lambda: TOTPDevice.objects.filter(user=Param("user"), confirmed=True).values_list("pk")[:1])
_KEYS = Rows(lambda: SecurityKey.objects.filter(user=Param("user")).values_list("pk")[:1])


def with_factor(users: Iterable[User]) -> set[int]:
    """Primary keys of those of the people who hold a factor to live on; two queries."""
    people = list(users)
    apps = TOTPDevice.objects.filter(user__in=people, confirmed=True).values_list("user_id", flat=True)
    keys = SecurityKey.objects.filter(user__in=people).values_list("user_id", flat=True)
    return {*apps, *keys}
