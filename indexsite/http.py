"""Where domain meets HTTP: the declared policy of a view, and DomainError -> page, problem+json, reason line."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.redirects import came_from, with_next
from indexsite import errors
from indexsite.actors import VISITOR, Actor
from indexsite.policies import Action

type View = Callable[..., HttpResponseBase]

STATUS: dict[type[errors.DomainError], int] = {
    errors.InvalidInput: 400,
    errors.NotAuthenticated: 401,
    errors.PermissionRefused: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.LimitReached: 429,
}


@dataclass(frozen=True)
class DeclaredPolicy:
    """What a view says about who reaches it. A `public` view carries the reason why it is."""

    kind: str  # "public", "signed-in" or "enforces"
    action: Action | None = None
    reason: str = ""


def public(reason: str) -> Callable[[View], View]:
    """Anybody may call this view; `reason` says why that is right."""
    return _declare(DeclaredPolicy("public", reason=reason))


def enforces(action: Action) -> Callable[[View], View]:
    """The action function this view calls requires `action`; the view itself only shows or hides."""
    return _declare(DeclaredPolicy("enforces", action=action))


def _declare(policy: DeclaredPolicy) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.policy = policy  # type: ignore[attr-defined]
        return view

    return mark


def actor_of(request: HttpRequest) -> Actor:
    """The request's actor, as `mfa.middleware` found it; a visitor where the middleware did not run."""
    actor: Actor = getattr(request, "actor", VISITOR)
    return actor


def client_address(request: HttpRequest) -> str:
    """The client's network address.

    `X-Forwarded-For` is read from the right, and only as far as TRUSTED_PROXIES wrote it: everything further left
    is whatever the client claims.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    while hops and _is_trusted_proxy(address):
        address = hops.pop()
    return address if _is_address(address) else str(request.META.get("REMOTE_ADDR", ""))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted_proxy(text: str) -> bool:
    return _is_address(text) and any(
        ipaddress.ip_address(text) in network for network in settings.ENV.trusted_proxies
    )


def status_of(error: errors.DomainError) -> int:
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 400


def reason_line(sentence: str) -> str:
    """The sentence as an HTTP reason phrase: one line, printable ASCII (RFC 9112 section 4)."""
    flat = " ".join(sentence.split())
    return flat.encode("ascii", "replace").decode()


def problem(error: errors.DomainError, **extra: Any) -> HttpResponse:
    """An RFC 9457 problem, its sentence also in the reason phrase (twine and hatch print only that)."""
    status = status_of(error)
    body: dict[str, Any] = {
        "type": f"{settings.SITE_URL}/help/problems/#{error.code}",
        "title": error.sentence,
        "status": status,
        "code": error.code,
        "detail": error.sentence,
        **extra,
    }
    if error.help_path:
        body["help"] = settings.SITE_URL + error.help_path
    response = HttpResponse(
        json.dumps(body),
        status=status,
        reason=reason_line(error.sentence),
        content_type="application/problem+json",
    )
    if isinstance(error, errors.LimitReached):
        response["Retry-After"] = str(error.retry_after)
    return response


def page(request: HttpRequest, error: errors.DomainError) -> HttpResponse:
    """The same refusal for a person in a browser."""
    response = render(request, "errors/refused.html", {"error": error}, status=status_of(error))
    if isinstance(error, errors.LimitReached):
        response["Retry-After"] = str(error.retry_after)
    return response


# Refusals that the person can lift at once: they are sent there, and come back through `next`.
DETOURS = {
    "not-authenticated": "account_login",
    "step-up-needed": "second_factor",
    "second-factor-required": "account_security",
}


def detour(request: HttpRequest, error: errors.DomainError) -> HttpResponse | None:
    """The way to the page that lifts the refusal, if there is one."""
    name = DETOURS.get(error.code)
    if name is None:
        return None
    if error.code == "second-factor-required":
        messages.warning(request, error.sentence)
    return redirect(with_next(reverse(name), came_from(request)))


class DomainErrorMiddleware:
    """Turns a DomainError that left a page view into a page; API views answer `problem()` themselves."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, errors.DomainError):
            return detour(request, exception) or page(request, exception)
        return None
