"""The last stage of signing in: an unknown browser, and a proof that could have been passed on."""

from __future__ import annotations

import secrets

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare

from accounts import allauth_internals, known_devices
from accounts.actions import new_places
from accounts.allauth_internals import SECOND_FACTOR, LoginStage
from accounts.models import User, known_device
from indexsite import clock
from indexsite.http import actor_of
from mfa.models import has_factor, is_security_key, live_device
from releases.models import has_any_role

KEY = "new_place"
CONFIRMED = "mailed link"  # how the session and the history name that proof


class NewPlaceStage(LoginStage):  # type: ignore[misc]  # allauth has no types
    """Holds up whoever comes with a code, or with a password alone to an account that holds rights."""

    key = KEY
    urlname = "account_confirm_sign_in"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user
        if user is None or not needs_confirmation(self.request, user):
            return None, True
        if "attempt" not in self.state:
            self.state["attempt"] = secrets.token_urlsafe(32)
            # As for the second factor: a pending sign-in is void once the password it began with is changed.
            self.state["password"] = user.get_session_auth_hash()
            mail_link(self.request, self)
        return redirect(self.urlname), True


def mail_link(request: HttpRequest, stage: LoginStage) -> None:
    """Mail the first link, or another one.

    Raises:
        indexsite.errors.LimitReached: too many for this account.
    """
    user: User = stage.login.user
    proofs = allauth_internals.proofs(request, user)
    new_places.hold(
        actor=actor_of(request),
        user=user,
        attempt=stage.state["attempt"],
        with_code=any(proof.method == SECOND_FACTOR for proof in proofs),
        at=clock.now(),
    )


def needs_confirmation(request: HttpRequest, user: User) -> bool:
    """Whether this sign-in waits for a mailed link (docs/decisions, "New places are confirmed by mail")."""
    if not (has_factor(user) or has_any_role(user) or user.is_staff):
        return False
    if any(is_security_key(proof.device) for proof in allauth_internals.proofs(request, user)):
        return False
    secret = known_devices.shown(request, user.username)
    return known_device(user, known_devices.digest(user, secret), clock.now()) is None


def is_still_valid(request: HttpRequest, stage: LoginStage) -> bool:
    """Whether nothing the sign-in rests on was changed while it waited."""
    user: User | None = stage.login.user
    if user is None or not user.is_active:
        return False
    proofs = allauth_internals.proofs(request, user)
    devices = [proof.device for proof in proofs if proof.method == SECOND_FACTOR]
    if any(live_device(device) is None for device in devices):
        return False
    return constant_time_compare(stage.state.get("password", ""), user.get_session_auth_hash())
