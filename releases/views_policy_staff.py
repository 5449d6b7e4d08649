"""The console's pages about weaker protection that one owner alone has asked for: staff may be the second yes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.forms import PageForm, StaffReasonForm
from accounts.pages import answer, show_form
from indexsite import clock
from indexsite.admin_site import console_page
from indexsite.errors import NotFound
from indexsite.http import actor_of
from indexsite.policies import Action, may
from releases.actions import policy_changes as acts
from releases.models import PolicyChange


@console_page(Action.POLICY_CHANGE_AGREE_AS_STAFF)
def policy_changes(request: HttpRequest) -> HttpResponse:
    """What waits for staff, the longest waiting first."""
    waiting = PolicyChange.objects.waiting().lacking_second().select_related("project", "asked_by", "member")
    return show_form(
        request,
        "moderation/policy_changes.html",
        PageForm(),
        parent=True,
        title="Weaker protection",
        changes=waiting.order_by("pk"),
    )


@console_page(Action.POLICY_CHANGE_AGREE_AS_STAFF)
def policy_change(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them, and the yes."""
    found = PolicyChange.objects.select_related("project", "asked_by", "member").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such change.")
    actor = actor_of(request)

    def act(data: dict[str, Any]) -> None:
        acts.agree_as_staff(actor=actor, pk=pk, reason=data["reason"], at=clock.now())

    return answer(
        request,
        "moderation/policy_change.html",
        StaffReasonForm(request.POST or None, said_to="Everybody with a role on the project reads it."),
        act=act,
        done="Agreed; everybody with a role on the project is told.",
        onward=reverse("moderate_policy_changes"),
        parent=True,
        title=f"Protection of {found.project.name}",
        change=found,
        may_agree=may(actor, Action.POLICY_CHANGE_AGREE_AS_STAFF, found),
    )
