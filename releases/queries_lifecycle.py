"""What was deleted lately and can be restored; what a deletion would mean for those who install."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from accounts.models import User
from releases.models import DeletedKind, Deletion, File, Project, Release, RoleKind, holds_role
from releases.queries import latest_of

if TYPE_CHECKING:
    from django.db.models import QuerySet


def deleted_projects(user: User, *, at: datetime) -> list[Deletion]:
    """Projects that the person owns and can restore, the latest deletion first."""
    owned = Project.with_deleted.of(user, RoleKind.OWNER).exclude(deletion=None)
    return list(_open(at).filter(kind=DeletedKind.PROJECT, project__in=owned.order_by().values("pk")))


def deleted_parts(project: Project, *, seen_by: User, at: datetime) -> list[Deletion]:
    """Releases and files of the project that can be restored, for its owners to see."""
    if not holds_role(seen_by, project, [RoleKind.OWNER]):
        return []
    return list(_open(at).exclude(kind=DeletedKind.PROJECT).filter(project=project))


def deletion_for(user: User, pk: int) -> Deletion | None:
    """The deletion, if the person has a role on its project; ended ones too."""
    mine = Project.with_deleted.of(user).order_by().values("pk")
    return Deletion.objects.filter(pk=pk, project__in=mine).select_related("project", "by").first()


def _open(at: datetime) -> QuerySet[Deletion]:
    return Deletion.objects.filter(undone_at=None, purged_at=None, undo_until__gt=at).select_related(
        "project", "by"
    )


@dataclass(frozen=True)
class Loss:
    """What goes, in numbers, and what a plain install gets afterwards (None: nothing any more)."""

    releases: int
    files: int
    next_version: str | None


def loss_of_release(release: Release) -> Loss:
    """A plain install gets the latest of the others."""
    others = [each for each in _installable(release.project) if each.pk != release.pk]
    following = latest_of(others)
    return Loss(1, release.files.count(), following.version if following is not None else None)


def loss_of_file(file: File) -> Loss:
    """A release without its last file is one that nobody sees."""
    others = File.objects.filter(release=file.release_id).exclude(pk=file.pk)
    return Loss(0, 1, file.release.version if others.exists() else None)


def loss_of_project(project: Project) -> Loss:
    """Nothing is left to install."""
    return Loss(project.releases.count(), File.objects.filter(release__project=project).count(), None)


def _installable(project: Project) -> list[Release]:
    with_files = File.objects.filter(release__project=project).values("release")
    return list(project.releases.filter(pk__in=with_files).defer("description", "description_html", "metadata"))
