"""The cookie by which a browser is known to an account. `accounts.actions.devices` keeps the list it stands on.

It proves nothing and opens nothing. Known browsers count failed sign-ins by themselves (OWASP: "Slow down online
guessing attacks with device cookies"), and need no mailed link when somebody signs in with a code.
"""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from accounts.models import DEVICE_LIFE, User

MAX_SECRET = 100  # characters; ours have 43


def cookie_name(username: str) -> str:
    """One cookie per account, so that two in one browser do not push each other out; tells nobody whose it is."""
    tag = hmac.digest(settings.SECRET_KEY.encode(), f"known device of {username}".encode(), hashlib.sha256).hex()
    return f"known-device-{tag[:12]}"


def shown(request: HttpRequest, username: str) -> str:
    """What the browser shows for this account, or ""."""
    return request.COOKIES.get(cookie_name(username), "")[:MAX_SECRET]


def digest(user: User | None, secret: str) -> str:
    """As it is stored: of no use to whoever reads the table, void with the next password."""
    bound = f"{user.pk} {user.get_session_auth_hash()}" if user is not None else "nobody"
    return hashlib.sha256(f"{bound} {secret}".encode()).hexdigest()


def hand_out(response: HttpResponseBase, user: User, secret: str) -> None:
    """Let the browser that gets `response` be known."""
    response.set_cookie(
        cookie_name(user.username),
        secret,
        max_age=int(DEVICE_LIFE.total_seconds()),
        path="/account/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
