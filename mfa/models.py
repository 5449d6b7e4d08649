"""Proof of presence. TOTP devices are django-otp's own; keys and recovery codes are devices of ours."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django_otp.models import Device, DeviceManager
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp_webauthn.models import AbstractWebAuthnCredential, WebAuthnCredentialQuerySet

from indexsite import sealing
from indexsite.prepared import Param, Rows

if TYPE_CHECKING:
    from accounts.models import User
    from indexsite.models import AuditEvent


class LiveDevices(DeviceManager):  # type: ignore[misc]  # django-otp has no types
    """Those that were not removed: a removed one is not `confirmed` any more, and a `FactorRemoval` says why."""

    def get_queryset(self) -> models.QuerySet[Any]:
        found: models.QuerySet[Any] = super().get_queryset().filter(confirmed=True)
        return found


class RecoveryDevice(Device):  # type: ignore[misc]
    """Holds a person's recovery codes. Not a factor to live on: it never satisfies an obligation.

    `proved_at` says when the person showed to have kept them, by typing one back or by using one.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    generated_at = models.DateTimeField()
    proved_at = models.DateTimeField(null=True, blank=True)

    objects = LiveDevices()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(confirmed=True), name="one_set_of_codes_per_person"
            ),
        ]

    @property
    def label(self) -> str:
        """How letters and the history name it."""
        return "recovery codes"


class RecoveryCodeQuerySet(models.QuerySet["RecoveryCode"]):
    """Query vocabulary of codes."""

    def good(self) -> RecoveryCodeQuerySet:
        """Those that still open something: neither used, nor void, nor of a set that was removed."""
        return self.filter(used_at=None, void_at=None, device__confirmed=True)


class RecoveryCode(models.Model):
    """One code, stored as HMAC-SHA256 under a key derived from SECRET_KEY; spent once, or void with a new set."""

    device = models.ForeignKey(RecoveryDevice, on_delete=models.CASCADE, related_name="codes")
    digest = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True, blank=True)
    void_at = models.DateTimeField(null=True, blank=True)

    objects = RecoveryCodeQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"code {self.pk} ({'used' if self.used_at else 'unused'})"


