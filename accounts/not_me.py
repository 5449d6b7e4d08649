"""The links "This was not me": signed, for one event of one account, good for seven days, for nothing else.

A link opens nothing. It shows what would happen, and one button stops and freezes things; whoever has only an old
mailbox gains nothing by that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts import letters
from accounts.models import User
from indexsite.errors import InvalidInput

LINK_LIFE = timedelta(days=7)
_SALT = "accounts.not_me"


class LinkInvalid(InvalidInput):
    """Too old, cut off, or never made by us."""

    code = "not-me-link-invalid"
    help_path = "/account/history/"

    def __init__(self) -> None:
        super().__init__(
            "This link is not whole or older than seven days; sign in and report it from your history."
        )


@dataclass(frozen=True)
class Claim:
    """What a link is about: an account, and an audit event or 0."""

    user_id: int
    event_id: int
    issued_at: datetime


def make(user: User, event_id: int, *, at: datetime) -> str:
    """The path segment of a link."""
    return signing.dumps([user.pk, event_id, int(at.timestamp())], salt=_SALT)


def read(token: str, *, at: datetime) -> Claim:
    """What the link is about.

    Raises:
        LinkInvalid: see there.
    """
    try:
        user_id, event_id, issued = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise LinkInvalid from error
    issued_at = datetime.fromtimestamp(issued, UTC)  # the site's clock, which a demo may move
    if at - issued_at > LINK_LIFE:
        raise LinkInvalid
    return Claim(user_id=user_id, event_id=event_id, issued_at=issued_at)


def path(user: User, event_id: int, *, at: datetime) -> str:
    return reverse("account_not_me", args=[make(user, event_id, at=at)])


def link_of_letter(user: User, letter: str, *, at: datetime) -> str:
    """The link that goes into a letter, about the act it tells of: recorded just before, in the same transaction.

    "" for letters about what nobody did in the account's name.
    """
    names = letters.MINE.intersection(letters.events_of(letter))
    event = user.audit_events.filter(name__in=names).first() if names else None
    return settings.SITE_URL + path(user, event.pk, at=at) if event is not None else ""


def link_of_act(user: User, event_id: int = 0, *, at: datetime) -> str:
    """The link about what the person did to something that is not theirs alone.

    Args:
        event_id: the act, where it is known; else the latest in their name: recorded just before.
    """
    event_id = event_id or user.acts.filter(name__in=letters.MINE).values_list("pk", flat=True).first() or 0
    return settings.SITE_URL + path(user, event_id, at=at) if event_id else ""
