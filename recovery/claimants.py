"""The browser that a request was made in: one cookie each, which holds its secret. Who has it is the claimant.

The cookie opens nothing but the pages of its request. No page shows the secret, and no address contains it.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from indexsite import clock
from indexsite.http import actor_of
from recovery import bearers, queries
from recovery.actions.evidence.receiving import Claim
from recovery.actions.requests import Submitted
from recovery.actions.story import CaseUnknown
from recovery.models import RecoveryCase

# Longer than any request takes; counted anew whenever its page is opened.
COOKIE_LIFE = timedelta(days=180)
MAX_SECRET = 100  # characters; ours have 43
# A browser that asks again and again loses the oldest of what is over, so that its headers stay short.
MAX_KEPT = 8

_PREFIX = "recovery-"
_DEVICE = "recovery-browser"


def cookie_name(pk: uuid.UUID) -> str:
    """One cookie a request, so that a second one does not push the first out."""
    return f"{_PREFIX}{pk.hex}"


def secret_of(request: HttpRequest, pk: uuid.UUID) -> str:
    """What the browser holds for this request, or ""."""
    return request.COOKIES.get(cookie_name(pk), "")[:MAX_SECRET]


def claim_of(request: HttpRequest, pk: uuid.UUID) -> Claim:
    """Who asks, for the acts, which check it."""
    return Claim(actor=actor_of(request), case_id=pk, secret=secret_of(request, pk), at=clock.now())


def case_of(request: HttpRequest, pk: uuid.UUID) -> RecoveryCase:
    """The request, for its pages.

    Raises:
        CaseUnknown: there is none, or it was made in another browser: not told apart.
    """
    found = queries.of_browser({pk: secret_of(request, pk)})
    if not found:
        raise CaseUnknown
    return found[0]


def has_asked(request: HttpRequest) -> bool:
    """Whether this browser looks like one that has asked; looks nothing up."""
    return bool(_held(request))


def cases_here(request: HttpRequest) -> list[RecoveryCase]:
    """All requests that were made in this browser, the latest first."""
    held = {pk: secret_of(request, pk) for pk in _held(request)}
    return queries.of_browser(held) if held else []


def device_of(request: HttpRequest) -> str:
    """What tells this browser from others that ask, or "" where it has not asked before."""
    return request.COOKIES.get(_DEVICE, "")[:MAX_SECRET]


def keep(request: HttpRequest, response: HttpResponseBase, submitted: Submitted) -> None:
    """Let the browser that gets `response` be the claimant's."""
    _set(response, _DEVICE, device_of(request) or bearers.mint())
    _set(response, cookie_name(submitted.case_id), submitted.secret)
    kept = {case.pk: case.ended_at for case in cases_here(request)}
    held = _held(request)
    useless = [pk for pk in held if pk not in kept or kept[pk] is not None]
    for pk in useless[: max(0, len(held) + 1 - MAX_KEPT)]:
        response.delete_cookie(cookie_name(pk))


def keep_longer(request: HttpRequest, response: HttpResponseBase, pk: uuid.UUID) -> None:
    """Whoever looks after a request does not lose it because it takes long."""
    _set(response, cookie_name(pk), secret_of(request, pk))


def _held(request: HttpRequest) -> list[uuid.UUID]:
    found = []
    for name in request.COOKIES:
        digits = name.removeprefix(_PREFIX)
        if name.startswith(_PREFIX) and len(digits) == 32:
            try:
                found.append(uuid.UUID(digits))
            except ValueError:
                continue
    return found


def _set(response: HttpResponseBase, name: str, value: str) -> None:
    # At every path: the step about known browsers is below /account/, where their cookie is sent to. Lax: the
    # mailed links have to bring it along, and come from another site where mail is read in the browser.
    response.set_cookie(
        name,
        value,
        max_age=int(COOKIE_LIFE.total_seconds()),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
