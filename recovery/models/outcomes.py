"""What a case leaves behind: letters, the link to a new factor, an owner's wish not to be asked for a while."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q

from recovery.models.cases import RecoveryCase

ENROLMENT_LIFE = timedelta(hours=24)
PAUSE_LIFE = timedelta(days=30)


class NoticeKind(models.TextChoices):
    """The letters of a case. The first two and the last before an execution are conditions of it."""

    OPENED = "opened", "A recovery was asked for"
    EVIDENCE = "evidence", "Evidence was added"
    APPROVED = "approved", "Approved; the date is fixed"
    HALFWAY = "halfway", "Half of the waiting is over"
    LAST_DAY = "last-day", "A day is left"
    EXECUTED = "executed", "The account was handed over"
    LIFTED = "lifted", "The hold is over"
    STOPPED = "stopped", "The recovery was stopped"
    DISPUTED = "disputed", "The recovery is disputed"
    GLASS = "glass", "Two of the staff ended the waiting"


class NoticeSent(models.Model):
    """One letter to one address of the owner (or a co-owner), and what became of it.

    `round`: a case that went back to the queue tells everybody anew.
    """

    case = models.ForeignKey(RecoveryCase, on_delete=models.PROTECT, related_name="notices")
    kind = models.CharField(max_length=16, choices=NoticeKind)
    round = models.PositiveSmallIntegerField(default=0)
    address = models.EmailField(max_length=254)
    is_owner = models.BooleanField(default=True)
    queued_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    bounced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["case", "kind", "round", "address"], name="one_notice_of_a_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.case_id}"


class Enrolment(models.Model):
    """The one way into an account after its recovery: a link, of use only with the secret of the request."""

    case = models.ForeignKey(RecoveryCase, on_delete=models.PROTECT, related_name="enrolments")
    link = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["case"],
                condition=Q(used_at__isnull=True, ended_at__isnull=True),
                name="one_live_enrolment_per_case",
            ),
        ]

    def __str__(self) -> str:
        return f"enrolment of {self.case_id}"

    def is_live(self, at: datetime) -> bool:
        return self.used_at is None and self.ended_at is None and self.expires_at > at


class RequestPause(models.Model):
    """The owner does not want to be asked for a while: begun and ended by them alone."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="recovery_pause")
    asked_at = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.user} until {self.until:%Y-%m-%d}"
