"""`/recovery/`: asking, the mailed link, and the page of a request. Evidence has pages of its own.

Whatever is typed, the answer is the same; what is at a request is for the browser that made it alone.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.pages import show, show_form
from indexsite import clock
from indexsite.errors import Conflict, DomainError, InvalidInput, LimitReached
from indexsite.http import actor_of, public
from recovery import claimants, queries, standings
from recovery.actions import requests, resuming
from recovery.actions.evidence.receiving import progress_of
from recovery.actions.requests import OpeningLinkInvalid
from recovery.actions.story import CaseMoved, CaseUnknown
from recovery.forms import ReplyForm, StartForm
from recovery.models import OPEN_STATES, CaseReason, CaseState, RecoveryCase


@require_http_methods(["GET", "HEAD", "POST"])
@public("whoever lost the second factor cannot sign in")
def start(request: HttpRequest) -> HttpResponse:
    """Ask to get back in. The answer and the work are the same for every name."""
    form = StartForm(request.POST or None)
    if form.is_valid():
        try:
            submitted = requests.submit(
                actor=actor_of(request),
                username=form.cleaned_data["username"],
                mailbox=form.cleaned_data["email"],
                reason=CaseReason(form.cleaned_data["reason"]),
                device=claimants.device_of(request),
                at=clock.now(),
            )
        except DomainError as error:
            form.refuse(error)
        else:
            response = redirect("recovery_status", pk=submitted.case_id)
            claimants.keep(request, response, submitted)
            return response
    return show_form(request, "recovery/start.html", form, cases=claimants.cases_here(request))


@require_http_methods(["GET", "HEAD", "POST"])
@public("the link is half of the key; the other half is the secret in the browser that asked")
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button. Only the button uses the link: scanners of mail and previews open links, too."""
    if request.method != "POST":
        has_asked = claimants.has_asked(request)
        return show(request, "recovery/open.html", has_asked=has_asked, address=_address(request))
    pk = queries.case_with_link(token)
    if pk is None:
        raise OpeningLinkInvalid
    try:
        requests.open_link(
            actor=actor_of(request),
            pk=pk,
            secret=claimants.secret_of(request, pk),
            token=token,
            at=clock.now(),
        )
    except OpeningLinkInvalid:
        if not _was_opened_here(request, pk):
            raise
    return redirect("recovery_status", pk=pk)


def _was_opened_here(request: HttpRequest, pk: uuid.UUID) -> bool:
    """Pressed twice, or the letter was opened again: that is no failure."""
    try:
        return claimants.case_of(request, pk).opened_at is not None
    except CaseUnknown:
        return False


def _address(request: HttpRequest) -> str:
    return settings.SITE_URL + request.path


@require_http_methods(["GET", "HEAD", "POST"])
@public("the secret in the browser that asked is the key; nobody is signed in")
def status(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Where the request stands, what else would help, what was written; say that this is all, or answer."""
    case = claimants.case_of(request, pk)
    act = request.POST.get("act", "")
    form = ReplyForm(request.POST if act == "reply" else None)
    try:
        if act in _ACTS:
            done = _ACTS[act](request, pk)
        elif form.is_valid():
            done = _reply(request, pk, form)
        else:
            return _status_page(request, case, form)
    except CaseMoved:
        messages.warning(request, standings.MOVED)
        return redirect("recovery_status", pk=pk)
    except (InvalidInput, Conflict, LimitReached) as error:
        if not form.is_bound:  # a button was pressed, and nothing typed
            form = ReplyForm({})
            form.errors.clear()
        form.refuse(error)
        return _status_page(request, case, form)
    messages.success(request, done)
    return redirect("recovery_status", pk=pk)


def _status_page(request: HttpRequest, case: RecoveryCase, form: ReplyForm) -> HttpResponse:
    standing = standings.standing_of(case)
    response = show_form(
        request,
        "recovery/status.html",
        form,
        case=case,
        standing=standing,
        sentences=standing.said(case),
        stages=standings.STAGES.items(),
        moment=standing.moment(case),
        progress=progress_of(case) if standings.takes_evidence(case) else [],
        may_finish=case.state == CaseState.EVIDENCE and case.finished_at is None,
        may_reply=case.state == CaseState.NEEDS_INFO,
        may_withdraw=case.state in OPEN_STATES or case.wants_to_go_on,
        may_reopen=standings.may_ask_to_go_on(case),
        lines=[standings.line_of(event) for event in case.events.filter(is_public=True)],
        now=clock.now(),
    )
    claimants.keep_longer(request, response, case.pk)
    return response


def _finish(request: HttpRequest, pk: uuid.UUID) -> str:
    claim = claimants.claim_of(request, pk)
    requests.finish(actor=claim.actor, pk=pk, secret=claim.secret, at=claim.at)
    return "Received. Your request goes on now."


def _reopen(request: HttpRequest, pk: uuid.UUID) -> str:
    claim = claimants.claim_of(request, pk)
    resuming.reopen(actor=claim.actor, pk=pk, secret=claim.secret, at=claim.at)
    return "Received. Your request is looked at."


def _reply(request: HttpRequest, pk: uuid.UUID, form: ReplyForm) -> str:
    claim = claimants.claim_of(request, pk)
    text = form.cleaned_data["text"]
    requests.reply(actor=claim.actor, pk=pk, secret=claim.secret, text=text, at=claim.at)
    return "Your answer is with us."


_ACTS = {"finish": _finish, "reopen": _reopen}


@require_http_methods(["GET", "HEAD", "POST"])
@public("the secret in the browser that asked is the key; nobody is signed in")
def withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take the request back, after one more look."""
    case = claimants.case_of(request, pk)
    if request.method == "POST":
        claim = claimants.claim_of(request, pk)
        try:
            requests.withdraw(actor=claim.actor, pk=pk, secret=claim.secret, at=claim.at)
        except CaseMoved:
            messages.warning(request, standings.MOVED)
        else:
            messages.success(request, "You have taken your request back.")
        return redirect("recovery_status", pk=pk)
    return show(request, "recovery/withdraw.html", case=case)
