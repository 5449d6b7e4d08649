"""Each act on a case is a page: what it does, in words, the reason, one action (`recovery.case_acts`)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.forms import PageForm
from accounts.pages import show_form
from indexsite import clock
from indexsite.admin_site import console_page
from indexsite.errors import Conflict, InvalidInput, NotFound
from indexsite.http import actor_of
from recovery import presentation, queries_console, replies
from recovery.case_acts import APPROVE, ASK, MERGE, MESSAGE, CaseAct
from recovery.models import CaseState, RecoveryCase


def page_of(act: CaseAct) -> Callable[..., HttpResponse]:
    """The view of one act."""

    @console_page(act.action)
    def page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        return _page(request, act, pk)

    view: Callable[..., HttpResponse] = page
    return view


def _page(request: HttpRequest, act: CaseAct, pk: uuid.UUID) -> HttpResponse:
    at = clock.now()
    case = queries_console.case(pk, at)
    if case is None:
        raise NotFound("There is no such case.")
    if act is APPROVE and request.method != "POST":
        # A yes is to the evidence that somebody has before them: it is given where that is shown.
        return redirect(reverse("desk_case", args=[pk]) + "#approve")
    form = form_of(act, case, request)
    if form.is_valid():
        try:
            said = act.call(actor_of(request), pk, form.cleaned_data, at)
        except (InvalidInput, Conflict) as error:
            form.refuse(error)
        else:
            messages.success(request, said or act.done)
            return redirect("desk_queue") if act.leaves else redirect("desk_case", pk)
    return show_form(
        request,
        "recovery/console/act.html",
        form,
        title=act.title,
        act=act,
        case=case,
        name=presentation.name_of(case),
        chips=presentation.chips_of(case, at),
        cancel=reverse("desk_case", args=[pk]),
    )


def form_of(act: CaseAct, case: RecoveryCase, request: HttpRequest) -> PageForm:
    """Its form, as it was sent or as it begins; without fields it counts as sent by its button."""
    sent = request.POST if request.method == "POST" else None
    given: dict[str, Any] = {"said_to": act.said_to}
    if act is APPROVE:
        given["initial"] = {"digest": case.evidence_digest}
    elif act in (ASK, MESSAGE):
        reply = replies.of_code(request.GET.get("reply", ""))
        given["initial"] = {"text": reply.filled(case) if reply is not None else ""}
    elif act is MERGE:
        others = [each.case for each in queries_console.related(case) if each.is_mergeable]
        given["others"] = [(str(each.pk), _choice(each)) for each in others]
    return act.form(sent, **given)


def _choice(case: RecoveryCase) -> str:
    state = CaseState(case.state).label.lower()
    return f"{str(case.pk)[:8]}, asked for {clock.written(case.submitted_at)}, {state}"
