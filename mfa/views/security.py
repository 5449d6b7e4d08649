"""The security page, the recovery codes and the authenticator app."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from accounts import allauth_internals, sessions
from accounts.allauth_internals import SECOND_FACTOR
from accounts.forms import AuthenticatorCodeForm, FactorCodeForm
from accounts.models import User
from accounts.pages import show, show_form
from accounts.redirects import safe_next, with_next
from indexsite import clock
from indexsite.errors import Conflict, DomainError
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, may, require
from indexsite.presence import FRESH_WINDOW, repairs_by_code
from mfa import queries, recovery_codes, totp
from mfa.actions import authenticator, codes
from mfa.models import count_factors, has_factor
from mfa.stepup import step_up_required

SECRET_SESSION_KEY = "mfa_new_app"  # noqa: S105 - a name, not a secret
SECRET_LIFETIME = timedelta(minutes=30)


@require_safe
@enforces(Action.ACCOUNT_VIEW)
def overview(request: HttpRequest) -> HttpResponse:
    """What protects the account, and the one thing to do next."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    items = queries.checklist(actor.person)
    todo = next((item for item in items if not item.done and not item.optional), None)
    return show(
        request,
        "mfa/security.html",
        items=items,
        done=sum(item.done for item in items),
        invited=any(item.optional and not item.done for item in items),
        came_by_code=repairs_by_code(actor),
        repair_minutes=int(FRESH_WINDOW.total_seconds()) // 60,
        todo=todo,
        todo_url=with_next(todo.url, safe_next(request)) if todo is not None else "",
        codes=queries.codes_of(actor.person),
        totp=queries.totp_of(actor.person),
        keys=queries.keys_of(actor.person),
    )


@require_safe
@enforces(Action.ACCOUNT_VIEW)
def add(request: HttpRequest) -> HttpResponse:
    """The kinds of factors, the best one for this device first; a script knows which that is."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    user = actor.person
    return show(request, "mfa/add.html", has_app=queries.totp_of(user) is not None, has_any=has_factor(user))


@sensitive_post_parameters("code")
@sensitive_variables("plain")
@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.CODES_GENERATE)
@step_up_required
def recovery(request: HttpRequest) -> HttpResponse:
    """Make recovery codes, show them once, have one typed back."""
    actor = actor_of(request)
    require(actor, Action.CODES_GENERATE)
    form = FactorCodeForm(request.POST if request.POST.get("act") == "prove" else None)
    if request.method == "POST" and request.POST.get("act") == "generate":
        plain = codes.generate_codes(actor=actor, at=clock.now())
        return _codes_page(request, form, plain)
    if form.is_valid():
        try:
            codes.prove_codes(actor=actor, code=form.cleaned_data["code"], at=clock.now())
        except DomainError as error:
            form.refuse(error)
        else:
            return _after_proof(request, actor_of(request).person)
    return _codes_page(request, form, [])


def _codes_page(request: HttpRequest, form: FactorCodeForm, plain: list[str]) -> HttpResponse:
    user = actor_of(request).person
    text = f"Recovery codes for {settings.SITE_URL}, user {user.username}\n\n" + "\n".join(plain) + "\n"
    return show_form(
        request,
        "mfa/recovery_codes.html",
        form,
        plain=plain,
        count=recovery_codes.COUNT,
        # A file without a request: the codes are in this page only, and need no script to be saved.
        download="data:text/plain;charset=utf-8," + quote(text),
        codes=queries.codes_of(user),
    )


def _after_proof(request: HttpRequest, user: User) -> HttpResponse:
    messages.success(request, "Your recovery codes are in order; all of them are still good.")
    way_on = safe_next(request)
    if not has_factor(user):
        return redirect(with_next(reverse("security_add"), way_on))
    return redirect(way_on or "account_security")


@sensitive_post_parameters("code")
@sensitive_variables("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.FACTOR_ADD)
@step_up_required
def authenticator_app(request: HttpRequest) -> HttpResponse:
    """Set up, replace or remove the authenticator app."""
    actor = actor_of(request)
    if request.method == "POST" and request.POST.get("act") == "remove":
        return _remove(request)
    try:
        authenticator.require_prepared(actor)
    except Conflict as error:
        messages.warning(request, error.sentence)
        return redirect(with_next(error.help_path, safe_next(request)))
    secret = _secret(request)
    form = AuthenticatorCodeForm(request.POST or None)
    if form.is_valid():
        try:
            device = authenticator.enrol(
                actor=actor,
                secret=secret,
                code=form.cleaned_data["code"],
                keep_session=request.session.session_key or "",
                at=clock.now(),
            )
        except DomainError as error:
            form.refuse(error)
        else:
            return _after_enrolment(request, device.persistent_id)
    return _app_page(request, form, secret)


def _secret(request: HttpRequest) -> str:
    """The secret that the page shows: the same after a reload, another one once it has been lying there."""
    kept = request.session.get(SECRET_SESSION_KEY)
    if kept is None or not 0 <= clock.now().timestamp() - kept["at"] <= SECRET_LIFETIME.total_seconds():
        # Whoever was in this session before may have seen the earlier one, and would read along.
        kept = {"secret": totp.new_secret(), "at": clock.now().timestamp()}
        request.session[SECRET_SESSION_KEY] = kept
    return str(kept["secret"])


def _app_page(request: HttpRequest, form: AuthenticatorCodeForm, secret: str) -> HttpResponse:
    user = actor_of(request).person
    address = totp.uri(secret, user.username)
    return show_form(
        request,
        "mfa/totp.html",
        form,
        device=queries.totp_of(user),
        qr=mark_safe(totp.qr_svg(address)),  # noqa: S308 - drawn by us from our own address
        secret=totp.grouped(secret),
        uri=address,
        may_remove=may(actor_of(request), Action.FACTOR_REMOVE),
        is_only=count_factors(user) == 1,
    )


def _after_enrolment(request: HttpRequest, device_id: str) -> HttpResponse:
    del request.session[SECRET_SESSION_KEY]
    allauth_internals.record_proof(request, actor_of(request).person, SECOND_FACTOR, device=device_id)
    sessions.bind_factor(request)
    sessions.rotate(request)
    messages.success(request, "Your authenticator app is set up. Other sessions have ended.")
    return after_factor(request)


def after_factor(request: HttpRequest) -> HttpResponse:
    """On to what was interrupted; after the first factor by way of the invitation to add a second."""
    way_on = safe_next(request)
    if way_on and count_factors(actor_of(request).person) > 1:
        return redirect(way_on)
    return redirect(with_next(reverse("account_security"), way_on))


def _remove(request: HttpRequest) -> HttpResponse:
    authenticator.remove(actor=actor_of(request), keep_session=request.session.session_key or "", at=clock.now())
    sessions.rotate(request)
    messages.success(request, "The authenticator app is removed; your addresses have been told.")
    return redirect("account_security")
