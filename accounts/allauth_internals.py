"""Everything of django-allauth that is not public API, behind functions of ours. No other module imports it.

allauth runs a sign-in through stages (verified address, second factor); `request.user` stays anonymous until the
last one is passed. What has been proved is kept in the session as authentication records: these are ours to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from allauth.account.internal.flows.email_verification_by_code import EmailVerificationProcess
from allauth.account.internal.flows.login import (
    clear_authentication_records,
    get_authentication_records,
    perform_login,
    record_authentication,
)
from allauth.account.internal.flows.logout import logout
from allauth.account.internal.stagekit import LOGIN_SESSION_KEY, clear_login
from allauth.account.models import Login
from allauth.account.stages import EmailVerificationStage, LoginStage, LoginStageController
from allauth.core.internal.cryptokit import compare_user_code
from django.http import HttpRequest, HttpResponse

from accounts.models import User
from indexsite import clock

__all__ = ["LoginStage"]

PASSWORD = "password"  # noqa: S105 - a name, not a secret
SECOND_FACTOR = "otp"


@dataclass(frozen=True)
class Proof:
    """One thing proved in this session. `device` is a persistent id, for the second factor only."""

    method: str
    at: datetime
    device: str = ""


def proofs(request: HttpRequest, user: User) -> list[Proof]:
    """What this session has proved about `user`, the oldest first."""
    return [
        Proof(
            method=str(record["method"]),
            at=datetime.fromtimestamp(float(record["at"]), tz=UTC),
            device=str(record.get("device", "")),
        )
        for record in get_authentication_records(request, user)
    ]


def record_proof(request: HttpRequest, user: User, method: str, *, device: str = "") -> None:
    """Note in the session that `user` has just proved `method`."""
    # allauth stamps with the machine's clock; freshness is judged by the site's.
    record_authentication(request, user, method, at=clock.now().timestamp(), device=device or None)


def begin_sign_in(
    request: HttpRequest, user: User, *, method: str, device: str = "", next_url: str = ""
) -> HttpResponse:
    """Send a person who has proved `method` through the remaining stages; the answer shows the first one."""
    # A half-finished sign-in in this browser proves nothing for the new one.
    clear_login(request)
    clear_authentication_records(request)
    record_proof(request, user, method, device=device)
    response: HttpResponse = perform_login(request, Login(user=user, redirect_url=next_url or None))
    return response


def pending_stage(request: HttpRequest, key: str) -> Any | None:
    """The sign-in stage this browser is at, if it is the one called `key`; has `.login.user`, `.state`."""
    return LoginStageController.enter(request, key)


def is_signing_in(request: HttpRequest) -> bool:
    """Whether this browser has begun a sign-in, be it one that has become too old. Ask before `pending_stage`."""
    return LOGIN_SESSION_KEY in request.session


def pass_stage(stage: Any) -> HttpResponse:
    """The stage is done: go on to the next one, or come in."""
    response: HttpResponse = stage.exit()
    return response


def abandon_sign_in(request: HttpRequest) -> None:
    """Forget a half-finished sign-in."""
    clear_login(request)


def sign_out(request: HttpRequest) -> None:
    """End this session, and any sign-in under way in it."""
    logout(request, show_message=False)


class MailedCode:
    """A code on its way to an address, kept in the session until it is typed in."""

    def __init__(self, request: HttpRequest, process: Any) -> None:
        self._request = request
        self._process = process

    @property
    def email(self) -> str:
        return str(self._process.email)

    @property
    def user(self) -> User | None:
        user: User | None = self._process.user
        return user

    @property
    def may_resend(self) -> bool:
        return bool(self._process.can_resend)

    @property
    def may_change_address(self) -> bool:
        return bool(self._process.can_change)

    def matches(self, code: str) -> bool:
        """Compared in constant time; case, dashes and spaces do not matter."""
        return bool(compare_user_code(actual=code, expected=self._process.code))

    def count_failure(self) -> bool:
        """Note a wrong code; False when that was the last try and the code is void."""
        return bool(self._process.record_invalid_attempt())

    def resend(self) -> None:
        """Mail a new code; the old one is void."""
        self._process.resend()

    def redirect_to(self, email: str) -> None:
        """Mail a new code to another address; the account's own record has been changed before."""
        self._process.generate_code()
        self._process.record_change(email=email)
        self._process.send()
        self._process.persist()

    def finish(self) -> bool:
        """The code was right: mark the address verified. False if somebody else was faster."""
        return self._process.finish() is not None


def mail_code(request: HttpRequest, user: User, email: str) -> None:
    """Mail a code to one of a signed-in person's addresses and wait for it in this session."""
    EmailVerificationProcess.initiate(request=request, user=user, email=email)


def mailed_code(request: HttpRequest) -> MailedCode | None:
    """The code this session waits for, unless it has become too old."""
    process = EmailVerificationProcess.resume(request)
    return MailedCode(request, process) if process is not None else None


def verification_stage(request: HttpRequest) -> Any | None:
    """The stage of a sign-in that waits for the mailed code."""
    return pending_stage(request, EmailVerificationStage.key)
