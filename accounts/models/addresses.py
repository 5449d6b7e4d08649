"""Addresses that an account once had: they are told of a recovery for half a year more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from accounts.models.people import User

PAST_ADDRESS_TOLD = timedelta(days=180)


class PastAddress(models.Model):
    """A verified address that its owner, or somebody in their name, has removed."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="past_addresses")
    email = models.EmailField(max_length=254)
    removed_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["user", "removed_at"], name="past_address_user")]

    def __str__(self) -> str:
        return f"{self.email} of {self.user_id}"


def holds_address(user: User, email: str) -> bool:
    """Whether the person has this address, verified or not, or had it."""
    from allauth.account.models import EmailAddress  # needs the app registry

    past = PastAddress.objects.filter(user=user, email=email.lower())
    present = EmailAddress.objects.filter(user=user, email=email.lower())
    return bool(past.values("pk").union(present.values("pk")).exists())
