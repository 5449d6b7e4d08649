"""Keys of people's own. They sign nothing on the site; one that was there long ago speaks for its owner."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.signatures import KeyKind, PublicKey

# How long the text to be signed is good for.
PROOF_LIFE = timedelta(hours=1)
MAX_KEYS = 20


class SigningKeyQuerySet(models.QuerySet["SigningKey"]):
    """Query vocabulary of signing keys."""

    def proved(self) -> SigningKeyQuerySet:
        """Those whose owner has shown to hold the private half, and that were not removed."""
        return self.filter(proved_at__isnull=False, removed_at=None)


class SigningKey(models.Model):
    """One public key of one person. A removed row stays: a recovery has to know since and until when."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="signing_keys")
    kind = models.CharField(max_length=16, choices=[(kind.value, kind.value) for kind in KeyKind])
    fingerprint = models.CharField(max_length=100)
    text = models.TextField()
    name = models.CharField(max_length=64)
    # Part of the text that the owner signs: unguessable, of this row alone.
    nonce = models.CharField(max_length=64)
    added_at = models.DateTimeField()
    proved_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = SigningKeyQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "fingerprint"],
                condition=Q(proved_at__isnull=False, removed_at__isnull=True),
                name="one_signing_key_of_a_fingerprint",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.fingerprint})"

    @property
    def public_key(self) -> PublicKey:
        return PublicKey(KeyKind(self.kind), self.fingerprint, self.text)
