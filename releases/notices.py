"""Letters about projects, queued inside the transaction of the act they tell of."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress

from accounts import programs
from indexsite import mail
from indexsite.actors import Actor
from releases.models import Project, Release, RoleKind


def project_created(project: Project, release: Release, *, by: Actor) -> None:
    """Tell the new owner that a project and its first release have appeared in their name."""
    mail.queue("project-created", to=_members(project), context=_facts(release, by, release.created_at))


def release_published(release: Release, *, by: Actor, at: datetime) -> None:
    """Tell everyone who can publish here of a new release: once per release, not per file."""
    mail.queue("release-published", to=_members(release.project), context=_facts(release, by, at))


def _members(project: Project) -> list[str]:
    """Primary verified addresses of owners and maintainers, whoever of them published."""
    addresses = EmailAddress.objects.filter(
        verified=True,
        primary=True,
        user__is_active=True,
        user__roles__project=project,
        user__roles__kind__in=[RoleKind.OWNER, RoleKind.MAINTAINER],
    )
    return sorted(set(addresses.values_list("email", flat=True)))


def _facts(release: Release, by: Actor, at: datetime) -> dict[str, str]:
    return {
        "project": release.project.name,
        "normalized_name": release.project.normalized_name,
        "version": release.version,
        "by": by.label,
        "credential": by.credential.label,
        "address": by.address,
        "client": programs.recognised(by.client),
        "at": f"{at:%Y-%m-%d %H:%M} UTC",
    }
