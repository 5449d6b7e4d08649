"""The console's pages about the staff: who they are, proposals, and taking a role away."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.actions import staff
from accounts.forms import PageForm, StaffProposalForm, StaffReasonForm
from accounts.models import StaffChange, StaffKind, StaffRole
from accounts.pages import answer, show_form
from indexsite import clock
from indexsite.admin_site import console_page
from indexsite.errors import Conflict, NotFound
from indexsite.http import actor_of
from indexsite.policies import Action, may, require

_READERS = "The person and all staff read it."


@console_page(Action.CONSOLE_ENTER)
def overview(request: HttpRequest) -> HttpResponse:
    """Who has which role, who made them, and what is on its way."""
    roles = StaffRole.objects.select_related("user", "change__proposed_by", "change__confirmed_by")
    changes = StaffChange.objects.open().select_related("user", "proposed_by", "confirmed_by")
    return show_form(
        request,
        "staff/overview.html",
        PageForm(),
        title="Staff",
        roles=roles.order_by("user__username", "kind"),
        changes=changes.order_by("pk"),
        may_propose=bool(may(actor_of(request), Action.STAFF_PROPOSE)),
    )


@console_page(Action.STAFF_PROPOSE)
def propose(request: HttpRequest) -> HttpResponse:
    """Propose somebody."""
    actor = actor_of(request)
    form = StaffProposalForm(request.POST or None)

    def act(data: dict[str, Any]) -> None:
        role = StaffKind(data["role"])
        staff.propose(actor=actor, username=data["username"], role=role, reason=data["reason"], at=clock.now())

    done = "Proposed. Somebody else of the security role has to confirm it."
    return answer(
        request,
        "staff/propose.html",
        form,
        act=act,
        done=done,
        onward=reverse("staff"),
        parent=True,
        title="Propose somebody",
    )


@console_page(Action.STAFF_PROPOSE, asks_itself=True)
def factors(request: HttpRequest, username: str) -> HttpResponse:
    """Propose to remove the factors that a colleague has lost."""
    held = StaffRole.objects.select_related("user").filter(user__username=username).first()
    if held is None:
        raise NotFound(f"{username} is not on the staff.")
    actor = actor_of(request)
    require(actor, Action.STAFF_PROPOSE, held.user)
    return answer(
        request,
        "staff/factors.html",
        StaffReasonForm(request.POST or None, said_to=_READERS),
        act=lambda data: staff.propose_factors(actor=actor, user=held.user, reason=data["reason"], at=clock.now()),
        done="Proposed. Somebody else of the security role has to confirm it.",
        onward=reverse("staff"),
        parent=True,
        title=f"{held.user.username}: new second factors",
        person=held.user,
    )


@console_page(Action.STAFF_STOP)
def proposal(request: HttpRequest, pk: int) -> HttpResponse:
    """One proposal: what it would do, the second yes, and the no."""
    change = StaffChange.objects.select_related("user", "proposed_by", "confirmed_by").filter(pk=pk).first()
    if change is None:
        raise NotFound("There is no such proposal.")
    actor, is_yes = actor_of(request), request.POST.get("act") == "confirm"
    form = StaffReasonForm(None if is_yes else request.POST or None, said_to=_READERS)
    if is_yes:
        try:
            staff.confirm(actor=actor, pk=pk, at=clock.now())
        except Conflict as error:
            messages.error(request, error.sentence)
        else:
            messages.success(request, "Confirmed. It takes effect in 24 hours, unless somebody stops it.")
        return redirect("staff")
    return answer(
        request,
        "staff/proposal.html",
        form,
        act=lambda data: staff.stop(actor=actor, pk=pk, reason=data["reason"], at=clock.now()),
        done="Stopped. Nothing changes.",
        onward=reverse("staff"),
        parent=True,
        title=f"{change.user.username}: {change.get_role_display()}",
        change=change,
        may_confirm=may(actor, Action.STAFF_CONFIRM, change),
    )


@console_page(Action.STAFF_REMOVE, asks_itself=True)
def member(request: HttpRequest, username: str, role: str) -> HttpResponse:
    """Take one role away from somebody, or give up one's own."""
    held = StaffRole.objects.select_related("user").filter(user__username=username, kind=role).first()
    if held is None:
        raise NotFound(f"{username} has no such staff role.")
    actor, kind = actor_of(request), StaffKind(held.kind)
    require(actor, Action.STAFF_REMOVE, held.user)
    return answer(
        request,
        "staff/member.html",
        StaffReasonForm(request.POST or None, said_to=_READERS),
        act=lambda data: staff.remove_role(actor=actor, user=held.user, role=kind, reason=data["reason"]),
        done=f"{held.user.username} no longer has the role {kind.label}.",
        onward=reverse("staff"),
        parent=True,
        title=f"{held.user.username}: {kind.label}",
        held=held,
        is_only_role=held.user.staff_roles.count() == 1,
    )
