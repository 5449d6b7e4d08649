"""Every quota and rate limit of the site, one table.

Attempts are counted before the act they belong to and outside its transaction, so that an attack's failures stay
counted when that transaction rolls back. A second connection would wait for ever on SQLite's one write lock;
therefore `consume()` refuses to run inside a transaction, and views and entry points call it first.

With Redis the counters live in the cache; without it, or while it is away, in `RateBucket` rows, which survive a
restart. One atomic statement counts, so concurrent processes lose nothing. Keys are keyed hashes: no address or
name lies around.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from redis.exceptions import RedisError

from indexsite import clock
from indexsite.errors import LimitReached
from indexsite.models import RateBucket

MAX_FILE_BYTES = 1 << 30  # one distribution file: 1 GiB
MAX_PROJECT_BYTES = 10 << 30  # all files of a project: 10 GiB

log = logging.getLogger(__name__)


class Limit(StrEnum):
    """What is counted, and per what."""

    SIGN_IN_USER = "sign-in:user"
    SIGN_IN_USER_ADDRESS = "sign-in:user:address"
    SIGN_IN_DEVICE = "sign-in:device"
    SIGN_IN_ADDRESS = "sign-in:address"
    NEW_PLACE_USER = "new-place:user"
    REPORT_LINK = "report:link"
    REPORT_ADDRESS = "report:address"
    SECOND_FACTOR_USER = "second-factor:user"
    SECOND_FACTOR_DEVICE = "second-factor:device"
    SECOND_FACTOR_INSIDE = "second-factor:user:signed-in"
    SECOND_FACTOR_ADDRESS = "second-factor:address"
    KEY_CHALLENGE_ADDRESS = "key-challenge:address"
    KEY_PROOF_ADDRESS = "key-proof:address"
    SIGN_UP_ADDRESS = "sign-up:address"
    PASSWORD_RESET_EMAIL = "password-reset:email"  # noqa: S105 - a name, not a secret
    PASSWORD_RESET_ADDRESS = "password-reset:address"  # noqa: S105
    CODE_CHECK = "code-check:user"
    MAIL_TO_ADDRESS = "mail:email"
    EMAIL_CODE_USER = "email-code:user"
    STEP_UP_USER = "step-up:user"
    SIGNING_KEY_USER = "signing-key:user"
    EVIDENCE_ADDRESS = "evidence:address"
    TOKEN_CREATE_USER = "token-create:user"  # noqa: S105
    TOKEN_FAILURES_ADDRESS = "token-failures:address"  # noqa: S105
    UPLOAD_USER = "upload:user"
    DRAFT_USER = "draft:user"
    DRAFT_WAIT_USER = "draft-wait:user"
    PROJECT_CREATE_USER = "project-create:user"
    PROJECT_CREATE_ADDRESS = "project-create:address"
    SEARCH_ADDRESS = "search:address"
    INVITE_USER = "invite:user"
    INVITE_TO = "invite:invitee"
    INVITE_AGAIN = "invite-again:invitation"
    ORGANIZATION_CREATE_USER = "organization-create:user"
    TRANSFER_OFFER_USER = "transfer-offer:user"
    MALWARE_REPORT_USER = "malware-report:user"
    CHANGE_USER = "change:user"
    LOOK_UP_STAFF = "look-up:staff"
    RECOVERY_NETWORK = "recovery:network"
    RECOVERY_MAILBOX = "recovery:mailbox"
    RECOVERY_CLAIM = "recovery:claim"
    RECOVERY_OWNER_LINK = "recovery-stop:address"


@dataclass(frozen=True)
class Rate:
    """`count` attempts are let through per `window` seconds, which begin with the first."""

    count: int
    window: int
    sentence: str


_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

LIMITS: dict[Limit, Rate] = {
    # docs/decisions/0020 has the arithmetic of these four.
    Limit.SIGN_IN_USER: Rate(200, _HOUR, "Too many failed sign-ins for this account"),
    Limit.SIGN_IN_USER_ADDRESS: Rate(10, 15 * _MINUTE, "Too many failed sign-ins for this account"),
    Limit.SIGN_IN_DEVICE: Rate(10, 15 * _MINUTE, "Too many failed sign-ins for this account"),
    Limit.SIGN_IN_ADDRESS: Rate(50, 15 * _MINUTE, "Too many failed sign-ins from your network address"),
    Limit.NEW_PLACE_USER: Rate(10, _HOUR, "Too many mailed sign-in links for this account"),
    # Not per account: whoever has one old letter would use up what its owner needs for the next.
    Limit.REPORT_LINK: Rate(10, _DAY, "Too many reports about the same"),
    Limit.REPORT_ADDRESS: Rate(20, _HOUR, "Too many reports from your network address"),
    # docs/decisions/0043: strangers with the password use up the first of these, and neither of the other two.
    Limit.SECOND_FACTOR_USER: Rate(5, 5 * _MINUTE, "Too many wrong codes for this account"),
    Limit.SECOND_FACTOR_DEVICE: Rate(5, 5 * _MINUTE, "Too many wrong codes in this browser"),
    Limit.SECOND_FACTOR_INSIDE: Rate(5, 5 * _MINUTE, "Too many wrong codes for this account"),
    Limit.SECOND_FACTOR_ADDRESS: Rate(30, 15 * _MINUTE, "Too many wrong codes from your network address"),
    # Nothing to guess here: these bound the work, and the pages of a shared network ask with each visit.
    Limit.KEY_CHALLENGE_ADDRESS: Rate(300, 5 * _MINUTE, "Too many uses of keys from your network address"),
    Limit.KEY_PROOF_ADDRESS: Rate(60, 5 * _MINUTE, "Too many uses of keys from your network address"),
    Limit.SIGN_UP_ADDRESS: Rate(20, _HOUR, "Too many new accounts from your network address"),
    Limit.PASSWORD_RESET_EMAIL: Rate(5, _HOUR, "Too many password resets for this e-mail address"),
    Limit.PASSWORD_RESET_ADDRESS: Rate(20, _HOUR, "Too many password resets from your network address"),
    Limit.CODE_CHECK: Rate(10, 15 * _MINUTE, "Too many wrong mailed codes for this account"),
    Limit.MAIL_TO_ADDRESS: Rate(5, 15 * _MINUTE, "Too many letters to this e-mail address"),
    Limit.EMAIL_CODE_USER: Rate(20, _HOUR, "Too many mailed codes for this account"),
    Limit.STEP_UP_USER: Rate(10, 15 * _MINUTE, "Too many failed confirmations for this account"),
    Limit.SIGNING_KEY_USER: Rate(20, _HOUR, "Too many signatures tried for this account"),
    Limit.EVIDENCE_ADDRESS: Rate(60, _HOUR, "Too much evidence from your network address"),
    Limit.TOKEN_CREATE_USER: Rate(50, _DAY, "Too many new tokens for this account"),
    Limit.TOKEN_FAILURES_ADDRESS: Rate(100, 5 * _MINUTE, "Too many refused tokens from your network address"),
    Limit.UPLOAD_USER: Rate(1000, _HOUR, "Too many uploads by this account"),
    Limit.DRAFT_USER: Rate(200, _HOUR, "Too many new drafts by this account"),
    # Fifteen jobs that wait all the time (docs/decisions/0054).
    Limit.DRAFT_WAIT_USER: Rate(4000, _HOUR, "Too many requests that wait by this account"),
    Limit.PROJECT_CREATE_USER: Rate(20, _HOUR, "Too many new projects by this account"),
    Limit.PROJECT_CREATE_ADDRESS: Rate(40, _HOUR, "Too many new projects from your network address"),
    Limit.SEARCH_ADDRESS: Rate(120, _MINUTE, "Too many searches from your network address"),
    Limit.INVITE_USER: Rate(30, _HOUR, "Too many invitations by this account"),
    Limit.INVITE_TO: Rate(10, _DAY, "Too many invitations and offers went there today"),
    Limit.INVITE_AGAIN: Rate(3, _DAY, "This invitation was sent often enough today"),
    Limit.ORGANIZATION_CREATE_USER: Rate(5, _DAY, "Too many new organizations by this account"),
    Limit.TRANSFER_OFFER_USER: Rate(20, _DAY, "Too many offered transfers by this account"),
    Limit.MALWARE_REPORT_USER: Rate(20, _DAY, "Too many reports by this account"),
    # Most changes of a project or organisation are told to others by mail, and most can be undone and done again.
    Limit.CHANGE_USER: Rate(200, _HOUR, "Too many changes by this account"),
    # Whose an address is: no member of the staff answers sixty people in an hour. Nobody clears it.
    Limit.LOOK_UP_STAFF: Rate(60, _HOUR, "Too many searches for addresses by you"),
    # Per neighbourhood (/24, /48), per typed mailbox (which then hears nothing), per case.
    Limit.RECOVERY_NETWORK: Rate(5, _DAY, "Too many requests to get back in from your network"),
    Limit.RECOVERY_MAILBOX: Rate(3, _DAY, "Too many letters to this e-mail address"),
    Limit.RECOVERY_CLAIM: Rate(60, _HOUR, "Too many attempts in this request"),
    Limit.RECOVERY_OWNER_LINK: Rate(60, _HOUR, "Too many attempts from your network address"),
}


# Which limits count a person, and which a network address: for looking up and clearing. The first goes by name.
OF_ACCOUNT = tuple(limit for limit in Limit if limit.value.endswith(":user"))
OF_ADDRESS = tuple(limit for limit in Limit if limit.value.endswith(":address") and limit.value.count(":") == 1)


@dataclass(frozen=True)
class Used:
    """How much of a limit is used up, and when it begins anew."""

    limit: Limit
    count: int
    until: datetime

    @property
    def most(self) -> int:
        return LIMITS[self.limit].count

    @property
    def is_reached(self) -> bool:
        return self.count >= self.most

    @property
    def sentence(self) -> str:
        return LIMITS[self.limit].sentence


def used(limit: Limit, *key_parts: str, at: datetime) -> Used:
    """Looks, and counts nothing."""
    count, until = _counter().read(_key(limit, key_parts), at)
    return Used(limit, count, until)


def consume(limit: Limit, *key_parts: str, at: datetime) -> None:
    """Count one attempt.

    Args:
        limit: which row of `LIMITS`.
        key_parts: whom it is counted for, such as a user's primary key or a network address.
        at: now.

    Raises:
        LimitReached: this attempt is one too many; it says when to try again.
        RuntimeError: inside a transaction, whose rollback would forget the attempt.
    """
    key = _key(limit, key_parts)
    count, until = _on_its_own(lambda: _counter().add(key, LIMITS[limit].window, at))
    if count > LIMITS[limit].count:
        raise _reached(limit, until, at)


def check(limit: Limit, *key_parts: str, at: datetime) -> None:
    """Raise `LimitReached` if the next attempt would be one too many; counts nothing."""
    count, until = _counter().read(_key(limit, key_parts), at)
    if count >= LIMITS[limit].count:
        raise _reached(limit, until, at)


def reset(limit: Limit, *key_parts: str) -> None:
    """Forget the attempts, as after a success."""
    key = _key(limit, key_parts)
    _on_its_own(lambda: _counter().forget(key))


def sweep() -> None:
    """Delete buckets that have run out."""
    RateBucket.objects.filter(expires_at__lte=clock.now()).delete()


def _on_its_own[T](count: Callable[[], T]) -> T:
    # `durable` is Django's own test for "nothing around this", and knows the transaction of a test case.
    try:
        with transaction.atomic(durable=True):
            return count()
    except RuntimeError as error:
        raise RuntimeError("Limits are counted before the act's transaction, not inside it.") from error


def _key(limit: Limit, parts: tuple[str, ...]) -> str:
    if limit.value.endswith(":address"):
        parts = (*parts[:-1], _neighbourhood(parts[-1]))
    # Length-prefixed, so that ("ab", "c") and ("a", "bc") are two keys.
    text = "".join(f"{len(part)}:{part}" for part in (limit.value, *parts))
    secret = settings.SECRET_KEY.encode()
    return hmac.digest(secret, b"indexsite.limits " + text.encode(), hashlib.sha256).hex()


def _neighbourhood(address: str) -> str:
    """An IPv6 customer holds a /64 at least, and could try from each of its addresses; IPv4 ones stand alone."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def _reached(limit: Limit, until: datetime, at: datetime) -> LimitReached:
    seconds = max(1, math.ceil((until - at).total_seconds()))
    wait = f"{seconds} seconds" if seconds < 120 else f"{math.ceil(seconds / 60)} minutes"
    return LimitReached(f"{LIMITS[limit].sentence}; try again in {wait}.", retry_after=seconds)


