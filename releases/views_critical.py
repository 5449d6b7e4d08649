"""The console's pages about the critical list: what is on it, the queue of proposals, and the two yeses."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.forms import PageForm, StaffReasonForm
from accounts.pages import answer, show_form
from indexsite import clock
from indexsite.admin_site import console_page
from indexsite.errors import Conflict, NotFound
from indexsite.http import actor_of
from indexsite.policies import Action, may
from releases.actions import critical
from releases.forms_critical import ListProposalForm
from releases.models import (
    Designation,
    ListChange,
    ListProposal,
    ListProposalState,
    ListSource,
    designation_of,
    find_project,
)

PAGE_LENGTH = 100


@console_page(Action.CRITICAL_VIEW)
def overview(request: HttpRequest) -> HttpResponse:
    """Every name on the list, with the reason, and by whose two yeses."""
    standing = Designation.objects.standing().select_related("began_with__first", "began_with__second")
    page = Paginator(standing.order_by("name"), PAGE_LENGTH).get_page(request.GET.get("page"))
    return show_form(
        request,
        "critical/overview.html",
        PageForm(),
        title="Critical list",
        page_obj=page,
        waiting=ListProposal.objects.open().count(),
        may_propose=bool(may(actor_of(request), Action.CRITICAL_PROPOSE)),
    )


@console_page(Action.CRITICAL_VIEW)
def queue(request: HttpRequest) -> HttpResponse:
    """What would change the list, the longest waiting first; what is over, the latest first."""
    source, is_over = request.GET.get("source", ""), request.GET.get("state") == "over"
    rows = ListProposal.objects.select_related("first", "second", "declined_by")
    over = rows.exclude(state=ListProposalState.OPEN).order_by("-pk")
    rows = over if is_over else rows.open().order_by("pk")
    if source in ListSource.values:
        rows = rows.filter(source=source)
    return show_form(
        request,
        "critical/queue.html",
        PageForm(),
        parent=True,
        title="Proposals",
        page_obj=Paginator(rows, PAGE_LENGTH).get_page(request.GET.get("page")),
        sources=[("", "All"), *ListSource.choices],
        source=source,
        is_over=is_over,
        may_propose=bool(may(actor_of(request), Action.CRITICAL_PROPOSE)),
    )


@console_page(Action.CRITICAL_PROPOSE)
def propose(request: HttpRequest) -> HttpResponse:
    """The first yes."""
    actor = actor_of(request)
    asked = {key: request.GET[key] for key in ("name", "change") if key in request.GET}

    def act(data: dict[str, Any]) -> None:
        change = ListChange(data["change"])
        critical.propose(actor=actor, name=data["name"], change=change, reason=data["reason"], at=clock.now())

    return answer(
        request,
        "critical/propose.html",
        ListProposalForm(request.POST or None, initial={"change": ListChange.JOIN, **asked}),
        act=act,
        done="Proposed. Another curator has to agree.",
        onward=reverse("critical_queue"),
        parent=True,
        title="Propose a change",
    )


@console_page(Action.CRITICAL_VIEW)
def proposal(request: HttpRequest, pk: int) -> HttpResponse:
    """One proposal: what it would do, the yes, and the no."""
    found = ListProposal.objects.select_related("first", "second", "declined_by").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such proposal.")
    actor, is_yes = actor_of(request), request.POST.get("act") == "agree"
    form = StaffReasonForm(None if is_yes else request.POST or None, said_to="Staff read it.")
    if is_yes:
        try:
            done = critical.agree(actor=actor, pk=pk, at=clock.now())
        except Conflict as error:
            messages.error(request, error.sentence)
        else:
            is_done = done.state == ListProposalState.DONE
            messages.success(request, "The list is changed." if is_done else "Agreed. A second curator has to.")
        return redirect("critical_queue")
    return answer(
        request,
        "critical/proposal.html",
        form,
        act=lambda data: critical.decline(actor=actor, pk=pk, reason=data["reason"], at=clock.now()),
        done="Declined. Nothing changes.",
        onward=reverse("critical_queue"),
        parent=True,
        title=f"{found.name}: {ListChange(found.change).label.lower()}",
        proposal=found,
        project=find_project(found.name),
        designation=designation_of(found.name),
        may_agree=may(actor, Action.CRITICAL_AGREE, found),
        may_decline=bool(may(actor, Action.CRITICAL_PROPOSE)),
    )
