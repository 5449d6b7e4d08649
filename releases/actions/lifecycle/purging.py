"""The end of a deletion: the rows go, and the sweep finds bytes that no row names. A project's row stays."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from indexsite import audit
from indexsite.actors import SITE
from indexsite.audit import lifecycle as events
from releases.models import Deletion, File, Project, ProjectStatus, Release


def purge_deleted(*, at: datetime) -> int:
    """Carry out every deletion whose time to undo is over, the oldest first; how many. Safe to repeat.

    What is in quarantine stays: nobody can restore it meanwhile, and staff are looking into it.
    """
    due = Deletion.objects.filter(undone_at=None, purged_at=None, undo_until__lte=at).order_by("undo_until", "pk")
    due = due.exclude(project__status=ProjectStatus.QUARANTINED)
    return sum(_purge(pk, project_id, at) for pk, project_id in list(due.values_list("pk", "project_id")))


@transaction.atomic
def _purge(pk: int, project_id: int, at: datetime) -> bool:
    project = Project.with_deleted.locked(project_id)
    deletion = Deletion.objects.get(pk=pk)
    # Asked again under the lock: it may have been undone, or purged by another worker.
    if deletion.undone_at is not None or deletion.purged_at is not None or deletion.can_be_undone(at):
        return False
    if project.status == ProjectStatus.QUARANTINED:
        return False
    File.with_deleted.filter(deletion=deletion).delete()
    Release.with_deleted.filter(deletion=deletion).delete()
    deletion.purged_at = at
    deletion.save(update_fields=["purged_at"])
    event = events.DeletionFinal(project=project.normalized_name, kind=deletion.kind, label=deletion.label)
    audit.record(SITE, event)
    return True
