"""Where domain meets HTTP: the declared policy of a view, who asks, and errors as pages or problems."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.redirects import came_from, with_next
from indexsite import clock, errors, pending_forms
from indexsite.actors import VISITOR, Actor
from indexsite.env import Network
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

# What programs ask for: errors are problems (RFC 9457) there, and any host name is answered.
MACHINE_PATHS = ("/api/", "/legacy", "/draft/legacy", "/upload/", "/_/")
# What programs and browsers ask for: the Accept header decides.
SHARED_PATHS = ("/simple", "/files/", "/pypi/", "/integrity/", "/stage/", "/rss/")
PROGRAM_TYPES = ("application/problem+json", "application/json", "application/vnd.pypi.simple.v1+json")
ANY_HOST_PATHS = (
    *MACHINE_PATHS,
    *SHARED_PATHS,
    "/static/",
    "/.well-known/",
    "/healthz",
    "/readyz",
    "/metrics",
)


@dataclass(frozen=True)
class DeclaredPolicy:
    """What a view says about who reaches it. A `public` view carries the reason why it is."""

    kind: str  # "public" or "enforces"
    action: Action | None = None
    reason: str = ""


def public[V: View](reason: str) -> Callable[[V], V]:
    """Anybody may call this view; `reason` says why that is right."""
    return _declare(DeclaredPolicy("public", reason=reason))


def enforces[V: View](action: Action) -> Callable[[V], V]:
    """The action function this view calls requires `action`; the view itself only shows or hides."""
    return _declare(DeclaredPolicy("enforces", action=action))


def _declare[V: View](policy: DeclaredPolicy) -> Callable[[V], V]:
    def mark(view: V) -> V:
        view.policy = policy  # type: ignore[attr-defined]
        return view

    return mark


def actor_of(request: HttpRequest) -> Actor:
    """The request's actor, as `mfa.middleware` found it; a visitor where the middleware did not run."""
    actor: Actor = getattr(request, "actor", VISITOR)
    return actor


def client_address(request: HttpRequest) -> str:
    """The network address of whoever asks, in canonical form, or "" where there is none (a unix socket).

    X-Forwarded-For is read from right to left, and only as far as the hops are in `TRUSTED_PROXIES`: what stands
    left of the first foreign address was written by that foreigner.
    """
    trusted = settings.ENV.trusted_proxies
    remote = request.META.get("REMOTE_ADDR", "")
    address = _ip(remote)
    if not is_trusted_proxy(remote):
        return str(address or "")
    for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        forwarded = _ip(hop)
        if forwarded is None:
            break
        address = forwarded
        if not _is_in(address, trusted):
            break
    return str(address or "")


def is_trusted_proxy(remote: str) -> bool:
    """Whether headers that speak of the connection in front (`X-Forwarded-…`) are believed from this peer.

    Args:
        remote: the peer's network address as WSGI has it; "" for one on a unix socket, ours if any proxy is.
    """
    trusted = settings.ENV.trusted_proxies
    address = _ip(remote)
    return bool(trusted) and (address is None or _is_in(address, trusted))


def is_staff_network(request: HttpRequest) -> bool:
    """Whether the address may reach `/admin/` (`STAFF_NETWORKS`; everywhere when unset)."""
    networks = settings.ENV.staff_networks
    address = _ip(client_address(request))
    return not networks or (address is not None and _is_in(address, networks))


type _Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _ip(text: str) -> _Address | None:
    text = text.strip()
    if text.startswith("["):  # [2001:db8::1]:443
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # 203.0.113.9:443
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_in(address: _Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)


def status_of(error: errors.DomainError) -> int:
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 400


