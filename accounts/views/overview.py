"""The account's start page, its sessions and its history."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.views.decorators.http import require_http_methods, require_safe

from accounts import allauth_internals, queries, session_limits
from accounts.actions import devices
from accounts.actions import sessions as session_actions
from accounts.pages import show
from indexsite import clock, history_pages
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, require
from mfa.stepup import step_up_required
from releases import queries_people


@require_safe
@enforces(Action.ACCOUNT_VIEW)
def home(request: HttpRequest) -> HttpResponse:
    """Who I am here, what needs doing, what happened last."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    latest = queries.history(actor.person)[:5]
    return show(
        request,
        "account/home.html",
        addresses=queries.addresses(actor.person),
        entries=[queries.history_entry(row, actor.person) for row in latest],
        invitations=queries_people.invitations_for(actor.person, at=clock.now()),
        organization_invitations=queries.organization_invitations_for(actor.person, clock.now()),
    )


@require_safe
@enforces(Action.ACCOUNT_VIEW)
def history(request: HttpRequest) -> HttpResponseBase:
    """Everything that happened to this account."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    return history_pages.respond(
        request,
        "account/history.html",
        queries.history(actor.person),
        to_entry=lambda row: queries.history_entry(row, actor.person),
        filename="account-history",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.SESSION_END)
def sessions(request: HttpRequest) -> HttpResponse:
    """Where I am signed in, and which browsers are known; end sessions, forget browsers."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    if request.method == "POST":
        return _end(request)
    return show(
        request,
        "account/sessions.html",
        sessions=queries.sessions(actor.person),
        current=request.session.session_key or "",
        known=queries.known_devices(actor.person, clock.now()),
        limit=session_limits.limit_of(actor.person),
    )


@enforces(Action.SESSION_END)
@step_up_required
def _end(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    key = request.session.session_key or ""
    match request.POST.get("act"):
        case "others":
            count = session_actions.end_other_sessions(actor=actor, keep=key)
            messages.success(request, f"Ended {count} other session{pluralize(count)}.")
            return redirect("account_sessions")
        case "forget":
            device = request.POST.get("browser", "")
            devices.forget(actor=actor, pk=int(device) if device.isdecimal() else 0)
            messages.success(request, "The browser is forgotten; its session, if it has one, goes on.")
            return redirect("account_sessions")
        case "forget-all":
            devices.forget_all(actor=actor)
            messages.success(request, "No browser is known any more, this one included.")
            return redirect("account_sessions")
    pk = request.POST.get("session", "")
    rows = queries.sessions(actor.person)
    session_actions.end_session(actor=actor, pk=int(pk) if pk.isdecimal() else 0)
    if any(str(row.pk) == pk and row.session_key == key for row in rows):
        allauth_internals.sign_out(request)
        return redirect("account_login")
    messages.success(request, "The session has ended.")
    return redirect("account_sessions")
