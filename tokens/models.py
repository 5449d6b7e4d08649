"""What a credential may do: rows behind macaroons."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower


def new_key() -> bytes:
    """A fresh 32-byte root key for one token."""
    return secrets.token_bytes(32)


class Token(models.Model):
    """One API token: the macaroon's identifier is `id`, its root key `key`.

    `caveats` (JSON arrays `[tag, ...]`) are embedded in the macaroon *and* stored, and the stored ones are
    checked too: a token can be narrowed later without reissuing it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="tokens")
    description = models.CharField(max_length=100)
    key = models.BinaryField(default=new_key, editable=False)
    caveats = models.JSONField(default=list)
    # Null: the whole account. Project tokens also carry the caveat; this column serves lists and lookups.
    project = models.ForeignKey(
        "releases.Project", null=True, blank=True, on_delete=models.CASCADE, related_name="tokens"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_address = models.CharField(max_length=64, blank=True)
    last_used_client = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-created_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                "user",
                Lower("description"),
                condition=models.Q(revoked_at__isnull=True),
                name="one_live_token_per_description",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.description} ({self.user})"

    def is_live(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)
