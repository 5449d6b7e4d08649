"""What every page of a project says while the project is on its way to somebody else."""

from __future__ import annotations

from typing import Any

from django import template

from indexsite import clock
from indexsite.http import actor_of
from indexsite.policies import Action, may
from releases.models import Project, Transfer

register = template.Library()


@register.inclusion_tag("releases/transfers/banner.html", takes_context=True)
def transfer_banner(context: Any, project: Project) -> dict[str, Any]:
    """The open transfer with its time and, for owners, the button that stops it; nothing where there is none."""
    request = context["request"]
    transfer = _open(project)
    return {
        "request": request,
        "csrf_token": context.get("csrf_token"),
        "project": project,
        "transfer": transfer,
        "may_cancel": transfer is not None and bool(may(actor_of(request), Action.TRANSFER_CANCEL, project)),
        "now": clock.now(),
    }


def _open(project: Project) -> Transfer | None:
    found = project.transfers.open().select_related("to_user", "to_organization", "offered_by")
    return found.first()