def reason_line(sentence: str) -> str:
    """The sentence as an HTTP reason phrase: one line, printable ASCII (RFC 9112 section 4)."""
    flat = " ".join(sentence.split()).encode("ascii", "replace").decode()
    return "".join(char if char.isprintable() else "?" for char in flat)


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
    if status == 401:  # RFC 9110 section 15.5.2; clients send tokens as the password of __token__
        response["WWW-Authenticate"] = f'Basic realm="{settings.SITE_NAME}", charset="UTF-8"'
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
    "security-key-required": "security_key_add",
    "mailbox-check-needed": "mailbox_check",
    "security-key-needed": "second_factor",
}


def detour(request: HttpRequest, error: errors.DomainError) -> HttpResponse | None:
    """The way to the page that lifts the refusal, if there is one."""
    name = DETOURS.get(error.code)
    if name is None:
        return None
    if error.code in {"second-factor-required", "security-key-required", "security-key-needed"}:
        messages.warning(request, error.sentence)
    return redirect(with_next(reverse(name), way_back(request)))


def way_back(request: HttpRequest) -> str:
    """Where a detour ends: the page it began on; for a filled-in form, the page that offers it again."""
    user = actor_of(request).user
    if user is not None and pending_forms.keep(request, user_id=user.pk, at=clock.now()):
        return reverse("pending_form")
    return came_from(request)


def wants_problem(request: HttpRequest) -> bool:
    """Whether an error should be a problem document instead of a page."""
    if request.path.startswith(MACHINE_PATHS):
        return True
    # An installer takes text/html too, last; a browser takes none of the others.
    accepted = request.get_preferred_type(["text/html", *PROGRAM_TYPES])
    if request.path.startswith(SHARED_PATHS):
        return accepted != "text/html" or request.headers.get("Accept", "*/*") == "*/*"
    return accepted is not None and accepted != "text/html"


def refusal(request: HttpRequest, error: errors.DomainError) -> HttpResponse:
    """The answer to a refusal, as whoever asks can read it."""
    if wants_problem(request):
        return problem(error)
    return detour(request, error) or page(request, error)


class DomainErrorMiddleware:
    """Turns a DomainError that left a view into the answer `refusal` chooses."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return refusal(request, exception) if isinstance(exception, errors.DomainError) else None


class SiteHostMiddleware:
    """Pages live at `SITE_URL`: asked for under another host, they redirect there; APIs and files answer anyway.

    Cookies and security keys belong to one origin, so a sign-in under another one could only fail.
    """

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        host = request.get_host()  # also refuses what is not in ALLOWED_HOSTS, for every path
        if request.path.startswith(ANY_HOST_PATHS) or _is_site_host(host):
            return self.get_response(request)
        response = HttpResponseRedirect(settings.SITE_URL + request.get_full_path())
        if request.method not in {"GET", "HEAD"}:
            response.status_code = 303  # a form sent here would lack the session; show it anew
        return response


def _is_site_host(host: str) -> bool:
    site = urlsplit(settings.SITE_URL)
    default_port = ":443" if site.scheme == "https" else ":80"
    return host.lower().removesuffix(default_port) == site.netloc.lower().removesuffix(default_port)


# -- Django's own errors, in our words (named in indexsite.urls and settings) ------------------------------


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _error(request, errors.InvalidInput("The request is malformed."), "errors/400.html")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _error(request, errors.PermissionRefused("You may not do this."), "errors/403.html")


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _error(request, errors.NotFound("There is nothing at this address."), "errors/404.html")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    error = errors.PermissionRefused("This form is no longer valid; reload the page and send it again.")
    return _error(request, error, "errors/csrf.html")


def server_error(request: HttpRequest) -> HttpResponse:
    """What broke may be anything, the session and the database too: no request reaches the template."""
    if wants_problem(request):
        error = errors.DomainError("Something broke on our side; it was logged. Try again in a minute.")
        response = problem(error, status=500, type="about:blank", code="server-error")
        response.status_code = 500
        return response
    return HttpResponse(render_to_string("errors/500.html"), status=500)


def _error(request: HttpRequest, error: errors.DomainError, template: str) -> HttpResponse:
    if wants_problem(request):
        return problem(error)
    return render(request, template, {"error": error}, status=status_of(error))
