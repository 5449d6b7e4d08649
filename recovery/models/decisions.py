"""Who decided what in a case. Rows are only ever added, or voided: the database refuses the rest."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from recovery.models.cases import RecoveryCase

LEASE_LIFE = timedelta(minutes=30)
BREAK_GLASS_LIFE = timedelta(minutes=30)


class CaseApproval(models.Model):
    """One person's yes, to the evidence as it was: `evidence_digest`, signed with the site's key in `signature`.

    The database insists: one live yes a person and case; not the subject, nobody who shares a project or an
    organisation with them; on the staff, in a role of the desk. Being a superuser is no such role.
    """

    case = models.ForeignKey(RecoveryCase, on_delete=models.PROTECT, related_name="approvals")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=16)
    evidence_digest = models.CharField(max_length=64)
    signature = models.CharField(max_length=64)
    reason = models.CharField(max_length=500)
    approved_at = models.DateTimeField()
    void_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "person"], condition=Q(void_at__isnull=True), name="one_approval_per_person"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="approval_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.person} approves {self.case_id}"


class CaseEvent(models.Model):
    """One line of a case's story. `is_public`: the claimant reads it; else it is a note of the desk's own."""

    case = models.ForeignKey(RecoveryCase, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    name = models.CharField(max_length=64)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    actor_label = models.CharField(max_length=100)
    text = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    is_public = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["case", "id"], name="case_event"),
            models.Index(fields=["name", "at"], name="case_event_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} in {self.case_id}"


class Lease(models.Model):
    """Who works on a case now: until `expires_at`, which a heartbeat moves on."""

    case = models.OneToOneField(RecoveryCase, on_delete=models.PROTECT, related_name="lease")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.person} has {self.case_id}"

    def is_live(self, at: datetime) -> bool:
        return self.expires_at > at


class BreakGlass(models.Model):
    """Two people end the waiting of a case that has all its approvals; good for `BREAK_GLASS_LIFE`.

    It shortens a clock and nothing else: approvals, notices and checks stay what they are.
    """

    case = models.ForeignKey(RecoveryCase, on_delete=models.PROTECT, related_name="glass")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    reason = models.CharField(max_length=500)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(confirmed_by=F("asked_by")), name="glass_needs_two"),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
                name="glass_is_confirmed_by_somebody",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="glass_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"glass of {self.case_id}"


class SavedView(models.Model):
    """A queue as one person of the desk likes to see it: a name for the filters of an address."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=300)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["person", "name"], name="one_view_of_a_name")]

    def __str__(self) -> str:
        return self.name
