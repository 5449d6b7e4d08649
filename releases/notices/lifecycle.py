"""Letters to owners and maintainers about what becomes of what they published."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accounts.notices import tell_all
from indexsite import clock
from indexsite.actors import SITE, Actor
from releases.models import DeletedKind, Deletion, File, Project, Release
from releases.notices.publishing import uploaders


def release_yanked(release: Release, *, by: Actor, reason: str, at: datetime) -> None:
    _tell("yanked", release.project, by, at, what=f"{release.project.name} {release.version}", reason=reason)


def release_unyanked(release: Release, *, by: Actor, at: datetime) -> None:
    _tell("unyanked", release.project, by, at, what=f"{release.project.name} {release.version}")


def file_yanked(file: File, *, by: Actor, reason: str, at: datetime) -> None:
    _tell("yanked", file.release.project, by, at, what=file.filename, reason=reason)


def file_unyanked(file: File, *, by: Actor, at: datetime) -> None:
    _tell("unyanked", file.release.project, by, at, what=file.filename)


def deleted(deletion: Deletion, project: Project, *, by: Actor) -> None:
    _tell(
        "deleted",
        project,
        by,
        deletion.at,
        what=_named(deletion, project),
        undo_until=clock.written(deletion.undo_until),
        is_project=deletion.kind == DeletedKind.PROJECT,
    )


def undeleted(deletion: Deletion, project: Project, *, by: Actor, at: datetime) -> None:
    _tell("undeleted", project, by, at, what=_named(deletion, project))


def status_changed(project: Project, *, by: Actor, reason: str, at: datetime) -> None:
    _tell("status-changed", project, by, at, status=project.status, reason=reason)


def quarantined(project: Project, *, reason: str, at: datetime) -> None:
    """Of staff it is not said who."""
    _tell("quarantined", project, SITE, at, reason=reason)


def quarantine_ended(project: Project, *, reason: str, at: datetime) -> None:
    _tell("quarantine-ended", project, SITE, at, reason=reason, status=project.status)


def _named(deletion: Deletion, project: Project) -> str:
    return f"{project.name} {deletion.label}" if deletion.kind == DeletedKind.RELEASE else deletion.label


def _tell(name: str, project: Project, by: Actor, at: datetime, **facts: Any) -> None:
    """One letter each; from where the act was done is for the history page, not for everybody's mailbox."""
    context = {
        "project": project.name,
        "normalized_name": project.normalized_name,
        "by": by.label,
        "at": clock.written(at),
        **facts,
    }
    tell_all(name, to=uploaders(project, name), context=context, by=by.user)
