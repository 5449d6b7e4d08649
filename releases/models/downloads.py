"""How often files were downloaded: what web processes hand in, and the sums the worker makes of it."""

from __future__ import annotations

import uuid

from django.db import models

from releases.installers import DownloadKind
from releases.models.projects import Project


class DownloadBatch(models.Model):
    """What one web process counted in a few seconds.

    `counts` is a list of `[project, installer, kind, count]`, the project by its normalised name. The process
    chooses the id, and the row stays a while after it was added to the sums: a batch that is handed in again,
    because the first answer got lost, counts once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    day = models.DateField()
    counts = models.JSONField()
    folded_at = models.DateTimeField(null=True, blank=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.day}: {len(self.counts)} counts"


class DownloadCount(models.Model):
    """Downloads of a project's files on one day (UTC) by one family of programs."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="download_counts")
    day = models.DateField()
    installer = models.CharField(max_length=32)
    kind = models.CharField(
        max_length=16, choices=[(kind.value, kind.value.capitalize()) for kind in DownloadKind]
    )
    count = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["day", "installer"]
        constraints = [
            models.UniqueConstraint(fields=["project", "day", "installer", "kind"], name="one_count_per_day"),
        ]

    def __str__(self) -> str:
        return f"{self.project} {self.day} {self.installer}: {self.count}"
