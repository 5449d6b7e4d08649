"""Browsers of an account: those it knows, and sign-ins from others that wait for a mailed link."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from accounts.models.people import User

DEVICE_LIFE = timedelta(days=180)  # since it was last used to sign in
CONFIRMATION_LIFE = timedelta(minutes=10)  # OWASP ASVS 5.0, 6.5.5


class KnownDeviceQuerySet(models.QuerySet["KnownDevice"]):
    """Forgotten ones are deleted; those unused for too long count for nothing."""

    def live(self, at: datetime) -> KnownDeviceQuerySet:
        return self.filter(last_used_at__gt=at - DEVICE_LIFE)


class KnownDevice(models.Model):
    """A browser in which this account has passed every stage of a sign-in. Opens nothing by itself.

    `digest` is of the cookie's secret and of the account's password: with a new password all rows are void.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="known_devices")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    address = models.CharField(max_length=64, blank=True)
    client = models.CharField(max_length=200, blank=True)
    # The session it is signed in to now, so that whoever changes a factor there stays known.
    session = models.ForeignKey(
        "usersessions.UserSession", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    objects = KnownDeviceQuerySet.as_manager()

    class Meta:
        ordering = ["-last_used_at", "-pk"]

    def __str__(self) -> str:
        return f"browser {self.pk} of {self.user_id}"


class SignInConfirmation(models.Model):
    """A sign-in from a browser the account does not know: it goes on once the mailed link is used in that browser.

    `link` is the digest of the link's token, `attempt` that of a secret in the session of the waiting browser.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    link = models.CharField(max_length=64, unique=True)
    attempt = models.CharField(max_length=64, db_index=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # Used, replaced by a later letter, or stopped: whatever came first.
    ended_at = models.DateTimeField(null=True, blank=True)
    address = models.CharField(max_length=64, blank=True)
    client = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"sign-in {self.pk} of {self.user_id}"

    def is_open(self, at: datetime) -> bool:
        return self.ended_at is None and self.expires_at > at


def known_device(user: User | None, digest: str, at: datetime) -> KnownDevice | None:
    """The browser with this digest, if it is one of the person's; one query, also for nobody."""
    mine = KnownDevice.objects.live(at).filter(user=user.pk if user is not None else 0)
    return mine.filter(digest=digest).first()
