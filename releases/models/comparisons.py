"""What drafts change, as the worker found out once; pages only show it."""

from __future__ import annotations

from django.db import models

from releases.models.drafts import Draft


class DraftReport(models.Model):
    """The comparison of one draft as it was handed in; other files have another digest and another report.

    Attributes:
        digest: the draft digest that it is about.
        previous: version of the release that it was compared with, "" if there was none.
        body: `releases.review.Report` as JSON.
    """

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="reports")
    digest = models.CharField(max_length=64)
    previous = models.CharField(max_length=200, blank=True)
    body = models.JSONField()
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["draft", "digest"], name="one_report_per_digest")]

    def __str__(self) -> str:
        return f"report on {self.draft}"
