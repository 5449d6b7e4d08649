"""The desk's queue: its tabs, its filters and the names for them, and the case that has waited longest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.pages import show_form
from indexsite import clock
from indexsite.admin_site import console_page
from indexsite.errors import Conflict, InvalidInput
from indexsite.http import actor_of
from indexsite.policies import Action, may
from recovery import presentation, queries_console
from recovery.actions import desk, saving
from recovery.forms_console import FilterForm, ViewForm
from recovery.models import RecoveryCase, SavedView
from recovery.presentation import Chip
from recovery.queries_console import Filters

PER_PAGE = 25


@dataclass(frozen=True)
class Row:
    """One line of the queue, in words."""

    case: RecoveryCase
    who: str
    chips: list[Chip]
    holder: str


@console_page(Action.CASE_VIEW)
def queue(request: HttpRequest) -> HttpResponse:
    """The cases of one tab, the oldest first; sent as a form it keeps the filters under a name."""
    actor, at = actor_of(request), clock.now()
    tab = queries_console.tab_of(request.GET.get("tab", ""))
    narrowed = FilterForm(request.GET)
    may_work = bool(may(actor, Action.CASE_WORK))
    filters = _filters(narrowed, may_work=may_work)
    form = ViewForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            kept = saving.save_view(actor=actor, name=form.cleaned_data["name"], query=_address(request))
        except (InvalidInput, Conflict) as error:
            form.refuse(error)
        else:
            messages.success(request, "This view is kept under its name.")
            return redirect(f"{reverse('desk_queue')}?{kept.query}")
    page = Paginator(queries_console.queue(tab, filters, actor.person, at), PER_PAGE).get_page(
        request.GET.get("page")
    )
    counts = queries_console.tab_counts(actor.person, at)
    return show_form(
        request,
        "recovery/console/queue.html",
        form,
        title="Recovery desk",
        is_queue=True,
        tab=tab,
        tabs=[(each, counts.get(each.code)) for each in queries_console.TABS],
        narrowed=narrowed,
        is_narrowed=filters != Filters(),
        page_obj=page,
        rows=[_row(case, at) for case in queries_console.lines(page)],
        views=SavedView.objects.filter(person=actor.person),
        may_work=may_work,
        here=_address(request),
    )


def _filters(form: FilterForm, *, may_work: bool) -> Filters:
    """What was asked for, as far as it makes sense.

    Whoever only reads sees mailboxes masked, and would find out by asking for one after the other whose it is.
    """
    if form.is_valid() and "@" in form.cleaned_data["q"] and not may_work:
        form.add_error("q", "Mailboxes are looked up by who works on cases. Give a name, or the id of a case.")
    asked: dict[str, Any] = getattr(form, "cleaned_data", {})
    return Filters(
        tier=int(asked["tier"]) if asked.get("tier") else None,
        flag=asked.get("flag", ""),
        is_late=bool(asked.get("late")),
        text=asked.get("q", ""),
    )


def _address(request: HttpRequest) -> str:
    """The tab and the filters as an address keeps them."""
    names = ("tab", "tier", "flag", "late", "q")
    return urlencode([(name, value) for name in names if (value := request.GET.get(name))])


def _row(case: RecoveryCase, at: datetime) -> Row:
    chips = [presentation.state_chip(case), Chip(presentation.tier_name(case.tier), "accent")]
    if case.user is None:
        chips.append(Chip("no such account: answered by itself"))
    else:
        chips.append(presentation.score_chip(case))
    if case.approvals_needed and case.yeses:  # type: ignore[attr-defined]
        chips.append(Chip(f"{case.yeses} of {case.approvals_needed} said yes", "good"))  # type: ignore[attr-defined]
    chips += [chip for chip in (presentation.reply_chip(case, at), presentation.due_chip(case, at)) if chip]
    if case.is_escalated:  # type: ignore[attr-defined]
        chips.append(Chip("handed on to security", "bad"))
    if case.has_rival:  # type: ignore[attr-defined]
        chips.append(Chip("another open case about this account", "bad"))
    lease = getattr(case, "lease", None)
    return Row(
        case=case,
        who=presentation.name_of(case),
        chips=chips + presentation.flag_chips(case),
        holder=lease.person.username if lease is not None and lease.is_live(at) else "",
    )


@console_page(Action.CASE_WORK)
@require_POST
def take_next(request: HttpRequest) -> HttpResponse:
    """The case that has waited longest becomes the asker's."""
    lease = desk.take_next(actor=actor_of(request), at=clock.now())
    if lease is None:
        messages.success(request, "Nothing waits that you could work on.")
        return redirect("desk_queue")
    return redirect("desk_case", lease.case_id)


@console_page(Action.CASE_VIEW)
@require_POST
def drop_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget one of one's own views."""
    saving.drop_view(actor=actor_of(request), pk=pk)
    messages.success(request, "The view is gone.")
    return redirect("desk_queue")
