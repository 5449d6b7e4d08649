"""Signing in with a passkey: no user name, no password, and so the key has to ask for a PIN or a finger."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import allauth_internals
from accounts.allauth_internals import SECOND_FACTOR
from accounts.forms import KeyAnswerForm
from accounts.redirects import safe_next, with_next
from indexsite import clock
from indexsite.errors import DomainError
from indexsite.http import actor_of, public
from mfa import ceremonies, challenges
from mfa.actions import key_proof
from mfa.ceremonies import AnswerRefused
from mfa.challenges import Purpose


@never_cache
@require_POST
@public("this is the front door")
def options(request: HttpRequest) -> JsonResponse:
    """What the browser asks passkeys for: the same for everybody, so it says nothing of anybody."""
    wanted, asked = key_proof.ask(actor=actor_of(request), user=None, purpose=Purpose.SIGN_IN, at=clock.now())
    challenges.keep(request, asked, at=clock.now())
    return JsonResponse(wanted)


@sensitive_post_parameters("credential")
@require_POST
@public("this is the front door")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Check the passkey's answer, then go on to the stages."""
    if request.user.is_authenticated:
        return redirect(safe_next(request) or settings.LOGIN_REDIRECT_URL)
    try:
        form = KeyAnswerForm(request.POST)
        if not form.is_valid():
            raise AnswerRefused
        asked = challenges.take(request, Purpose.SIGN_IN, user_id=0, at=clock.now())
        answer = ceremonies.parse(form.cleaned_data["credential"])
        key = key_proof.prove(actor=actor_of(request), user=None, challenge=asked, answer=answer, at=clock.now())
    except DomainError as error:
        messages.error(request, error.sentence)
        return redirect(with_next(reverse("account_login"), safe_next(request)))
    return allauth_internals.begin_sign_in(
        request, key.user, method=SECOND_FACTOR, device=str(key.persistent_id), next_url=safe_next(request)
    )


@require_safe
@public("browsers ask for it without cookies")
def related_origins(request: HttpRequest) -> JsonResponse:
    """`/.well-known/webauthn`: the origins that may use the keys of this site (WebAuthn level 3, section 5.11)."""
    response = JsonResponse({"origins": settings.OTP_WEBAUTHN_ALLOWED_ORIGINS})
    response["Cache-Control"] = "public, max-age=600"
    return response
