"""Letters about webhooks: an address that hears of drafts is a reader whom owners have to know of."""

from __future__ import annotations

from datetime import datetime

from accounts.notices import tell_all
from indexsite import clock
from indexsite.actors import Actor
from releases.models import Project, RoleKind, people_with
from releases.notices.people import primary_addresses


def changed(project: Project, *, host: str, is_added: bool, by: Actor, event_id: int, at: datetime) -> None:
    """Tell all owners that an address is told about drafts, or no longer."""
    context = {
        "project": project.name,
        "normalized_name": project.normalized_name,
        "host": host,
        "is_added": is_added,
        "by": by.label,
        "at": clock.written(at),
    }
    owners = primary_addresses(people_with(project, RoleKind.OWNER))
    tell_all("webhook-changed", to=owners, context=context, by=by.user, event_id=event_id)
