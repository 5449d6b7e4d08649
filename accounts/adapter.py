"""Our hooks into django-allauth's flows: which stages there are, what is recorded, how mail leaves."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts import allauth_internals, known_devices, redirects, session_limits, sessions
from accounts.actions import emails, sign_in
from accounts.allauth_internals import PASSWORD, SECOND_FACTOR
from accounts.models import User, known_device
from accounts.stages import CONFIRMED
from accounts.views import device_pages
from indexsite import clock
from indexsite.errors import PermissionRefused
from indexsite.http import actor_of, client_address
from indexsite.policies import account_unusable
from mfa.models import FACTOR_NAMES
from recovery.actions import owner as recoveries

METHODS = {PASSWORD: "password", **FACTOR_NAMES}


def _joined(kinds: list[str]) -> str:
    return " and ".join(dict.fromkeys(METHODS.get(kind, kind) for kind in kinds))


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """allauth asks, our actions answer."""

    def get_login_stages(self) -> list[str]:
        return [
            "allauth.account.stages.EmailVerificationStage",
            "mfa.stages.SecondFactorStage",
            "accounts.stages.NewPlaceStage",
            "mfa.stages.SpendCodeStage",
        ]

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        # allauth takes an account for which it finds no method as freshly proved. Our own step-up
        # (`mfa.stepup`) decides; should a view of allauth ever ask, it is sent there.
        return [{"id": "step_up", "description": "Confirm that it is you", "url": "/account/second-factor/"}]

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        super().login(request, user)
        sessions.bind_factor(request)
        assert isinstance(user, User)  # noqa: S101 - narrows the type
        sessions.note_rights_at_sign_in(request, user)
        session_limits.begin(request, at=clock.now())
        actor = sessions.refresh_actor(request)
        assert actor.user is not None  # noqa: S101 - just signed in
        proofs = allauth_internals.proofs(request, actor.user)
        kinds = [p.device.partition("/")[0] if p.method == SECOND_FACTOR else p.method for p in proofs]
        # A key by itself has stood for the password too.
        methods = "passkey" if kinds == ["mfa.securitykey"] else _joined(kinds)
        secret = known_devices.shown(request, actor.user.username)
        is_known = known_device(actor.user, known_devices.digest(actor.user, secret), clock.now()) is not None
        is_confirmed = any(p.method == CONFIRMED for p in proofs)
        sign_in.record_sign_in(actor=actor, methods=methods, is_new_place=not (is_known or is_confirmed))
        if any(p.method == SECOND_FACTOR for p in proofs):
            recoveries.self_resolve(actor=actor, at=clock.now())

    def logout(self, request: HttpRequest) -> None:
        sign_in.record_sign_out(actor=actor_of(request))
        super().logout(request)

    def post_login(self, request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        assert isinstance(user, User)  # noqa: S101 - narrows the type
        device_pages.remember(request, response, user)
        return response

    def send_confirmation_mail(self, request: HttpRequest, emailconfirmation: Any, signup: bool) -> None:  # noqa: FBT001
        emails.mail_code(
            actor=actor_of(request),
            user=emailconfirmation.user,
            email=emailconfirmation.email,
            code=emailconfirmation.key,
            at=clock.now(),
        )

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        return emails.mark_verified(actor=actor_of(request), row=email_address)

    def respond_email_verification_sent(self, request: HttpRequest, user: AbstractBaseUser | None) -> HttpResponse:
        return redirect("account_verify_email")

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        denied = account_unusable(user) if isinstance(user, User) else None
        assert denied is not None  # noqa: S101 - allauth asks for inactive accounts only
        raise PermissionRefused(denied.sentence, code=denied.code, help_path=denied.help_path)

    def is_safe_url(self, url: str) -> bool:
        return redirects.is_local(url)

    def get_client_ip(self, request: HttpRequest) -> str:
        # The column takes addresses only; a server on a local socket knows none.
        return client_address(request) or "::"

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Our views say what happened, in our words."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        raise ImproperlyConfigured(
            f"allauth wants to mail {template_prefix}; letters are queued by our actions only."
        )

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Our actions tell every verified address, inside their transaction."""
