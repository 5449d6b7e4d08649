"""What was deleted, and until when that can be undone.

A deleted row stays, hidden, until its time is over: one `Deletion` is both the mark on every row that went
with it and the handle to bring exactly those back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from releases.models.projects import Project

UNDO_TIME = timedelta(hours=24)


class DeletedKind(models.TextChoices):
    """What a person deleted; a release takes its files along, a project everything."""

    FILE = "file", "File"
    RELEASE = "release", "Release"
    PROJECT = "project", "Project"


class DeletionQuerySet(models.QuerySet["Deletion"]):
    """Query vocabulary of deletions."""

    def extend(self, project: Project, *, until: datetime) -> None:
        """Let what can still be restored in the project be so until then, if it was not for longer."""
        waiting = self.filter(project=project, undone_at=None, purged_at=None)
        waiting.filter(undo_until__lt=until).update(undo_until=until)


class Deletion(models.Model):
    """One act of deleting. `label` is the file name, the version or the project's name.

    Attributes:
        undo_until: the first moment at which it cannot be undone any more.
        undone_at, purged_at: how it ended; neither is set while it can still be undone.
    """

    # Never by cascade: the row of a deleted project stays for ever, to keep its name from others.
    project = models.ForeignKey("releases.Project", on_delete=models.PROTECT, related_name="deletions")
    kind = models.CharField(max_length=16, choices=DeletedKind)
    label = models.CharField(max_length=255)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    undo_until = models.DateTimeField(db_index=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    purged_at = models.DateTimeField(null=True, blank=True)

    objects = DeletionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.label}, deleted {self.at:%Y-%m-%d %H:%M}"

    def can_be_undone(self, at: datetime) -> bool:
        return self.undone_at is None and self.purged_at is None and at < self.undo_until


class UndeletedManager[Row: models.Model](models.Manager[Row]):
    """Hides deleted rows, also from related managers: whoever wants to see them asks `with_deleted`."""

    def get_queryset(self) -> models.QuerySet[Row]:
        return super().get_queryset().filter(deletion=None)
