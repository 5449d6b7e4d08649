"""What an upload must know of rows nobody sees: which names and versions are not free, and for whom they are."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from indexsite import clock
from indexsite.actors import Actor
from indexsite.errors import InvalidInput
from releases.models import Deletion, Project, ProjectStatus, Release, RoleKind, holds_role


def name_unavailable(name: str) -> InvalidInput:
    """One sentence for names that are prohibited, deleted or held without a release: it tells nobody which."""
    return InvalidInput(f"The name '{name}' is not available here; choose another name.", code="name-prohibited")


def check_may_take_up(actor: Actor, project: Project, name: str) -> None:
    """Whether the actor may upload under the name of `project`, which was deleted or never published.

    Raises:
        InvalidInput: never, to whoever has no role on it; for its members, not in quarantine and not before the
            deletion is final, and then for its owners only.
    """
    user, deletion = actor.user, project.deletion
    if user is None or deletion is None or not holds_role(user, project):
        raise name_unavailable(name)
    if project.status == ProjectStatus.QUARANTINED:
        # To begin anew would end the quarantine, which is not for the members to do.
        raise InvalidInput(
            f"Project '{project.name}' is quarantined by the people who run this site; write to them first.",
            code="project-quarantined",
            help_path="/help/#project-status",
        )
    if deletion.purged_at is None:
        raise InvalidInput(
            f"Project '{project.name}' was deleted; its owners can restore it until {_until(deletion)} "
            f"at {settings.SITE_URL}/manage/projects/.",
            code="project-deleted",
        )
    if not holds_role(user, project, [RoleKind.OWNER]):
        raise name_unavailable(name)


def take_up(project: Project, *, name: str, at: datetime) -> None:
    """Begin anew with the row of a project whose deletion is final; the caller holds its lock and has asked.

    Roles are as they were: they are why this person may do it.
    """
    project.name, project.created_at, project.deletion = name, at, None
    project.status = ProjectStatus.ACTIVE
    project.status_reason = project.status_before = project.status_reason_before = ""
    project.save(
        update_fields=[
            "name",
            "created_at",
            "deletion",
            "status",
            "status_reason",
            "status_before",
            "status_reason_before",
        ]
    )


def check_not_deleted(release: Release) -> None:
    """A deleted release can come back for a while: until then, nothing else comes in its place.

    Raises:
        InvalidInput: it was deleted and can still be restored.
    """
    if release.deletion is not None:
        raise InvalidInput(
            f"Release {release.version} of '{release.project.name}' was deleted and can be restored until "
            f"{_until(release.deletion)}; restore it, or raise the version.",
            code="release-deleted",
        )


def _until(deletion: Deletion) -> str:
    return clock.written(deletion.undo_until)
