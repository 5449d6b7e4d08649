"""The pages of security keys and passkeys: the list, adding one, and one of them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import allauth_internals, sessions
from accounts.allauth_internals import SECOND_FACTOR
from accounts.forms import KeyForm, KeyNameForm, TypedNameForm
from accounts.pages import show, show_form
from accounts.redirects import safe_next, with_next
from indexsite import clock
from indexsite.errors import Conflict, DomainError
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, may, require
from mfa import ceremonies, challenges, queries
from mfa.actions import authenticator, keys
from mfa.ceremonies import Kind
from mfa.challenges import Purpose
from mfa.models import SecurityKey
from mfa.stepup import step_up_required
from mfa.views.security import after_factor


@require_safe
@enforces(Action.ACCOUNT_VIEW)
def overview(request: HttpRequest) -> HttpResponse:
    """The person's keys."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    return show(request, "mfa/keys.html", keys=queries.keys_of(actor.person))


@sensitive_post_parameters("credential")
@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.FACTOR_ADD)
@step_up_required
def add(request: HttpRequest) -> HttpResponse:
    """Register a key: it is named, then a script asks it."""
    actor = actor_of(request)
    try:
        authenticator.require_prepared(actor)
    except Conflict as error:
        messages.warning(request, error.sentence)
        return redirect(with_next(error.help_path, safe_next(request)))
    form = KeyForm(request.POST or None)
    if form.is_valid():
        try:
            asked = challenges.take(request, Purpose.ADD, user_id=actor.person.pk, at=clock.now())
            key = keys.add(
                actor=actor,
                name=form.cleaned_data["name"],
                challenge=asked,
                answer=ceremonies.parse(form.cleaned_data["credential"]),
                keep_session=request.session.session_key or "",
                at=clock.now(),
            )
        except DomainError as error:
            form.refuse(error)
        else:
            return _after_adding(request, key)
    is_first = not queries.keys_of(actor.person).exists()
    return show_form(request, "mfa/key_add.html", form, is_first=is_first)


@never_cache
@require_POST
@enforces(Action.FACTOR_ADD)
def add_options(request: HttpRequest) -> JsonResponse:
    """What the browser asks a new key for."""
    kind = Kind.PASSKEY if request.POST.get("kind") == Kind.PASSKEY else Kind.KEY
    options, asked = keys.ask(actor=actor_of(request), kind=kind)
    challenges.keep(request, asked, at=clock.now())
    return JsonResponse(options)


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.FACTOR_REMOVE)
@step_up_required
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a key, or remove it by typing its name."""
    key = keys.own_key(actor_of(request).person, pk)
    sent = request.POST.get("act")
    rename = KeyNameForm(request.POST if sent == "rename" else None, initial={"name": key.name})
    remove = TypedNameForm(request.POST if sent == "remove" else None, name=key.name)
    try:
        if rename.is_valid():
            return _rename(request, key, rename.cleaned_data["name"])
        if remove.is_valid():
            return _remove(request, key)
    except DomainError as error:
        (rename if rename.is_bound else remove).refuse(error)
    may_remove = may(actor_of(request), Action.FACTOR_REMOVE, key)
    return show_form(request, "mfa/key.html", rename, beside=remove, key=key, may_remove=may_remove)


def _after_adding(request: HttpRequest, key: SecurityKey) -> HttpResponse:
    # The key has just been there, which is a proof like any other.
    allauth_internals.record_proof(request, actor_of(request).person, SECOND_FACTOR, device=str(key.persistent_id))
    sessions.bind_factor(request)
    sessions.rotate(request)
    messages.success(request, f"Your {key.label} is registered. Other sessions have ended.")
    return after_factor(request)


def _rename(request: HttpRequest, key: SecurityKey, name: str) -> HttpResponse:
    keys.rename(actor=actor_of(request), key=key, name=name)
    messages.success(request, "The key has its new name.")
    return redirect("security_keys")


def _remove(request: HttpRequest, key: SecurityKey) -> HttpResponse:
    keys.remove(actor=actor_of(request), key=key, keep_session=request.session.session_key or "", at=clock.now())
    sessions.rotate(request)
    messages.success(request, f"The {key.label} is removed; your addresses have been told.")
    return redirect("security_keys")
