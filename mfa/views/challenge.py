"""`/account/second-factor/`: the factor while signing in, and the proof asked for again later on.

While signing in a key comes first, then the app, then a recovery code. A step-up takes a key from whoever has one,
else the app, else the password; a recovery code leads to the page that repairs factors.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import allauth_internals, known_devices, sessions
from accounts.actions.sign_in import confirm_password
from accounts.allauth_internals import PASSWORD, SECOND_FACTOR
from accounts.forms import ConfirmPasswordForm, FactorCodeForm, KeyAnswerForm
from accounts.models import User
from accounts.pages import show, show_form
from accounts.redirects import safe_next, with_next
from indexsite import clock, pending_forms
from indexsite.errors import DomainError, NotAuthenticated
from indexsite.http import actor_of, enforces, public
from indexsite.policies import Action, require
from mfa import ceremonies, challenges, queries, stages
from mfa.actions import challenge, key_proof
from mfa.actions.challenge import Proved
from mfa.challenges import Purpose
from mfa.models import has_factor, is_recovery_code
from mfa.stepup import ANY_FACTOR

TOO_LATE = "This sign-in took too long; please start again."


@sensitive_post_parameters("password", "code", "credential")
@require_http_methods(["GET", "HEAD", "POST"])
@public("while signing in nobody is signed in; the pending sign-in is the key to this page")
def second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for the proof that this browser owes: as a stage of signing in, or as a step-up."""
    user = actor_of(request).user
    return _stage(request) if user is None else _step_up(request, user)


@never_cache
@require_POST
@public("as the page it belongs to")
def second_factor_options(request: HttpRequest) -> JsonResponse:
    """What the browser asks a key for, on that page."""
    actor = actor_of(request)
    user, purpose = actor.user, Purpose.STEP_UP
    if user is None:
        user, purpose = _pending_user(request), Purpose.SECOND_FACTOR
    if user is None:
        raise NotAuthenticated(TOO_LATE)
    options, asked = key_proof.ask(actor=actor, user=user, purpose=purpose, at=clock.now())
    challenges.keep(request, asked, at=clock.now())
    return JsonResponse(options)


def _pending_user(request: HttpRequest) -> User | None:
    stage = allauth_internals.pending_stage(request, stages.KEY)
    return stage.login.user if stage is not None and _still_valid(stage) else None


def _stage(request: HttpRequest) -> HttpResponse:
    stage = allauth_internals.pending_stage(request, stages.KEY)
    if stage is None or not _still_valid(stage):
        allauth_internals.abandon_sign_in(request)
        messages.warning(request, TOO_LATE)
        return redirect("account_login")
    user: User = stage.login.user
    proof = _factor_proof(request, user, Purpose.SECOND_FACTOR)
    if isinstance(proof, HttpResponse):
        return proof
    if proof.to_spend is not None:
        stage.login.state[stages.CODE_TO_SPEND] = proof.to_spend
    allauth_internals.record_proof(request, user, SECOND_FACTOR, device=proof.device)
    return allauth_internals.pass_stage(stage)


def _still_valid(stage: allauth_internals.LoginStage) -> bool:
    user: User | None = stage.login.user
    began_with = stage.state.get("password", "")
    return user is not None and user.is_active and constant_time_compare(began_with, user.get_session_auth_hash())


def _step_up(request: HttpRequest, user: User) -> HttpResponse:
    if has_factor(user):
        proof = _factor_proof(request, user, Purpose.STEP_UP)
        return proof if isinstance(proof, HttpResponse) else _resume(request, user, SECOND_FACTOR, proof.device)
    if user.has_usable_password():
        return _step_up_by_password(request, user)
    # Nothing to prove with is not a proof: such an account first gets a password through a mailed link.
    return show(request, "mfa/step_up_impossible.html", status=403)


def _factor_proof(request: HttpRequest, user: User, purpose: Purpose) -> Proved | HttpResponse:
    """What has just proved presence, or the page that asks for it."""
    signing_in = purpose is Purpose.SECOND_FACTOR
    form = FactorCodeForm(request.POST if "code" in request.POST else None)
    by_key = KeyAnswerForm(request.POST if "credential" in request.POST else None)
    try:
        if by_key.is_valid():
            return _key_proof(request, user, purpose, by_key.cleaned_data["credential"])
        if form.is_valid():
            code, actor = form.cleaned_data["code"], actor_of(request)
            if signing_in:
                shown = known_devices.shown(request, user.username)
                return challenge.prove(actor=actor, user=user, code=code, shown=shown, at=clock.now())
            return challenge.step_up(actor=actor, code=code, at=clock.now(), any_factor=ANY_FACTOR in request.GET)
    except DomainError as error:
        (by_key if by_key.is_bound else form).refuse(error)
    template = "mfa/second_factor.html" if signing_in else "mfa/step_up.html"
    ways = queries.ways_of(user) if signing_in or ANY_FACTOR in request.GET else queries.strongest_of(user)
    return show_form(request, template, form, beside=by_key, ways=ways)


def _key_proof(request: HttpRequest, user: User, purpose: Purpose, credential: str) -> Proved:
    asked = challenges.take(request, purpose, user_id=user.pk, at=clock.now())
    answer = ceremonies.parse(credential)
    actor = actor_of(request)
    if purpose is Purpose.STEP_UP:
        key = key_proof.step_up(actor=actor, challenge=asked, answer=answer, at=clock.now())
    else:
        key = key_proof.prove(actor=actor, user=user, challenge=asked, answer=answer, at=clock.now())
    return Proved(str(key.persistent_id))


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
    way_on = safe_next(request)
    if is_recovery_code(device):
        # It opens the factors and nothing else: what was lost is replaced first.
        return redirect(with_next(reverse("account_security"), way_on))
    return redirect(way_on or settings.LOGIN_REDIRECT_URL)


@require_safe
@enforces(Action.ACCOUNT_VIEW)
def pending_form(request: HttpRequest) -> HttpResponse:
    """Offer the form again that was sent before the proof; sending it takes a press of its button."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    kept = pending_forms.find(request, user_id=actor.person.pk, at=clock.now())
    if kept is None:
        return redirect(settings.LOGIN_REDIRECT_URL)
    return show(request, "mfa/pending_form.html", kept=kept)