# -- counters ---------------------------------------------------------------------------------------------


class DatabaseCounter:
    """One row per key, changed by one upsert."""

    UPSERT = """
        INSERT INTO indexsite_ratebucket (key, count, expires_at) VALUES (%s, 1, %s)
        ON CONFLICT (key) DO UPDATE SET
            count = CASE WHEN indexsite_ratebucket.expires_at <= %s THEN 1 ELSE indexsite_ratebucket.count + 1 END,
            expires_at = CASE WHEN indexsite_ratebucket.expires_at <= %s
                THEN excluded.expires_at ELSE indexsite_ratebucket.expires_at END
        RETURNING count, expires_at
    """

    def add(self, key: str, window: int, at: datetime) -> tuple[int, datetime]:
        now = connection.ops.adapt_datetimefield_value(at)
        until = connection.ops.adapt_datetimefield_value(at + timedelta(seconds=window))
        with connection.cursor() as cursor:
            cursor.execute(self.UPSERT, [key, until, now, now])
            count, expires_at = cursor.fetchone()
        if isinstance(expires_at, str):  # SQLite may hand back its text, and never a time zone
            expires_at = datetime.fromisoformat(expires_at)
        return count, expires_at if expires_at.tzinfo else expires_at.replace(tzinfo=UTC)

    def read(self, key: str, at: datetime) -> tuple[int, datetime]:
        bucket = RateBucket.objects.filter(key=key, expires_at__gt=at).first()
        return (bucket.count, bucket.expires_at) if bucket else (0, at)

    def forget(self, key: str) -> None:
        RateBucket.objects.filter(key=key).delete()


