"""Letting the browser of a request be known."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase

from accounts import known_devices
from accounts.actions import devices
from accounts.models import User
from indexsite import clock
from indexsite.http import actor_of


def remember(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """After every stage of a sign-in, or a proof of the mailbox: the account knows this browser from now on."""
    actor = actor_of(request)
    secret = devices.remember(
        user=user,
        shown=known_devices.shown(request, user.username),
        session_key=request.session.session_key or "",
        address=actor.address,
        client=actor.client,
        at=clock.now(),
    )
    known_devices.hand_out(response, user, secret)
