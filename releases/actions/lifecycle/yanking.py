"""Yanking and its undoing (PEP 592): installers pass over what is yanked, unless exactly it is asked for."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from indexsite import audit, reasons
from indexsite.actors import Actor
from indexsite.audit import lifecycle as events
from indexsite.errors import NotFound
from indexsite.policies import Action, require, require_now
from releases.actions.lifecycle.showing import show
from releases.models import File, Project, Release
from releases.notices import lifecycle


@transaction.atomic
def yank_release(*, actor: Actor, release: Release, reason: str, at: datetime) -> bool:
    """Yank all files of the release, those included that come later; whether that changed anything.

    Args:
        reason: shown to everybody; may be "". A second yank replaces the reason of the first.

    Raises:
        PermissionRefused: the actor may not, or the project is quarantined.
        InvalidInput: the reason cannot be shown.
        NotFound: the release was deleted meanwhile.
    """
    reason = reasons.clean(reason)
    project, release = _locked_release(actor, release)
    if not release.yank(reason, at):
        return False
    release.save(update_fields=["yanked_at", "yanked_reason"])
    name = project.normalized_name
    event = events.ReleaseYanked(project=name, version=release.version, reason=reason or events.NO_REASON)
    show(project, audit.record(actor, event))
    lifecycle.release_yanked(release, by=actor, reason=reason, at=at)
    return True


@transaction.atomic
def unyank_release(*, actor: Actor, release: Release, at: datetime) -> bool:
    """Take the yank of the release back; as `yank_release`. Files yanked by themselves stay so."""
    project, release = _locked_release(actor, release)
    if not release.unyank():
        return False
    release.save(update_fields=["yanked_at", "yanked_reason"])
    event = events.ReleaseUnyanked(project=project.normalized_name, version=release.version)
    show(project, audit.record(actor, event))
    lifecycle.release_unyanked(release, by=actor, at=at)
    return True


@transaction.atomic
def yank_file(*, actor: Actor, file: File, reason: str, at: datetime) -> bool:
    """Yank one file alone; as `yank_release`."""
    reason = reasons.clean(reason)
    project, file = _locked_file(actor, file)
    if not file.yank(reason, at):
        return False
    file.save(update_fields=["yanked_at", "yanked_reason"])
    name = project.normalized_name
    event = events.FileYanked(project=name, filename=file.filename, reason=reason or events.NO_REASON)
    show(project, audit.record(actor, event))
    lifecycle.file_yanked(file, by=actor, reason=reason, at=at)
    return True


@transaction.atomic
def unyank_file(*, actor: Actor, file: File, at: datetime) -> bool:
    """Take the yank of the file back; it stays yanked while its release is. Raises as `yank_release`."""
    project, file = _locked_file(actor, file)
    if not file.unyank():
        return False
    file.save(update_fields=["yanked_at", "yanked_reason"])
    event = events.FileUnyanked(project=project.normalized_name, filename=file.filename)
    show(project, audit.record(actor, event))
    lifecycle.file_unyanked(file, by=actor, at=at)
    return True


def _locked_release(actor: Actor, release: Release) -> tuple[Project, Release]:
    project = _locked_project(actor, release.project_id)
    # Read again, now that nobody else can change it.
    found = project.releases.filter(pk=release.pk).first()
    if found is None:
        raise NotFound(f"Release {release.version} was deleted meanwhile.")
    return project, found


def _locked_file(actor: Actor, file: File) -> tuple[Project, File]:
    project = _locked_project(actor, file.release.project_id)
    found = File.objects.filter(pk=file.pk, release__project=project).select_related("release__project").first()
    if found is None:
        raise NotFound(f"File {file.filename} was deleted meanwhile.")
    return project, found


def _locked_project(actor: Actor, pk: int) -> Project:
    project = Project.with_deleted.get(pk=pk)
    # Before the lock, so that strangers hold up nobody; and under it, because roles and status may have moved.
    require(actor, Action.RELEASE_YANK, project)
    project = Project.with_deleted.locked(pk)
    require_now(actor, Action.RELEASE_YANK, project)
    return project