class CacheCounter:
    """Two cache entries per key: which window runs (its end and a nonce), and that window's count.

    Each window counts under a name of its own, so that neither a reset nor a late process disturbs a newer one.
    """

    def add(self, key: str, window: int, at: datetime) -> tuple[int, datetime]:
        while True:
            until, name = self._window(key, at)
            if until <= at:
                if name:  # the demo's clock was moved; otherwise the cache itself forgets the window
                    cache.delete(f"limit:{key}")
                end = (at + timedelta(seconds=window)).timestamp()
                cache.add(f"limit:{key}", f"{end:.6f} {secrets.token_hex(8)}", timeout=window)
                continue
            cache.add(name, 0, timeout=window)
            try:
                return cache.incr(name), until
            except ValueError:  # ran out between the two commands
                continue

    def read(self, key: str, at: datetime) -> tuple[int, datetime]:
        until, name = self._window(key, at)
        return (0, at) if until <= at else (cache.get(name, 0), until)

    def forget(self, key: str) -> None:
        cache.delete(f"limit:{key}")

    def _window(self, key: str, at: datetime) -> tuple[datetime, str]:
        """When the running window ends (`at` if none runs), and the name of its count."""
        stored = cache.get(f"limit:{key}")
        if stored is None:
            return at, ""
        end, nonce = stored.split()
        return datetime.fromtimestamp(float(end), UTC), f"limit:{key}:{nonce}"


class FallbackCounter:
    """Redis, and the database while Redis is away: a limit that fails open would invite taking Redis down."""

    def __init__(self) -> None:
        self.first, self.second = CacheCounter(), DatabaseCounter()

    def add(self, key: str, window: int, at: datetime) -> tuple[int, datetime]:
        try:
            return self.first.add(key, window, at)
        except RedisError:
            log.exception("Redis is away; limits are counted in the database.")
            return self.second.add(key, window, at)

    def read(self, key: str, at: datetime) -> tuple[int, datetime]:
        try:
            return self.first.read(key, at)
        except RedisError:
            log.exception("Redis is away; limits are read from the database.")
            return self.second.read(key, at)

    def forget(self, key: str) -> None:
        self.second.forget(key)
        try:
            self.first.forget(key)
        except RedisError:
            log.exception("Redis is away; a limit was reset in the database only.")


def _counter() -> DatabaseCounter | FallbackCounter:
    return FallbackCounter() if settings.ENV.redis_url else DatabaseCounter()
