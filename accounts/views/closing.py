"""Closing the account: what goes, what stays, and a name to type."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts import allauth_internals
from accounts.forms import CloseAccountForm
from accounts.pages import show_form
from indexsite import clock
from indexsite.errors import Conflict, InvalidInput
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, require
from releases import queries_closing
from releases.actions.closing import close_account


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.ACCOUNT_CLOSE)
def close(request: HttpRequest) -> HttpResponse:
    """Close the account for good."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_CLOSE)
    form = CloseAccountForm(request.POST or None)
    if form.is_valid():
        try:
            close_account(actor=actor, typed=form.cleaned_data["username"], at=clock.now())
        except (InvalidInput, Conflict) as error:
            form.refuse(error)
        else:
            allauth_internals.sign_out(request)
            messages.success(request, "Your account is closed; your addresses have been told.")
            return redirect("home")
    closing = queries_closing.closing_of(actor.person, at=clock.now())
    return show_form(request, "account/close.html", form, closing=closing)
