"""What a person has said was not them, and what that stopped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models

FREEZE_TIME = timedelta(hours=72)


class ReportSource(models.TextChoices):
    """How the report came in."""

    LETTER = "letter", "The link of a letter"
    HISTORY = "history", "The account's history"


class SecurityReport(models.Model):
    """One "this was not me". The recovery desk takes it up; rows are never deleted.

    `event_id` is the audit event it is about, 0 where the letter was about none; sentence and place are copied.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="security_reports")
    source = models.CharField(max_length=16, choices=ReportSource)
    event_id = models.BigIntegerField(default=0)
    what = models.CharField(max_length=500, blank=True)
    reported_at = models.DateTimeField()
    address = models.CharField(max_length=64, blank=True)
    client = models.CharField(max_length=200, blank=True)
    # Whether a second factor was proved, here and now, by whoever reported.
    is_proved = models.BooleanField(default=False)
    sessions_ended = models.PositiveIntegerField(default=0)
    stopped = models.CharField(max_length=500, blank=True)
    frozen_until = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["user", "-id"], name="report_user")]

    def __str__(self) -> str:
        return f"report {self.pk} of {self.user_id}"


class MutedNotice(models.Model):
    """A harmless letter this person does not want; `accounts.letters` says which may be muted."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="muted_notices")
    letter = models.CharField(max_length=64)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "letter"], name="muted_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} without {self.letter}"


def muting(letter: Any) -> models.QuerySet[MutedNotice, int]:
    """Primary keys of the people who do not want this letter (its name, or a place for it)."""
    return MutedNotice.objects.filter(letter=letter).values_list("user_id", flat=True)