class AuthenticatorApp(TOTPDevice):  # type: ignore[misc]
    """django-otp's device with its secret sealed: `key` begins with `SEALED` once it is stored."""

    SEALED = "sealed:"

    key: str  # django-otp has no types

    objects = LiveDevices()

    class Meta:
        proxy = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.key.startswith(self.SEALED):
            self.key = sealed_key(bytes.fromhex(self.key), self.place)
        super().save(*args, **kwargs)

    @property
    def label(self) -> str:
        """How letters and the history name it."""
        return "authenticator app"

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
    # Unique among those that were not removed: whoever removes a key may register it again.
    credential_id_sha256 = models.CharField("hashed credential id", max_length=64, editable=False)
    sign_count = models.PositiveBigIntegerField(default=0)  # 32 bits without a sign: more than an integer column
    verifies_user = models.BooleanField(default=False)
    set_aside_at = models.DateTimeField(null=True, blank=True)
    last_challenge = models.CharField(max_length=64, blank=True)

    objects = LiveDevices.from_queryset(WebAuthnCredentialQuerySet)()

    class Meta:
        ordering = ["created_at", "pk"]
        indexes: list[models.Index] = []  # the digest of the credential id is unique, which is an index already
        constraints = [
            models.UniqueConstraint(
                "user", Lower("name"), condition=Q(confirmed=True), name="key_name_once_per_person"
            ),
            models.UniqueConstraint(
                fields=["credential_id_sha256"], condition=Q(confirmed=True), name="key_registered_once"
            ),
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


class RemovalGround(models.TextChoices):
    """What a factor was removed by: an act of its owner that the audit trail has, a recovery that was due, or the
    yes of two of the staff about a third."""

    REMOVED = "removed", "Its owner removed it"
    REPLACED = "replaced", "Its owner put another one in its place"
    CLOSED = "closed", "Its owner closed the account"
    RECOVERY = "recovery", "A recovery was carried out"
    STAFF = "staff", "It was lost by somebody on the staff, as two others confirmed"


class FactorKind(models.TextChoices):
    """Which table a removed factor is in."""

    APP = "app", "Authenticator app"
    KEY = "key", "Security key"
    CODES = "codes", "Recovery codes"


class FactorRemoval(models.Model):
    """One factor that counts no more. Factors are never deleted, and none stops counting without such a row.

    The database insists, by triggers on the tables of factors and on this one (`mfa/migrations/0007`): `event` is
    an audit event that the owner has caused about themselves, of the kind that belongs to `ground`; `case` is a
    recovery of theirs that is being carried out; with the ground STAFF, two of the staff have said yes and their
    day is over. Rows are never changed.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="factor_removals")
    kind = models.CharField(max_length=8, choices=FactorKind)
    # As django-otp names it in sessions and in the audit trail.
    device = models.CharField(max_length=200, unique=True)
    label = models.CharField(max_length=200)
    ground = models.CharField(max_length=16, choices=RemovalGround)
    event = models.ForeignKey(
        "indexsite.AuditEvent", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    case = models.ForeignKey(
        "recovery.RecoveryCase", null=True, blank=True, on_delete=models.PROTECT, related_name="removals"
    )
    removed_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ground="recovery", case__isnull=False, event__isnull=True)
                | Q(ground__in=["removed", "replaced", "closed", "staff"], case__isnull=True, event__isnull=False),
                name="factor_removal_has_one_ground",
            ),
            models.CheckConstraint(
                condition=Q(kind="app", device__startswith="otp_totp.totpdevice/")
                | Q(kind="key", device__startswith="mfa.securitykey/")
                | Q(kind="codes", device__startswith="mfa.recoverydevice/"),
                name="factor_removal_names_its_kind",
            ),
            # One act takes one factor of a kind, and the codes with the last one: it grounds no other later.
            models.UniqueConstraint(
                fields=["event", "kind"],
                condition=Q(ground__in=["removed", "replaced"]),
                name="one_factor_removed_by_an_act",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} of {self.user_id}, {self.ground}"


def remove_factor(
    device: Device,
    ground: RemovalGround,
    *,
    at: datetime,
    event: AuditEvent | None = None,
    case_id: uuid.UUID | None = None,
) -> None:
    """Let a factor count no more, on the ground of the owner's `event`, or of the recovery `case_id`.

    Raises:
        django.db.Error: the database finds that the ground does not hold.
    """
    kind = {
        AuthenticatorApp.model_label(): FactorKind.APP,
        SecurityKey.model_label(): FactorKind.KEY,
        RecoveryDevice.model_label(): FactorKind.CODES,
    }[device.model_label()]
    FactorRemoval.objects.create(
        user_id=device.user_id,
        kind=kind,
        device=device.persistent_id,
        label=device.label,
        ground=ground,
        event=event,
        case_id=case_id,
        removed_at=at,
    )
    type(device).objects.filter(pk=device.pk).update(confirmed=False)


def devices_of(user: User) -> list[Device]:
    """Everything that proves the person's presence, recovery codes included."""
    return [
        each
        for model in (AuthenticatorApp, SecurityKey, RecoveryDevice)
        for each in model.objects.filter(user=user).order_by("pk")
    ]


def live_device(persistent_id: str) -> Device | None:
    """The device that sessions and the audit trail name so, unless it was removed."""
    device = Device.from_persistent_id(persistent_id)
    return device if device is not None and device.confirmed else None


KEY_PREFIX = f"{SecurityKey.model_label()}/"


# The model of a device -> how people call it.
FACTOR_NAMES = {
    str(TOTPDevice.model_label()): "authenticator app",
    str(RecoveryDevice.model_label()): "recovery code",
    str(SecurityKey.model_label()): "security key",
}


def is_security_key(persistent_id: str) -> bool:
    """Whether this device, as sessions and the audit trail name it, is a key: a proof that cannot be phished."""
    return persistent_id.startswith(KEY_PREFIX)


def is_recovery_code(persistent_id: str) -> bool:
    return persistent_id.startswith(f"{RecoveryDevice.model_label()}/")


def factor_name(persistent_id: str) -> str:
    """What kind of device this is, as the history says it."""
    return FACTOR_NAMES.get(persistent_id.partition("/")[0], "second factor")


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
    return _WORKING_KEYS.exist(user=user.pk)


_CONFIRMED = Rows(lambda: TOTPDevice.objects.filter(user=Param("user"), confirmed=True).values_list("pk")[:1])
_WORKING_KEYS = Rows(
    lambda: SecurityKey.objects.filter(user=Param("user"), set_aside_at=None).values_list("pk")[:1]
)
_KEYS = Rows(lambda: SecurityKey.objects.filter(user=Param("user")).values_list("pk")[:1])


def with_factor(users: Iterable[User]) -> set[int]:
    """Primary keys of those of the people who hold a factor to live on; two queries."""
    people = list(users)
    apps = TOTPDevice.objects.filter(user__in=people, confirmed=True).values_list("user_id", flat=True)
    keys = SecurityKey.objects.filter(user__in=people).values_list("user_id", flat=True)
    return {*apps, *keys}
