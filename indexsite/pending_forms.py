"""A form that was sent when a proof was missing: kept in the session, and offered again once the proof is given.

It is never sent by itself: whoever finds a browser open could fill one in and wait for its owner's proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest

LIFETIME = timedelta(hours=1)
MAX_SIZE = 64 * 1024  # characters of names and values
_SESSION_KEY = "pending_form"
# Buttons say these; a form that holds nothing else is as quickly pressed again on its page.
_BUTTONS = {"csrfmiddlewaretoken", "act", "next"}
# Never kept: what opens something, and what is typed to confirm that something goes.
_NOT_KEPT = ("password", "code", "credential", "secret", "typed", "username")


@dataclass(frozen=True)
class PendingForm:
    """Where it was going, and what stood in it."""

    path: str
    fields: list[tuple[str, str]]


def keep(request: HttpRequest, *, user_id: int, at: datetime) -> bool:
    """Keep the form that `request` is; False if there is nothing to keep, or it must not be."""
    if request.method != "POST" or request.FILES:
        return False
    names = set(request.POST) - _BUTTONS
    if not names or any(part in name for name in names for part in _NOT_KEPT):
        return False
    fields = [
        (name, value) for name, values in request.POST.lists() if name != "csrfmiddlewaretoken" for value in values
    ]
    if sum(len(name) + len(value) for name, value in fields) > MAX_SIZE:
        return False
    request.session[_SESSION_KEY] = {
        "user": user_id,
        "path": request.get_full_path(),
        "fields": fields,
        "at": at.timestamp(),
    }
    return True


def find(request: HttpRequest, *, user_id: int, at: datetime) -> PendingForm | None:
    """The person's form that waits in this session, unless it has waited too long."""
    kept = request.session.get(_SESSION_KEY)
    if kept is None or kept["user"] != user_id:
        return None
    if not timedelta(0) <= at - datetime.fromtimestamp(kept["at"], tz=UTC) <= LIFETIME:
        return None
    return PendingForm(kept["path"], [(name, value) for name, value in kept["fields"]])
