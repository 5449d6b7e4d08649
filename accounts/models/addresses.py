"""Addresses that an account once had: they are told of a recovery for half a year more."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models

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
