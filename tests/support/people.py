"""What people do in a browser: sign in, read their mail, prove a factor."""

import re
from collections.abc import Callable, Iterable

import pytest
from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.core import mail
from django.core.handlers.wsgi import WSGIRequest
from django.core.mail import EmailMessage
from django.http import HttpResponse
from django.test import Client
from django.utils.functional import SimpleLazyObject
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import allauth_internals, known_devices, sessions
from accounts.actions import devices
from accounts.models import User, has_verified_email
from indexsite import clock
from indexsite.models import RateBucket
from mfa.models import AuthenticatorApp, SecurityKey, has_factor
from tests.support import cast
from tests.support.hashers import CheapArgon2Hasher
from tests.support.worker import run_queued

NEW_PASSWORD = "seven umbrellas lean on a quiet harbour"
MAILED_CODE = re.compile(r"^ +([A-Z]{4}-[A-Z]{4})$", re.MULTILINE)
LINK = re.compile(r"^(http\S+)$", re.MULTILINE)


def browser(user: User | None = None, *, agent: str = "Browser/1.0", **headers: str) -> Client:
    """A browser of its own; with `user`, signed in with password and key or app."""
    client = Client(headers={"user-agent": agent}, **headers)
    if user is not None:
        let_in(client, user)
    return client


def let_in(client: Client, user: User) -> None:
    """As `sign_in` leaves browser and database, without its forms and pages: most tests begin behind the door."""
    make_known(client, user)
    assert has_verified_email(user)
    forget_last_code(user)
    user = User.objects.get(pk=user.pk)
    request = WSGIRequest(client._base_environ(REQUEST_METHOD="POST", PATH_INFO="/account/login/"))
    request.session, request.user = SessionStore(), AnonymousUser()
    request.actor = SimpleLazyObject(lambda: sessions.session_actor(request))
    allauth_internals.record_proof(request, user, allauth_internals.PASSWORD)
    if (key := SecurityKey.objects.filter(user=user, set_aside_at=None).first()) is not None:
        allauth_internals.record_proof(
            request, user, allauth_internals.SECOND_FACTOR, device=str(key.persistent_id)
        )
    elif (app := AuthenticatorApp.objects.filter(user=user, confirmed=True).first()) is not None:
        assert app.verify_token(cast.totp_code(user))
        allauth_internals.record_proof(
            request, user, allauth_internals.SECOND_FACTOR, device=str(app.persistent_id)
        )
    adapter = get_adapter(request)
    adapter.login(request, user)
    response = adapter.post_login(
        request, user, email_verification="", signal_kwargs=None, email=None, signup=False, redirect_url=None
    )
    request.session.save()
    client.cookies.update(response.cookies)
    client.cookies[settings.SESSION_COOKIE_NAME] = request.session.session_key


def sign_in(client: Client, user: User, *, password: str = cast.PASSWORD) -> None:
    """Username and password, and the key or the app's code, in a browser the account knows."""
    make_known(client, user)
    response = client.post("/account/login/", {"username": user.username, "password": password})
    assert response.status_code == 302, response.content
    if has_factor(user):
        assert response["Location"] == "/account/second-factor/"
        response = prove_factor(client, user)
        assert response.status_code == 302, response.content
    assert signed_in_as(client) == user.username


def prove_factor(client: Client, user: User, **data: str) -> HttpResponse:
    """Answer at the second factor, or at a step-up: with the key where the person has one at hand."""
    key = cast.key_of(user)
    if key is None:
        forget_last_code(user)
        answer = {"code": cast.totp_code(user)}
    else:
        answer = {"credential": key.get(client.post("/account/second-factor/options/").json())}
    return client.post("/account/second-factor/", {**answer, **data})


def known_browser(user: User, **headers: str) -> Client:
    """A browser of its own that the account knows; nobody is signed in."""
    client = browser(**headers)
    make_known(client, user)
    return client


def make_known(client: Client, user: User) -> None:
    """Let the account know this browser, as after an earlier sign-in."""
    user = User.objects.get(pk=user.pk)  # with the password it has by now
    name = known_devices.cookie_name(user.username)
    shown = client.cookies[name].value if name in client.cookies else ""
    client.cookies[name] = devices.remember(
        user=user, shown=shown, session_key="", address="127.0.0.1", client="", at=clock.now()
    )


def forget_last_code(user: User) -> None:
    """Let the app's present code count once more: tests do not wait half a minute."""
    TOTPDevice.objects.filter(user=user).update(last_t=-1)


def forget_limits() -> None:
    """Let attempts be counted from nothing again."""
    RateBucket.objects.all().delete()


def signed_in_as(client: Client) -> str:
    """The name on the account page, "" when nobody is signed in."""
    response = client.get("/account/")
    if response.status_code != 200:
        return ""
    return str(response.context["user"].username)


def letters() -> list[EmailMessage]:
    """All letters so far, after the worker has delivered what is queued."""
    run_queued()
    return list(mail.outbox)


def letters_to(*addresses: str) -> list[EmailMessage]:
    return [letter for letter in letters() if letter.to[0] in addresses]


def subjects(found: Iterable[EmailMessage]) -> list[str]:
    return [letter.subject for letter in found]


def mailed_code(address: str) -> str:
    """The code in the latest letter to the address that has one."""
    for letter in reversed(letters_to(address)):
        if match := MAILED_CODE.search(str(letter.body)):
            return match[1]
    raise AssertionError(f"no code was mailed to {address}")


def mailed_link(address: str) -> str:
    """The path of the link in the latest letter to the address that has one below the site's origin."""
    for letter in reversed(letters_to(address)):
        if match := LINK.search(str(letter.body)):
            return match[1].removeprefix(settings.SITE_URL)
    raise AssertionError(f"no link was mailed to {address}")


def events(user: User) -> list[str]:
    """Names of the audit events about the person, oldest first."""
    return list(user.audit_events.order_by("id").values_list("name", flat=True))


class HashCounter:
    """Counts the slow password hashes, made or checked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        for method in ("encode", "verify"):
            self._wrap(monkeypatch, method)

    def _wrap(self, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        original = getattr(CheapArgon2Hasher, method)

        def counted(hasher: CheapArgon2Hasher, *args: object, **kwargs: object) -> object:
            self.count += 1
            return original(hasher, *args, **kwargs)

        monkeypatch.setattr(CheapArgon2Hasher, method, counted)

    def during(self, act: Callable[[], object]) -> int:
        """How many hashes `act` costs."""
        before = self.count
        act()
        return self.count - before


def without_secrets_of_the_form(html: str) -> str:
    """A page without what differs from one rendering to the next: form tokens and nonces."""
    return re.sub(r'(name="csrfmiddlewaretoken" value|nonce)="[^"]*"', "", html)
