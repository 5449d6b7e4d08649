"""Coming in and going out: sign-up, verification of the first address, sign-in, sign-out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import allauth_internals, known_devices, usernames
from accounts.actions import emails, sign_in, sign_up
from accounts.actions.emails import MailedCodeVoid
from accounts.allauth_internals import PASSWORD, MailedCode
from accounts.forms import EmailForm, MailedCodeForm, SignInForm, SignUpForm
from accounts.pages import show_form
from accounts.redirects import safe_next
from indexsite import clock
from indexsite.errors import DomainError
from indexsite.http import actor_of, public

TRY_AGAIN = "This took too long or the code was wrong too often; sign in and we mail you a new code."


@sensitive_post_parameters("password1")
@require_http_methods(["GET", "HEAD", "POST"])
@public("whoever has no account yet cannot be signed in")
def signup(request: HttpRequest) -> HttpResponse:
    """Make an account and mail a code to its address."""
    if request.user.is_authenticated:
        return redirect(safe_next(request) or settings.LOGIN_REDIRECT_URL)
    form = SignUpForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            user = sign_up.create_account(
                actor=actor_of(request),
                username=data["username"],
                email=data["email"],
                password=data["password1"],
                at=clock.now(),
            )
        except DomainError as error:
            form.refuse(error)
        else:
            return allauth_internals.begin_sign_in(request, user, method=PASSWORD, next_url=safe_next(request))
    return show_form(request, "account/signup.html", form)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@public("this is the front door")
def login(request: HttpRequest) -> HttpResponse:
    """Check username and password, then go on to the stages."""
    if request.user.is_authenticated:
        return redirect(safe_next(request) or settings.LOGIN_REDIRECT_URL)
    form = SignInForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            user = sign_in.check_credentials(
                actor=actor_of(request),
                username=data["username"],
                password=data["password"],
                shown=known_devices.shown(request, usernames.canonical(data["username"])),
                at=clock.now(),
            )
        except DomainError as error:
            form.refuse(error)
        else:
            return allauth_internals.begin_sign_in(request, user, method=PASSWORD, next_url=safe_next(request))
    return show_form(request, "account/login.html", form)


@require_POST
@public("whoever is not signed in is signed out already")
def logout(request: HttpRequest) -> HttpResponse:
    """End this session."""
    allauth_internals.sign_out(request)
    messages.success(request, "You are signed out.")
    return redirect("/")


@require_http_methods(["GET", "HEAD", "POST"])
@public("nobody is signed in before the address is verified; the pending sign-in is the key to this page")
def verify_email(request: HttpRequest) -> HttpResponse:
    """Wait for the mailed code; mail another one, or mail it elsewhere."""
    stage = allauth_internals.verification_stage(request)
    code = allauth_internals.mailed_code(request) if stage is not None else None
    if stage is None or code is None or code.user is None or code.user != stage.login.user:
        messages.warning(request, TRY_AGAIN)
        return redirect("account_login")
    if request.method == "POST":
        match request.POST.get("act"):
            case "resend":
                return _resend(request, code)
            case "change":
                return _change_address(request, code)
            case _:
                return _enter_code(request, code, stage)
    return _verify_page(request, code)


def _verify_page(
    request: HttpRequest, code: MailedCode, *, form: MailedCodeForm | None = None, change: EmailForm | None = None
) -> HttpResponse:
    return show_form(
        request,
        "account/verify_email.html",
        form or MailedCodeForm(),
        beside=change or EmailForm(),
        email=code.email,
        may_resend=code.may_resend,
        may_change=code.may_change_address,
    )


def _enter_code(request: HttpRequest, code: MailedCode, stage: Any) -> HttpResponse:
    form = MailedCodeForm(request.POST)
    if not form.is_valid():
        return _verify_page(request, code, form=form)
    assert code.user is not None  # noqa: S101 - the caller has made sure
    try:
        emails.enter_code(
            actor=actor_of(request), user=code.user, mailed=code, typed=form.cleaned_data["code"], at=clock.now()
        )
    except MailedCodeVoid:
        messages.warning(request, TRY_AGAIN)
        return redirect("account_login")
    except DomainError as error:
        form.refuse(error)
        return _verify_page(request, code, form=form)
    messages.success(request, "Your address is verified.")
    return allauth_internals.pass_stage(stage)


def _resend(request: HttpRequest, code: MailedCode) -> HttpResponse:
    if not code.may_resend:
        messages.warning(
            request, "We have mailed this code often enough; look into the spam folder, or sign in again."
        )
        return redirect("account_verify_email")
    code.resend()
    messages.success(request, "A new code is on its way; the one before is void.")
    return redirect("account_verify_email")


def _change_address(request: HttpRequest, code: MailedCode) -> HttpResponse:
    form = EmailForm(request.POST)
    if not form.is_valid() or not code.may_change_address:
        return _verify_page(request, code, change=form)
    email = form.cleaned_data["email"].lower()
    assert code.user is not None  # noqa: S101 - the caller has made sure
    try:
        emails.replace_unverified(actor=actor_of(request), user=code.user, email=email)
        code.redirect_to(email)
    except DomainError as error:
        form.refuse(error)
        return _verify_page(request, code, change=form)
    messages.success(request, f"A code is on its way to {email}.")
    return redirect("account_verify_email")
