"""Bringing back what was deleted, as it was, while there is time."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from indexsite import audit
from indexsite.actors import Actor
from indexsite.audit import lifecycle as events
from indexsite.errors import Conflict
from indexsite.policies import Action, require, require_now
from releases.actions.lifecycle.showing import show
from releases.models import DeletedKind, Deletion, File, Project, Release
from releases.notices import lifecycle


@transaction.atomic
def undo_deletion(*, actor: Actor, deletion: Deletion, at: datetime) -> Project:
    """Show again exactly what the deletion hid.

    Raises:
        PermissionRefused: the actor may not, or the project is quarantined.
        Conflict: it was undone before, its time is over, or what holds it is itself deleted.
    """
    require(actor, Action.DELETION_UNDO, Project.with_deleted.get(pk=deletion.project_id))
    project = Project.with_deleted.locked(deletion.project_id)
    require_now(actor, Action.DELETION_UNDO, project)
    # Read again: deletions end under the project's lock only.
    deletion = Deletion.objects.get(pk=deletion.pk)
    if not deletion.can_be_undone(at):
        raise Conflict(f"The deletion of {deletion.label} cannot be undone any more.", code="deletion-final")
    _refuse_inside_deleted(project, deletion)
    File.with_deleted.filter(deletion=deletion).update(deletion=None)
    Release.with_deleted.filter(deletion=deletion).update(deletion=None)
    if deletion.kind == DeletedKind.PROJECT:
        Project.with_deleted.filter(pk=project.pk).update(deletion=None)
        project.deletion = None
    deletion.undone_at, deletion.undone_by = at, actor.person
    deletion.save(update_fields=["undone_at", "undone_by"])
    event = events.DeletionUndone(project=project.normalized_name, kind=deletion.kind, label=deletion.label)
    show(project, audit.record(actor, event))
    lifecycle.undeleted(deletion, project, by=actor, at=at)
    return project


def _refuse_inside_deleted(project: Project, deletion: Deletion) -> None:
    """A file does not come back into a deleted release, nor anything into a deleted project."""
    files = File.with_deleted.filter(deletion=deletion)
    around = Release.with_deleted.filter(files__in=files).exclude(deletion=None).exclude(deletion=deletion).first()
    if deletion.kind != DeletedKind.PROJECT and project.deletion_id is not None:
        outer = f"project {project.name}"
    elif around is not None:
        outer = f"release {around.version}"
    else:
        return
    raise Conflict(
        f"{deletion.label} is part of {outer}, which was deleted later; restore that first.",
        code="deletion-inside",
    )
