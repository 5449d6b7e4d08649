"""`/account/confirm-sign-in/`: a sign-in waits for a mailed link; and the page that the link opens."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts import allauth_internals, stages
from accounts.actions import new_places
from accounts.actions.new_places import LinkInvalid, OtherBrowser
from accounts.pages import show
from indexsite import clock
from indexsite.errors import DomainError, LimitReached
from indexsite.http import actor_of, public, status_of

TOO_LATE = "This sign-in took too long, or your password was changed meanwhile; please start again."


@require_http_methods(["GET", "HEAD", "POST"])
@public("while signing in nobody is signed in; the pending sign-in is the key to this page")
def wait(request: HttpRequest) -> HttpResponse:
    """Say that a letter is on its way; send another one, or give up."""
    was_waiting = allauth_internals.is_signing_in(request)
    stage = _stage(request)
    if stage is None:
        if was_waiting:
            allauth_internals.abandon_sign_in(request)
            messages.warning(request, TOO_LATE)
        return redirect("account_login")
    if request.method != "POST":
        return show(request, "account/confirm_sign_in.html", account=stage.login.user)
    if request.POST.get("act") == "abandon":
        allauth_internals.abandon_sign_in(request)
        messages.success(request, "The sign-in was given up.")
        return redirect("account_login")
    try:
        stages.mail_link(request, stage)
    except LimitReached as error:
        return _refused(request, error)
    messages.success(request, "A new link is on its way; the one before is void.")
    return redirect("account_confirm_sign_in")


@require_http_methods(["GET", "HEAD", "POST"])
@public("the link is half of the key; the other half is the sign-in that waits in this browser")
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show what would be confirmed; only the button confirms it, since scanners of mail follow links too."""
    stage = _stage(request)
    attempt = stage.state.get("attempt", "") if stage is not None else ""
    try:
        row = new_places.find(token, at=clock.now())
        if request.method == "POST":
            new_places.confirm(actor=actor_of(request), token=token, attempt=attempt, at=clock.now())
    except (LinkInvalid, OtherBrowser) as error:
        return _refused(request, error)
    if request.method != "POST":
        is_here = new_places.is_attempt(row, attempt)
        return show(request, "account/confirm_sign_in_link.html", row=row, is_here=is_here)
    assert stage is not None  # noqa: S101 - it held the attempt
    allauth_internals.record_proof(request, stage.login.user, stages.CONFIRMED)
    return allauth_internals.pass_stage(stage)


def _stage(request: HttpRequest) -> allauth_internals.LoginStage | None:
    stage: allauth_internals.LoginStage | None = allauth_internals.pending_stage(request, stages.KEY)
    return stage if stage is not None and stages.is_still_valid(request, stage) else None


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    response = show(request, "errors/refused.html", status=status_of(error), error=error)
    if isinstance(error, LimitReached):
        response["Retry-After"] = str(error.retry_after)
    return response
