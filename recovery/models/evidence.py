"""What a claimant has offered. Verdicts are for the desk and the rules: the claimant hears "received"."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q

from recovery.assurance import Signal
from recovery.models.cases import RecoveryCase


class Verdict(models.TextChoices):
    """What a check found. Whatever could not be checked has not passed."""

    PENDING = "pending", "Not checked yet"
    PASSED = "passed", "Passed"
    FAILED = "failed", "Failed"


class EvidenceQuerySet(models.QuerySet["Evidence"]):
    """Query vocabulary of evidence."""

    def counting(self, at: datetime) -> EvidenceQuerySet:
        """What earns points now: it passed, and is neither taken back nor too old."""
        lasting = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
        return self.filter(lasting, verdict=Verdict.PASSED, void_at=None)


class Evidence(models.Model):
    """One thing offered in a case. Rows are added and judged, never changed otherwise.

    Attributes:
        kind: letter of its class; `signal` and `subject` as `recovery.assurance.Evidence` has them. `subject`
            is the independent boundary: the same one counts once.
        since: since when it has belonged to the account. `last_used_at`: None where that says nothing.
        is_sound: everything else about it was in order when it was looked at last.
        reference: what a second look needs, such as the address or the key of a token; never a secret.
    """

    case = models.ForeignKey(RecoveryCase, on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=1)
    signal = models.CharField(max_length=24, choices=[(each.value, each.value) for each in Signal])
    subject = models.CharField(max_length=300)
    reference = models.CharField(max_length=300, blank=True)
    offered_at = models.DateTimeField()
    checked_at = models.DateTimeField(null=True, blank=True)
    verdict = models.CharField(max_length=16, choices=Verdict, default=Verdict.PENDING)
    since = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    is_sound = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    void_at = models.DateTimeField(null=True, blank=True)

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["case", "kind"], name="evidence_case")]
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="evidence_verdict_is_one"),
            models.CheckConstraint(
                condition=~Q(verdict="passed") | Q(checked_at__isnull=False, since__isnull=False),
                name="evidence_passed_was_checked",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.signal} in {self.case_id}"
