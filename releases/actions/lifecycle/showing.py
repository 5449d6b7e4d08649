"""After an act that changes what a project's pages say: its new serial, and the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from releases.actions import pages
from releases.models import Project

if TYPE_CHECKING:
    from indexsite.models import AuditEvent


def show(project: Project, event: AuditEvent) -> None:
    """Give the project the event's number as its serial and render its pages; the caller holds its lock.

    A project that never had a file has no public face, and gets none by an act on it.
    """
    if not project.was_published:
        return
    project.last_serial = event.pk
    Project.with_deleted.filter(pk=project.pk).update(last_serial=event.pk)
    pages.refresh_project(project)
