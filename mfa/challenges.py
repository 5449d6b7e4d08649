"""Challenges for keys to sign: kept in the browser's session, good once, for one purpose and one person.

One given out for a second factor, where the key need not ask for a PIN, never serves a sign-in without a password:
else whoever knows any password could come in with anybody's key (`docs/decisions/0031`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest

from indexsite.errors import InvalidInput

LIFETIME = timedelta(minutes=6)  # the browser is told five; slow lines get one more
_SESSION_KEY = "mfa_challenges"


class Purpose(StrEnum):
    """What the signature is wanted for."""

    ADD = "add"
    SIGN_IN = "sign-in"
    SECOND_FACTOR = "second-factor"
    STEP_UP = "step-up"
    # The challenge is the digest of what is signed, which is kept beside it.
    APPROVE = "approve"
    RELEASE = "release"


@dataclass(frozen=True)
class Challenge:
    """One outstanding challenge.

    Attributes:
        user_id: whose key has to answer; 0 where the key itself says who comes, in a sign-in without a password.
        value: base64url, as the browser has it.
        verify_user: whether the key has to ask for PIN or finger.
        about: what is signed, where the challenge is the digest of something; else "".
    """

    purpose: Purpose
    user_id: int
    value: str
    verify_user: bool
    about: str = ""


class ChallengeGone(InvalidInput):
    """None was given out for this, or it was used, or it is too old."""

    code = "challenge-gone"

    def __init__(self) -> None:
        super().__init__("This took too long, or was begun in another tab; press the button again.")


def keep(request: HttpRequest, challenge: Challenge, *, at: datetime) -> None:
    """Remember `challenge` in the session; an earlier one for the same purpose is void."""
    kept: dict[str, Any] = dict(request.session.get(_SESSION_KEY, {}))
    kept[challenge.purpose] = {
        "user": challenge.user_id,
        "value": challenge.value,
        "verify_user": challenge.verify_user,
        "about": challenge.about,
        "at": at.timestamp(),
    }
    request.session[_SESSION_KEY] = kept


def take(request: HttpRequest, purpose: Purpose, *, user_id: int, at: datetime) -> Challenge:
    """The session's challenge for `purpose` and person; whatever comes of it, it is gone.

    Raises:
        ChallengeGone: there is none, or it was for somebody else, or it is too old.
    """
    kept: dict[str, Any] = dict(request.session.get(_SESSION_KEY, {}))
    found = kept.pop(purpose, None)
    if found is None:
        raise ChallengeGone
    request.session[_SESSION_KEY] = kept
    try:
        # At once: an error on the way must not leave it there for a second try.
        request.session.save()
    except UpdateError:  # another request of the same session was faster, and has ended it
        raise ChallengeGone from None
    age = at - datetime.fromtimestamp(float(found["at"]), tz=UTC)
    if found["user"] != user_id or not timedelta(0) <= age <= LIFETIME:
        raise ChallengeGone
    return Challenge(
        purpose, user_id, str(found["value"]), bool(found["verify_user"]), str(found.get("about", ""))
    )
