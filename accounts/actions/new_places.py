"""Signing in from a browser the account does not know: held until a mailed link is used in that same browser.

A code typed into a stranger's copy of this site can be passed on; the link cannot, for it does nothing in any
browser but the one that waits for it.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts import notices
from accounts.models import CONFIRMATION_LIFE, SignInConfirmation, User
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.audit import safety
from indexsite.errors import Conflict, InvalidInput
from indexsite.limits import Limit


class LinkInvalid(InvalidInput):
    """Used, replaced, stopped, too old, or never made by us."""

    code = "sign-in-link-invalid"
    help_path = "/account/login/"

    def __init__(self) -> None:
        super().__init__("This link has been used or is too old; sign in again, and we mail a new one.")


class OtherBrowser(Conflict):
    """The link is good, and this is not the browser that waits for it."""

    code = "other-browser"

    def __init__(self) -> None:
        super().__init__(
            "This link works only in the browser that is waiting for it; copy its address over there."
        )


def hold(*, actor: Actor, user: User, attempt: str, with_code: bool, at: datetime) -> None:
    """Mail a link for the sign-in that `attempt` (a secret in the browser's session) stands for.

    An earlier link for the same attempt is void.

    Args:
        with_code: whether a second factor was proved, beside the password.

    Raises:
        LimitReached: too many for this account.
    """
    limits.consume(Limit.NEW_PLACE_USER, str(user.pk), at=at)
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        SignInConfirmation.objects.filter(attempt=_digest(attempt), ended_at=None).update(ended_at=at)
        row = SignInConfirmation.objects.create(
            user=user,
            link=_digest(token),
            attempt=_digest(attempt),
            created_at=at,
            expires_at=at + CONFIRMATION_LIFE,
            address=actor.address,
            client=actor.client,
        )
        audit.record(actor, safety.SignInHeld(about=user))
        link = settings.SITE_URL + reverse("account_confirm_sign_in_link", args=[token])
        notices.confirm_sign_in(user, link=link, until=row.expires_at, with_code=with_code, actor=actor)


def find(token: str, *, at: datetime) -> SignInConfirmation:
    """The sign-in that a link stands for; looking changes nothing.

    Raises:
        LinkInvalid: it stands for none any more.
    """
    row = SignInConfirmation.objects.select_related("user").filter(link=_digest(token)).first()
    if row is None or not row.is_open(at):
        raise LinkInvalid
    return row


def is_attempt(row: SignInConfirmation, attempt: str) -> bool:
    """Whether the link belongs to the browser whose session holds `attempt`."""
    return bool(attempt) and secrets.compare_digest(row.attempt, _digest(attempt))


def confirm(*, actor: Actor, token: str, attempt: str, at: datetime) -> User:
    """Use the link up. This signs nobody in: the browser that waits goes on with its sign-in.

    Raises:
        LinkInvalid: it has been used, or is too old.
        OtherBrowser: `attempt` is not what the link was mailed for; it stays good.
    """
    row = find(token, at=at)
    if not is_attempt(row, attempt):
        raise OtherBrowser
    with transaction.atomic():
        # One statement decides: of two requests with the same link one goes on.
        if not SignInConfirmation.objects.filter(pk=row.pk, ended_at=None).update(ended_at=at):
            raise LinkInvalid
        audit.record(actor, safety.SignInConfirmed(about=row.user))
    return row.user


def stop(user: User, *, at: datetime) -> int:
    """Whatever waits for a mailed link waits in vain; returns how many did."""
    waiting = SignInConfirmation.objects.filter(user=user, ended_at=None, expires_at__gt=at)
    return waiting.update(ended_at=at)


def sweep(*, at: datetime) -> None:
    """Delete what nobody can use any more; the history keeps that it was."""
    SignInConfirmation.objects.filter(expires_at__lte=at - CONFIRMATION_LIFE).delete()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
