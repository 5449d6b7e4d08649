"""The owner's pages: stopping a recovery by a letter's link or in a session, wanting none, speaking for somebody.

Reading changes nothing: scanners of mail open links, and browsers fetch them ahead.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from accounts.pages import show, show_form
from indexsite import clock
from indexsite.errors import Conflict, DomainError
from indexsite.http import actor_of, enforces, public, status_of
from indexsite.policies import Action, may, require
from mfa.stepup import step_up_required
from recovery import evidence_now, queries_owner
from recovery.actions import owner
from recovery.actions.evidence import reaching
from recovery.forms_owner import VouchForm

type _Act = Callable[[HttpRequest], HttpResponse]

_STOPPED = "Stopped. The recovery does not go on."
_DISPUTED = "Reported. The recovery does not go on, settings are frozen, and people of this site look into it."


def _fresh(action: Action) -> Callable[[_Act], _Act]:
    """One act of a page that may be read without it: only with the proof that the row of `action` asks for."""

    def decorate(act: _Act) -> _Act:
        guarded = step_up_required(act)
        enforces(action)(guarded)
        return guarded

    return decorate


@require_http_methods(["GET", "HEAD", "POST"])
@public("the link is the key; it stops a recovery and opens nothing")
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """What a letter's link is about, and what can still be stopped: one button each, without signing in."""
    actor = actor_of(request)
    seen = owner.look(token=token, at=clock.now())
    is_signed_in = actor.user is not None and actor.user == seen.case.user
    refused: DomainError | None = None
    if request.method == "POST":
        try:
            _stop(request, token, seen, in_session=is_signed_in)
        except Conflict as error:
            refused, seen = error, owner.look(token=token, at=clock.now())
        else:
            return redirect("recovery_owner_link", token=token)
    return show(
        request,
        "recovery/owner_link.html",
        status=200 if refused is None else status_of(refused),
        seen=seen,
        case=seen.case,
        is_signed_in=is_signed_in,
        refused=refused,
    )


def _stop(request: HttpRequest, token: str, seen: owner.Seen, *, in_session: bool) -> None:
    """A session says more than a mailbox: where there is one, what it stops stays stopped."""
    actor, at = actor_of(request), clock.now()
    if request.POST.get("act") == "dispute":
        if in_session:
            owner.dispute_by_session(actor=actor, pk=seen.case.pk, at=at)
        else:
            owner.dispute_by_link(actor=actor, token=token, at=at)
    elif in_session:
        owner.cancel_by_session(actor=actor, pk=seen.case.pk, at=at)
    else:
        owner.cancel_by_link(actor=actor, token=token, at=at)


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.RECOVERY_STOP)
def own(request: HttpRequest) -> HttpResponse:
    """Who asks for this account now, stopping it, and wanting no requests for a while."""
    actor = actor_of(request)
    require(actor, Action.RECOVERY_STOP)
    match request.POST.get("act"):
        case "pause" | "unpause":
            return _pause(request)
        case "stop" | "dispute":
            return _decide(request)
    at = clock.now()
    return show(
        request,
        "recovery/own.html",
        cases=queries_owner.announced(actor.person),
        stopped=queries_owner.stopped(actor.person, at),
        pause=queries_owner.pause_of(actor.person, at),
        colleagues=evidence_now.asking_for_a_word(actor.person),
        may_pause=may(actor, Action.RECOVERY_PAUSE),
    )


def _decide(request: HttpRequest) -> HttpResponse:
    actor, at = actor_of(request), clock.now()
    pk, is_dispute = _case_id(request.POST.get("case", "")), request.POST["act"] == "dispute"
    try:
        if is_dispute:
            owner.dispute_by_session(actor=actor, pk=pk, at=at)
        else:
            owner.cancel_by_session(actor=actor, pk=pk, at=at)
    except Conflict as error:
        messages.error(request, error.sentence)
    else:
        messages.success(request, _DISPUTED if is_dispute else _STOPPED)
    return redirect("account_recovery")


def _case_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)  # no case is called that


@_fresh(Action.RECOVERY_PAUSE)
def _pause(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    if request.POST.get("act") == "pause":
        row = owner.pause(actor=actor, at=clock.now())
        until = clock.written(row.until)
        messages.success(request, f"Before {until} nobody can ask to recover this account, you included.")
    else:
        owner.unpause(actor=actor)
        messages.success(request, "Recoveries of this account can be asked for again.")
    return redirect("account_recovery")


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.RECOVERY_VOUCH)
def vouch(request: HttpRequest) -> HttpResponse:
    """What it means to speak for somebody, a PIN that does, and taking it back."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    if request.method == "POST" and request.POST.get("act") == "take-back":
        reaching.take_back_pin(actor=actor, username=request.POST.get("username", ""), at=clock.now())
        messages.success(request, "Taken back: the PIN is of no use any more.")
        return redirect("account_vouch")
    if request.method == "POST":
        return _open_pin(request)
    return _vouch_page(request, VouchForm(initial={"username": request.GET.get("for", "")}))


@_fresh(Action.RECOVERY_VOUCH)
@sensitive_variables("pin")
def _open_pin(request: HttpRequest) -> HttpResponse:
    form = VouchForm(request.POST)
    if not form.is_valid():
        return _vouch_page(request, form)
    username = form.cleaned_data["username"]
    try:
        pin = reaching.open_pin(actor=actor_of(request), username=username, at=clock.now())
    except reaching.NobodyToVouchFor as error:
        form.refuse(error)
        return _vouch_page(request, form)
    return show(request, "recovery/pin.html", pin=f"{pin[:5]} {pin[5:]}", whom=username)


def _vouch_page(request: HttpRequest, form: VouchForm) -> HttpResponse:
    person = actor_of(request).person
    return show_form(
        request,
        "recovery/vouch.html",
        form,
        pins=queries_owner.open_pins(person, clock.now()),
        colleagues=evidence_now.asking_for_a_word(person),
    )
