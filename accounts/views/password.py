"""Changing the password, and getting a new one through a mailed link."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import allauth_internals, sessions
from accounts.actions import passwords
from accounts.allauth_internals import PASSWORD
from accounts.forms import ChangePasswordForm, EmailForm, NewPasswordForm
from accounts.pages import show, show_form
from accounts.redirects import safe_next
from accounts.views import device_pages
from indexsite import clock
from indexsite.errors import DomainError
from indexsite.http import actor_of, enforces, public
from indexsite.policies import Action
from mfa.stepup import step_up_required

RESET_SESSION_KEY = "account_reset_link"


@sensitive_post_parameters("password", "password1")
@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.PASSWORD_CHANGE)
@step_up_required
def change(request: HttpRequest) -> HttpResponse:
    """Replace the password; all other sessions end."""
    actor = actor_of(request)
    form = ChangePasswordForm(request.POST or None, has_password=actor.person.has_usable_password())
    if form.is_valid():
        try:
            user = passwords.change_password(
                actor=actor,
                old=form.cleaned_data.get("password", ""),
                new=form.cleaned_data["password1"],
                keep_session=request.session.session_key or "",
                at=clock.now(),
            )
        except DomainError as error:
            form.refuse(error)
        else:
            sessions.keep_after_password_change(request, user)
            allauth_internals.record_proof(request, user, PASSWORD)
            messages.success(request, "Your password is changed; all other sessions have ended.")
            response = redirect(safe_next(request) or "account_security")
            device_pages.remember(request, response, user)
            return response
    return show_form(request, "account/password.html", form)


@require_http_methods(["GET", "HEAD", "POST"])
@public("whoever forgot the password cannot sign in")
def ask_for_reset(request: HttpRequest) -> HttpResponse:
    """Ask for a link. The answer and the work are the same for every address."""
    form = EmailForm(request.POST or None)
    if form.is_valid():
        email = form.cleaned_data["email"].lower()
        try:
            passwords.ask_for_reset(actor=actor_of(request), email=email, at=clock.now())
        except DomainError as error:
            form.refuse(error)
        else:
            return show(request, "account/password_reset_sent.html", email=email)
    return show_form(request, "account/password_reset.html", form)


@require_safe
@public("the link is the key; it is checked when the form is sent")
def open_reset_link(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Take the token out of the address at once: addresses end up in histories, logs and referrers."""
    request.session[RESET_SESSION_KEY] = [uid, token]
    response = redirect("account_reset_new")
    response["Referrer-Policy"] = "no-referrer"
    return response


@sensitive_post_parameters("password1")
@require_http_methods(["GET", "HEAD", "POST"])
@public("the link is the key")
def set_new(request: HttpRequest) -> HttpResponse:
    """Set the password; signing in with it is the next step, and the person's own."""
    uid, token = request.session.get(RESET_SESSION_KEY) or ["", ""]
    form = NewPasswordForm(request.POST or None)
    if form.is_valid():
        try:
            user = passwords.reset_password(
                actor=actor_of(request), uid=uid, token=token, new=form.cleaned_data["password1"], at=clock.now()
            )
        except DomainError as error:
            form.refuse(error)
        else:
            del request.session[RESET_SESSION_KEY]
            allauth_internals.sign_out(request)  # whoever was signed in here, maybe somebody else
            messages.success(request, f"The password of {user.username} is changed; sign in with it.")
            response = redirect("account_login")
            device_pages.remember(request, response, user)
            return response
    return show_form(request, "account/password_reset_new.html", form, has_link=bool(token))
