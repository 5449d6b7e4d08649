"""Webhooks: addresses of a project that hear what becomes of its drafts, and what was sent there."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models

from indexsite import sealing
from releases.models.projects import Project

MAX_PER_PROJECT = 5
MAX_URL = 500
# After the first try, which comes at once: so long after each one that failed comes the next, and after the last
# none. Somebody who mends a server on Monday still hears what happened on Saturday.
PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)
KEPT = timedelta(days=30)


class WebhookEvent(models.TextChoices):
    """What is told."""

    SUBMITTED = "draft.submitted", "Handed in"
    RETURNED = "draft.returned", "Returned"
    PUBLISHED = "draft.published", "Published"
    CANCELED = "draft.canceled", "Canceled"


class Webhook(models.Model):
    """One address. `sealed` is the secret of its signatures, which no page shows again."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=MAX_URL)
    sealed = models.BinaryField()
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["project", "url"], name="one_webhook_per_address")]

    def __str__(self) -> str:
        return f"webhook of {self.project} at {self.host}"

    @property
    def host(self) -> str:
        """The part of the address that is no secret."""
        return self.url.removeprefix("https://").partition("/")[0]

    @property
    def place(self) -> str:
        """What the seal is bound to."""
        return f"webhook {self.public_id}"

    def seal(self, secret: bytes) -> None:
        """Keep the secret. Not saved."""
        self.sealed = sealing.seal(secret, place=self.place)

    @property
    def secret(self) -> bytes:
        """Raises: SealBroken: SECRET_KEY was changed and its predecessor is not at hand."""
        return sealing.unseal(bytes(self.sealed), place=self.place)


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Query vocabulary of deliveries."""

    def due(self, at: datetime) -> Self:
        """Those whose next try is due."""
        return self.filter(done_at=None, gave_up_at=None, next_at__lte=at)


class Delivery(models.Model):
    """One message to one webhook.

    Attributes:
        public_id: the same on every try: receivers know a repetition by it.
        body: the bytes that are signed, as text.
        tries: how many were begun; `next_at`: when the next is due.
        notice: why the last one failed, one sentence.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=32, choices=WebhookEvent)
    body = models.TextField()
    created_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    gave_up_at = models.DateTimeField(null=True, blank=True)
    notice = models.CharField(max_length=300, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(
                fields=["next_at"], condition=models.Q(done_at=None, gave_up_at=None), name="delivery_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}"

    @property
    def message_id(self) -> str:
        return f"msg_{self.public_id.hex}"
