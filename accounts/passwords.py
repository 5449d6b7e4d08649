"""Is a password good enough? Length, guessability with the person's own words, and lists of leaked passwords."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.cache import cache as shared_cache
from django.core.exceptions import ValidationError
from redis.exceptions import RedisError
from zxcvbn import zxcvbn

from accounts.models import User
from indexsite import counters, fetch
from indexsite.counters import Counter
from indexsite.errors import InvalidInput

MIN_LENGTH = 8
MAX_LENGTH = 4096
# zxcvbn refuses more than 72 characters and slows down long before; what follows can only make it stronger.
ESTIMATED_LENGTH = 72
# "Safely unguessable" against online guessing, which limits slow down to a trickle; 0 to 4.
MIN_SCORE = 3
RANGE_URL = "https://api.pwnedpasswords.com/range/"
RANGE_MAX_BYTES = 500_000
RANGE_TIMEOUT = 3.0  # seconds
RANGE_KEPT = 24 * 60 * 60  # seconds
RANGE_LINE = re.compile(r"^([0-9A-F]{35}):(\d{1,12})\r?$", re.MULTILINE)

log = logging.getLogger(__name__)


class WeakPassword(InvalidInput):
    """The sentence says what is wrong with it."""

    code = "weak-password"
    field = "password1"


def check(password: str, *, own_words: Sequence[str]) -> None:
    """Insist that a password is fit to protect an account.

    Args:
        password: as typed.
        own_words: what others know of the person: name, addresses, the site's name.

    Raises:
        WeakPassword: too short, too long, easy to guess, or known from a leak.
    """
    if len(password) < MIN_LENGTH:
        raise WeakPassword(f"Use at least {MIN_LENGTH} characters.")
    if len(password) > MAX_LENGTH:
        raise WeakPassword(f"Use at most {MAX_LENGTH} characters.")
    if _score(password, own_words) < MIN_SCORE:
        raise WeakPassword(
            "This is easy to guess; take several unrelated words, or let a password manager make one."
        )
    if is_breached(password):
        raise WeakPassword("This password is on a list of leaked passwords; choose another one.")


def own_words(*, username: str, emails: Sequence[str]) -> list[str]:
    """The words a guesser would try first."""
    words = [username, settings.SITE_NAME]
    for email in emails:
        words.extend([email, *email.replace("@", ".").split(".")])
    return [word for word in words if word]


def _score(password: str, words: Sequence[str]) -> int:
    head = password[:ESTIMATED_LENGTH]
    return int(zxcvbn(head, user_inputs=[word[:ESTIMATED_LENGTH] for word in words])["score"])


def is_breached(password: str) -> bool:
    """Whether the password is on the configured list. An unreachable one is logged, counted, blocks nobody."""
    match settings.ENV.breached_passwords:
        case "offline":
            return password.lower().strip() in _common()
        case "hibp":
            return password.lower().strip() in _common() or _in_range_service(password)
        case _:
            return False


@cache
def _common() -> frozenset[str]:
    return frozenset(CommonPasswordValidator().passwords)


def _in_range_service(password: str) -> bool:
    # k-anonymity: only the first five digits of the hash leave the site. SHA-1 is the service's choice.
    digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
    try:
        return digest[5:] in _range(digest[:5])
    except fetch.FetchFailed as error:  # whatever the way out is like today, people go on
        log.warning("Leaked-password check skipped, its source is of no use: %s", error.sentence)
        counters.add(Counter.LEAK_CHECKS_SKIPPED)
        return False


def _range(prefix: str) -> list[str]:
    """The endings of all leaked hashes that begin like this; asked for once a day.

    Raises:
        indexsite.fetch.FetchFailed: no answer, or one that is no list.
    """
    key = f"leaked-password-range:{prefix}"
    if (known := _cached(key)) is not None:
        return known
    body = fetch.get(RANGE_URL + prefix, max_bytes=RANGE_MAX_BYTES, timeout=RANGE_TIMEOUT)
    lines = RANGE_LINE.findall(body.decode("ascii", "replace"))
    if not lines:
        raise fetch.FetchFailed("the answer is no list of hashes.")
    counters.add(Counter.LEAK_CHECKS_ASKED)
    found = [suffix for suffix, count in lines if int(count)]  # padding entries carry a count of zero
    with suppress(RedisError):
        shared_cache.set(key, found, timeout=RANGE_KEPT)
    return found


def _cached(key: str) -> list[str] | None:
    try:
        known: list[str] | None = shared_cache.get(key)
    except RedisError:
        return None
    return known


class QualityValidator:
    """The same rules where Django itself sets a password: `changepassword`."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises ValidationError with the sentence of `WeakPassword`."""
        words = own_words(username=user.username, emails=[user.email]) if user is not None else []
        try:
            check(password, own_words=words)
        except WeakPassword as error:
            raise ValidationError(error.sentence, code=error.code) from error

    def get_help_text(self) -> str:
        return f"At least {MIN_LENGTH} characters, hard to guess, and on no list of leaked passwords."
