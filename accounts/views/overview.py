"""The account's start page, its sessions and its history."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from accounts import allauth_internals, queries
from accounts.actions import sessions as session_actions
from accounts.pages import show
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, require


@require_safe
@enforces(Action.ACCOUNT_VIEW)
def home(request: HttpRequest) -> HttpResponse:
    """Who I am here, what needs doing, what happened last."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    _, entries = queries.history(actor.person)
    return show(request, "account/home.html", addresses=queries.addresses(actor.person), entries=entries[:5])


@require_safe
@enforces(Action.ACCOUNT_VIEW)
def history(request: HttpRequest) -> HttpResponse:
    """Everything that happened to this account."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    number = request.GET.get("page", "1")
    page, entries = queries.history(actor.person, page=int(number) if number.isdecimal() else 1)
    return show(request, "account/history.html", page_obj=page, entries=entries)


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.SESSION_END)
def sessions(request: HttpRequest) -> HttpResponse:
    """Where I am signed in; end one session or all others."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    key = request.session.session_key or ""
    rows = queries.sessions(actor.person)
    if request.method != "POST":
        return show(request, "account/sessions.html", sessions=rows, current=key)
    if request.POST.get("act") == "others":
        count = session_actions.end_other_sessions(actor=actor, keep=key)
        messages.success(request, f"Ended {count} other session(s).")
        return redirect("account_sessions")
    pk = request.POST.get("session", "")
    session_actions.end_session(actor=actor, pk=int(pk) if pk.isdecimal() else 0)
    if any(str(row.pk) == pk and row.session_key == key for row in rows):
        allauth_internals.sign_out(request)
        return redirect("account_login")
    messages.success(request, "The session has ended.")
    return redirect("account_sessions")
