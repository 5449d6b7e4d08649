"""What every page of a project says while a change waits that would weaken what protects it."""

from __future__ import annotations

from typing import Any

from django import template

from indexsite import clock
from indexsite.http import actor_of
from indexsite.policies import Action, may, offers
from releases.models import PolicyChange, Project

register = template.Library()


@register.inclusion_tag("releases/policy/banner.html", takes_context=True)
def protection_banner(context: Any, project: Project) -> dict[str, Any]:
    """The change with its time and, for owners, the buttons that stop it or agree to it."""
    request = context["request"]
    change = _waiting(project)
    actor = actor_of(request)
    return {
        "request": request,
        "csrf_token": context.get("csrf_token"),
        "project": project,
        "change": change,
        "may_stop": change is not None and bool(may(actor, Action.POLICY_CHANGE_STOP, project)),
        "may_agree": change is not None
        and change.lacks_second
        and offers(actor, Action.POLICY_CHANGE_AGREE, change),
        "now": clock.now(),
    }


def _waiting(project: Project) -> PolicyChange | None:
    change = project.policy_changes.waiting().select_related("asked_by", "member", "second").first()
    if change is not None:
        change.project = project
    return change
