"""Letters about what was published."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress

from accounts import programs
from accounts.models import muting
from accounts.notices import tell_all
from indexsite import clock
from indexsite.actors import Actor
from indexsite.prepared import Param, Rows
from releases.models import Project, Release, RoleKind, holders, people_with

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import User


def project_created(project: Project, release: Release, *, by: Actor, event_id: int) -> None:
    """Tell the new owner that a project and its first release have appeared in their name.

    Args:
        event_id: the record of the first file.
    """
    to, context = uploaders(project, "project-created"), _facts(release, by, release.created_at)
    tell_all("project-created", to=to, context=context, by=by.user, event_id=event_id)


def release_published(release: Release, *, by: Actor, event_id: int, at: datetime) -> None:
    """Tell everyone who can publish here of a new release: once per release, not per file.

    Args:
        event_id: the record of its first file.
    """
    to, context = uploaders(release.project, "release-published"), _facts(release, by, at)
    tell_all("release-published", to=to, context=context, by=by.user, event_id=event_id)


def uploaders(project: Project, letter: str) -> list[str]:
    """Primary verified addresses of owners and maintainers who want this letter, whoever of them published."""
    if project.organization_id is None:
        found = _OF_PEOPLE.all(project=project.pk, letter=letter)
    else:
        found = list(_addresses(people_with(project, *_UPLOADERS), letter))
    return sorted({email for (email,) in found})


def _addresses(people: QuerySet[User], letter: str | Param) -> QuerySet[EmailAddress, tuple[str]]:
    found = EmailAddress.objects.filter(verified=True, primary=True, user__in=people.order_by())
    wanted = found.exclude(user__in=muting(letter))
    rows: QuerySet[EmailAddress, tuple[str]] = wanted.values_list("email")
    return rows


_UPLOADERS = (RoleKind.OWNER, RoleKind.MAINTAINER)
_OF_PEOPLE = Rows(lambda: _addresses(holders(Param("project"), None, *_UPLOADERS), Param("letter")))


def _facts(release: Release, by: Actor, at: datetime) -> dict[str, str]:
    return {
        "project": release.project.name,
        "normalized_name": release.project.normalized_name,
        "version": release.version,
        "by": by.label,
        "credential": by.credential.label,
        "address": by.address,
        "client": programs.recognised(by.client),
        "at": clock.written(at),
    }
