"""What a project is (PEP 792): active, archived or deprecated by its owners, quarantined by the site's staff."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from indexsite import audit, reasons
from indexsite.actors import Actor
from indexsite.audit import lifecycle as events
from indexsite.errors import Conflict
from indexsite.policies import Action, require, require_now
from releases.actions.lifecycle.showing import show
from releases.models import UNDO_TIME, Deletion, Project, ProjectStatus
from releases.notices import lifecycle

_COLUMNS = ["status", "status_reason", "status_before", "status_reason_before"]


@transaction.atomic
def change_status(*, actor: Actor, project: Project, status: ProjectStatus, reason: str, at: datetime) -> bool:
    """Active, archived or deprecated; whether that changed anything.

    Args:
        reason: shown to everybody; may be "". An active project has none.

    Raises:
        PermissionRefused: the actor may not, or the project is quarantined.
        InvalidInput: the reason cannot be shown.
    """
    reason = "" if status == ProjectStatus.ACTIVE else reasons.clean(reason)
    project = _locked(actor, Action.PROJECT_STATUS, project)
    before = project.status
    if not project.set_status(status, reason):
        return False
    project.save(update_fields=_COLUMNS)
    event = events.StatusChanged(
        project=project.normalized_name, before=before, status=status.value, reason=reason or events.NO_REASON
    )
    show(project, audit.record(actor, event))
    lifecycle.status_changed(project, by=actor, reason=reason, at=at)
    return True


@transaction.atomic
def quarantine_project(*, actor: Actor, project: Project, reason: str, at: datetime) -> None:
    """Hide the project from the world and let nobody change it; its people keep their accounts and may look.

    Args:
        reason: everybody reads it.

    Raises:
        PermissionRefused: the actor may not.
        InvalidInput: no reason.
        Conflict: it is in quarantine already.
    """
    reason = reasons.clean(reason, is_needed=True)
    project = _locked(actor, Action.PROJECT_QUARANTINE, project)
    if not project.quarantine(reason):
        raise Conflict(f"Project {project.name} is in quarantine already.", code="project-quarantined-before")
    project.save(update_fields=_COLUMNS)
    event = events.ProjectQuarantined(project=project.normalized_name, reason=reason)
    show(project, audit.record(actor, event))
    lifecycle.quarantined(project, reason=reason, at=at)


@transaction.atomic
def end_quarantine(*, actor: Actor, project: Project, reason: str, at: datetime) -> None:
    """The project is again exactly what it was, and what can be restored in it has a day more at least.

    Raises: as `quarantine_project`.
    """
    reason = reasons.clean(reason, is_needed=True)
    project = _locked(actor, Action.PROJECT_QUARANTINE, project)
    if not project.end_quarantine():
        raise Conflict(f"Project {project.name} is not in quarantine.", code="project-not-quarantined")
    project.save(update_fields=_COLUMNS)
    Deletion.objects.extend(project, until=at + UNDO_TIME)
    event = events.QuarantineEnded(project=project.normalized_name, status=project.status, reason=reason)
    show(project, audit.record(actor, event))
    lifecycle.quarantine_ended(project, reason=reason, at=at)


def _locked(actor: Actor, action: Action, project: Project) -> Project:
    require(actor, action, project)
    # Staff may look into what is deleted and could be restored.
    project = Project.with_deleted.locked(project.pk)
    require_now(actor, action, project)
    return project
