"""Finds out who is acting, once per request, lazily: pages that do not ask cost nothing."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from indexsite.actors import VISITOR, Actor, SessionCredential


class ActorMiddleware:
    """Sets `request.actor`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(lambda: session_actor(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def session_actor(request: HttpRequest) -> Actor:
    """The signed-in person with the proofs this session holds."""
    user = request.user
    if not user.is_authenticated:
        return VISITOR
    return Actor(
        user=user,
        credential=SessionCredential(),
        address=request.META.get("REMOTE_ADDR", ""),
        client=request.headers.get("User-Agent", "")[:200],
    )
