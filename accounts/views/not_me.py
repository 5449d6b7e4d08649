"""`/account/not-me/…` and `/account/freeze/`: reporting what was not oneself, and lifting the freeze."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.pages import show
from accounts.queries import history_entry
from indexsite import clock
from indexsite.errors import Conflict, PermissionRefused
from indexsite.http import actor_of, enforces, public, status_of
from indexsite.policies import Action, may, require
from mfa.stepup import step_up_required
from recovery.actions import reports

DONE = "account/not_me_done.html"


@require_http_methods(["GET", "HEAD", "POST"])
@public("the link is the key; it stops and freezes things and opens nothing")
def not_me(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a report will stop; only the button reports, since scanners of mail open links too."""
    actor = actor_of(request)
    found = reports.look(actor=actor, token=token, at=clock.now())
    if request.method == "POST":
        return _report(request, token, found)
    return show(
        request,
        "account/not_me.html",
        found=found,
        entry=history_entry(found.event, found.user) if found.event is not None else None,
        may_prove=actor.user == found.user and not found.is_proved,
    )


def _report(request: HttpRequest, token: str, found: reports.Reported) -> HttpResponse:
    is_own = request.user == found.user
    row = reports.report(
        actor=actor_of(request),
        token=token,
        keep_session=request.session.session_key or "",
        revoke_tokens="revoke_tokens" in request.POST,
        freeze_uploads="freeze_uploads" in request.POST,
        from_history="history" in request.POST,
        at=clock.now(),
    )
    if row.is_proved:
        messages.success(request, "Reported. All other sessions have ended; now set a new password.")
        return redirect("account_password")
    if is_own:
        logout(request)  # the session is gone; this browser should not look as if it were not
    return show(request, DONE, row=row, account=found.user)


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.FREEZE_LIFT)
def freeze(request: HttpRequest) -> HttpResponse:
    """What is frozen since when and why; lift it."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    if request.method == "POST":
        return _lift(request)
    return show(
        request,
        "account/freeze.html",
        is_frozen=reports.is_frozen(actor.person, clock.now()),
        reports=actor.person.security_reports.filter(closed_at=None)[:20],
        denied=may(actor, Action.FREEZE_LIFT),
    )


@enforces(Action.FREEZE_LIFT)
@step_up_required
def _lift(request: HttpRequest) -> HttpResponse:
    try:
        reports.lift(actor=actor_of(request), at=clock.now())
    except (Conflict, PermissionRefused) as error:
        return show(request, "errors/refused.html", status=status_of(error), error=error)
    messages.success(request, "The freeze is lifted; your addresses have been told.")
    return redirect("account_security")
