"""`/account/second-factor/`: the code while signing in, and the proof asked for again later on."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import allauth_internals, sessions
from accounts.actions.sign_in import confirm_password
from accounts.allauth_internals import PASSWORD, SECOND_FACTOR
from accounts.forms import ConfirmPasswordForm, FactorCodeForm
from accounts.models import User
from accounts.pages import show, show_form
from accounts.redirects import safe_next
from indexsite import clock
from indexsite.errors import DomainError
from indexsite.http import actor_of, public
from mfa import stages
from mfa.actions import challenge
from mfa.models import has_factor

TOO_LATE = "This sign-in took too long; please start again."


@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
@public("while signing in nobody is signed in; the pending sign-in is the key to this page")
def second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for the proof that this browser owes: as a stage of signing in, or as a step-up."""
    user = actor_of(request).user
    return _stage(request) if user is None else _step_up(request, user)


def _stage(request: HttpRequest) -> HttpResponse:
    stage = allauth_internals.pending_stage(request, stages.KEY)
    if stage is None or not _still_valid(stage):
        allauth_internals.abandon_sign_in(request)
        messages.warning(request, TOO_LATE)
        return redirect("account_login")
    form = FactorCodeForm(request.POST or None)
    if form.is_valid():
        user: User = stage.login.user
        try:
            device = challenge.prove(
                actor=actor_of(request), user=user, code=form.cleaned_data["code"], at=clock.now()
            )
        except DomainError as error:
            form.refuse(error)
        else:
            allauth_internals.record_proof(request, user, SECOND_FACTOR, device=device)
            return allauth_internals.pass_stage(stage)
    return show_form(request, "mfa/second_factor.html", form)


def _still_valid(stage: allauth_internals.LoginStage) -> bool:
    user: User | None = stage.login.user
    began_with = stage.state.get("password", "")
    return user is not None and user.is_active and constant_time_compare(began_with, user.get_session_auth_hash())


def _step_up(request: HttpRequest, user: User) -> HttpResponse:
    if has_factor(user):
        return _step_up_by_code(request, user)
    if user.has_usable_password():
        return _step_up_by_password(request, user)
    # Nothing to prove with is not a proof: such an account first gets a password through a mailed link.
    return show(request, "mfa/step_up_impossible.html", status=403)


def _step_up_by_code(request: HttpRequest, user: User) -> HttpResponse:
    form = FactorCodeForm(request.POST or None)
    if form.is_valid():
        try:
            device = challenge.prove(
                actor=actor_of(request), user=user, code=form.cleaned_data["code"], at=clock.now()
            )
        except DomainError as error:
            form.refuse(error)
        else:
            return _resume(request, user, SECOND_FACTOR, device)
    return show_form(request, "mfa/step_up.html", form)


def _step_up_by_password(request: HttpRequest, user: User) -> HttpResponse:
    form = ConfirmPasswordForm(request.POST or None)
    if form.is_valid():
        try:
            confirm_password(actor=actor_of(request), password=form.cleaned_data["password"], at=clock.now())
        except DomainError as error:
            form.refuse(error)
        else:
            return _resume(request, user, PASSWORD, "")
    return show_form(request, "mfa/step_up.html", form)


def _resume(request: HttpRequest, user: User, method: str, device: str) -> HttpResponse:
    allauth_internals.record_proof(request, user, method, device=device)
    sessions.bind_factor(request)
    sessions.rotate(request)
    return redirect(safe_next(request) or settings.LOGIN_REDIRECT_URL)
