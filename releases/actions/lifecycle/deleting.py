"""Deleting a file, a release or a project: hidden at once, gone for good when the time to undo it is over."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from indexsite import audit, clock
from indexsite.actors import Actor
from indexsite.audit import lifecycle as events
from indexsite.errors import NotFound
from indexsite.policies import Action, require, require_now
from releases.actions.lifecycle.showing import show
from releases.models import UNDO_TIME, DeletedKind, Deletion, File, Project, Release
from releases.notices import lifecycle


@transaction.atomic
def delete_file(*, actor: Actor, file: File, at: datetime) -> Deletion:
    """Hide the file; its name is used up for ever.

    Raises:
        PermissionRefused: the actor may not, or the project is quarantined.
        NotFound: it was deleted meanwhile.
    """
    project = _locked(actor, Action.FILE_DELETE, file.release.project_id)
    found = File.objects.filter(pk=file.pk, release__project=project)
    if not found.exists():
        raise NotFound(f"File {file.filename} was deleted before.")
    deletion = _new(actor, project, DeletedKind.FILE, file.filename, at)
    found.update(deletion=deletion)
    return _finish(actor, project, deletion)


@transaction.atomic
def delete_release(*, actor: Actor, release: Release, at: datetime) -> Deletion:
    """Hide the release and all its files; nobody can upload this version before the time to undo it is over.

    Raises: as `delete_file`.
    """
    project = _locked(actor, Action.RELEASE_DELETE, release.project_id)
    found = Release.objects.filter(pk=release.pk, project=project)
    if not found.exists():
        raise NotFound(f"Release {release.version} was deleted before.")
    deletion = _new(actor, project, DeletedKind.RELEASE, release.version, at)
    found.update(deletion=deletion)
    File.objects.filter(release=release.pk).update(deletion=deletion)
    return _finish(actor, project, deletion)


@transaction.atomic
def delete_project(*, actor: Actor, project: Project, at: datetime) -> Deletion:
    """Hide the project and all it has; its name stays locked to everybody but its owners.

    Raises: as `delete_file`.
    """
    project = _locked(actor, Action.PROJECT_DELETE, project.pk)
    deletion = _new(actor, project, DeletedKind.PROJECT, project.name, at)
    File.objects.filter(release__project=project).update(deletion=deletion)
    Release.objects.filter(project=project).update(deletion=deletion)
    Project.objects.filter(pk=project.pk).update(deletion=deletion)
    project.deletion = deletion
    return _finish(actor, project, deletion)


def _locked(actor: Actor, action: Action, pk: int) -> Project:
    # Before the lock, so that strangers hold up nobody; and under it, because roles and status may have moved.
    require(actor, action, Project.with_deleted.get(pk=pk))
    project = Project.with_deleted.locked(pk)
    require_now(actor, action, project)
    if project.deletion_id is not None:
        raise NotFound(f"Project {project.name} was deleted before.")
    return project


def _new(actor: Actor, project: Project, kind: DeletedKind, label: str, at: datetime) -> Deletion:
    return Deletion.objects.create(
        project=project, kind=kind, label=label, at=at, by=actor.person, undo_until=at + UNDO_TIME
    )


def _finish(actor: Actor, project: Project, deletion: Deletion) -> Deletion:
    event = events.Deleted(
        project=project.normalized_name,
        kind=deletion.kind,
        label=deletion.label,
        undo_until=clock.written(deletion.undo_until),
    )
    show(project, audit.record(actor, event))
    lifecycle.deleted(deletion, project, by=actor)
    return deletion
