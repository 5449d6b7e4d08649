"""Reports that a project is malware, and what became of them. Only the staff and whoever reported know of them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from releases.models.projects import Project

MAX_REPORT = 4000  # characters


class Verdict(models.TextChoices):
    """What a moderator found."""

    MALWARE = "malware", "It is malware"
    HARMLESS = "harmless", "It is not"
    KNOWN = "known", "It was reported before"


class MalwareReportQuerySet(models.QuerySet["MalwareReport"]):
    """Query vocabulary of reports."""

    def open(self) -> MalwareReportQuerySet:
        """The queue: nobody has looked yet."""
        return self.filter(verdict="")


class MalwareReport(models.Model):
    """One report. `text` is what the reporter saw, and may be anything; `version` "" means all of the project."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="malware_reports")
    version = models.CharField(max_length=200, blank=True)
    text = models.CharField(max_length=MAX_REPORT)
    reporter = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reported_at = models.DateTimeField()
    verdict = models.CharField(max_length=16, choices=Verdict, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    judged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    judged_at = models.DateTimeField(null=True, blank=True)

    objects = MalwareReportQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "reporter"], condition=Q(verdict=""), name="one_open_report_of_a_person"
            ),
            models.CheckConstraint(
                condition=Q(verdict="") | Q(judged_by__isnull=False, judged_at__isnull=False),
                name="malware_verdict_is_somebodys",
            ),
            models.CheckConstraint(
                condition=Q(judged_by__isnull=True) | ~Q(judged_by=F("reporter")),
                name="nobody_judges_their_own_report",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project} reported by {self.reporter}"
