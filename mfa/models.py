"""Proof of presence. TOTP devices are django-otp's own; recovery codes are a device of ours (hashed)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django_otp.models import Device
from django_otp.plugins.otp_totp.models import TOTPDevice

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


def has_factor(user: User) -> bool:
    """Whether the person has a factor to live on: a confirmed TOTP device (keys join it with WebAuthn)."""
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())
