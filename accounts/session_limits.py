"""How long a signed-in session lasts: one table, judged by the site's clock at each request.

NIST SP 800-63B-4, 2.2.3 asks for an hour and a day where much is at stake; whoever only publishes is asked for a
fresh proof before each act that matters, however long the session lasts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from indexsite import clock

BEGUN, SEEN = "session_begun_at", "session_seen_at"


@dataclass(frozen=True)
class SessionLimit:
    """`idle`: without a request; `absolute`: since the sign-in, whatever is done in it."""

    idle: timedelta
    absolute: timedelta
    words: str


PEOPLE = SessionLimit(timedelta(days=7), timedelta(days=14), "7 days without use, or 14 in all")
STAFF = SessionLimit(timedelta(minutes=30), timedelta(hours=12), "half an hour without use, or 12 hours in all")


def limit_of(user: User) -> SessionLimit:
    return STAFF if user.is_staff or user.is_superuser else PEOPLE


def begin(request: HttpRequest, *, at: datetime) -> None:
    """The session has just been signed in."""
    request.session[BEGUN] = request.session[SEEN] = at.timestamp()


def is_over(request: HttpRequest, user: User, *, at: datetime) -> bool:
    """Whether the session has lasted too long; else notes that it is in use, now and then."""
    limit, now = limit_of(user), at.timestamp()
    begun = request.session.setdefault(BEGUN, now)
    seen = request.session.setdefault(SEEN, now)
    if now - begun > limit.absolute.total_seconds() or now - seen > limit.idle.total_seconds():
        return True
    # Written at a twentieth of the time it is compared with: not with each request.
    if now - seen > limit.idle.total_seconds() / 20:
        request.session[SEEN] = now
    return False


class SessionLimitMiddleware:
    """Signs out whose session is over, before anything acts in it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # When somebody asks who it is, and not before: an answer that depends on nobody may be cached for all.
        if request.session.session_key:
            user = request.user
            request.user = SimpleLazyObject(lambda: _within_limits(request, user))  # type: ignore[assignment]
        return self.get_response(request)


def _within_limits(request: HttpRequest, user: User | AnonymousUser) -> User | AnonymousUser:
    request.user = user
    if isinstance(user, User) and user.is_authenticated and is_over(request, user, at=clock.now()):
        logout(request)
        messages.warning(request, f"You were signed out: a session lasts {limit_of(user).words}.")
    return request.user
