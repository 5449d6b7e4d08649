"""Limits hold under concurrency, across restarts and rollbacks, with Redis, without it, and while it is away."""

import dataclasses
import multiprocessing
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.core.cache import cache, caches
from django.db import connection, transaction
from django.test import override_settings

from indexsite import limits
from indexsite.errors import LimitReached
from indexsite.limits import LIMITS, Limit
from indexsite.models import RateBucket
from tests.support import redis

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LIMIT = Limit.SECOND_FACTOR_USER
COUNT = LIMITS[LIMIT].count
WINDOW = timedelta(seconds=LIMITS[LIMIT].window)


@pytest.fixture(params=["database", "redis", "redis away"])
def counters(request: pytest.FixtureRequest, db: None) -> Iterator[str]:
    """Each way of counting; the rules are the same for all."""
    if request.param == "database":
        yield request.param
        return
    url = redis.url() if request.param == "redis" else "redis://127.0.0.1:1/0"
    with _redis(url):
        if request.param == "redis":
            cache.clear()
        yield request.param


def _redis(url: str) -> override_settings:
    return override_settings(
        ENV=dataclasses.replace(settings.ENV, redis_url=url),
        CACHES={
            "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url},
            "worker": settings.CACHES["worker"],
        },
    )


@pytest.mark.parametrize("limit", Limit)
def test_every_limit_has_a_row(limit: Limit) -> None:
    rate = LIMITS[limit]

    assert rate.count > 0
    assert rate.window > 0
    assert rate.sentence.isascii()
    assert not rate.sentence.endswith(".")


def test_attempts_up_to_the_limit_pass_and_the_next_is_refused(counters: str) -> None:
    for _ in range(COUNT):
        limits.check(LIMIT, "alice", at=AT)
        limits.consume(LIMIT, "alice", at=AT)

    with pytest.raises(LimitReached) as refused:
        limits.consume(LIMIT, "alice", at=AT + timedelta(minutes=1))

    assert refused.value.sentence == "Too many wrong codes for this account; try again in 4 minutes."
    assert refused.value.retry_after == 240
    with pytest.raises(LimitReached):
        limits.check(LIMIT, "alice", at=AT + timedelta(minutes=1))


def test_keys_and_limits_are_counted_apart(counters: str) -> None:
    for _ in range(COUNT):
        limits.consume(LIMIT, "ab", "c", at=AT)

    limits.consume(LIMIT, "a", "bc", at=AT)
    limits.consume(Limit.SECOND_FACTOR_ADDRESS, "ab", "c", at=AT)
    with pytest.raises(LimitReached):
        limits.consume(LIMIT, "ab", "c", at=AT)


def test_a_window_begins_with_the_first_attempt_and_ends_for_good(counters: str) -> None:
    for _ in range(COUNT + 3):
        with suppress(LimitReached):
            limits.consume(LIMIT, "alice", at=AT)

    later = AT + WINDOW
    limits.check(LIMIT, "alice", at=later)
    for _ in range(COUNT):
        limits.consume(LIMIT, "alice", at=later)
    with pytest.raises(LimitReached):
        limits.consume(LIMIT, "alice", at=later)


def test_a_reset_forgets_the_attempts(counters: str) -> None:
    for _ in range(COUNT):
        limits.consume(LIMIT, "alice", at=AT)

    limits.reset(LIMIT, "alice")

    limits.check(LIMIT, "alice", at=AT)
    limits.consume(LIMIT, "alice", at=AT)


@pytest.mark.django_db(transaction=True)
def test_counting_inside_a_transaction_is_refused_because_a_rollback_would_forget_it() -> None:
    # The attack: the failure is counted in the transaction that the failure rolls back.
    with transaction.atomic():
        limits.DatabaseCounter().add("k", 300, AT)
        transaction.set_rollback(True)
    assert not RateBucket.objects.exists()

    with pytest.raises(RuntimeError, match="before the act's transaction"), transaction.atomic():
        limits.consume(LIMIT, "alice", at=AT)
    with pytest.raises(RuntimeError, match="before the act's transaction"), transaction.atomic():
        limits.reset(LIMIT, "alice")


@pytest.mark.django_db(transaction=True)
def test_a_failure_stays_counted_when_the_act_after_it_rolls_back() -> None:
    for _ in range(COUNT):
        limits.consume(LIMIT, "alice", at=AT)
        with transaction.atomic():
            transaction.set_rollback(True)

    with pytest.raises(LimitReached):
        limits.consume(LIMIT, "alice", at=AT)


@pytest.mark.django_db
def test_an_ipv6_customer_has_one_count_and_not_one_per_address() -> None:
    limits.consume(Limit.SIGN_IN_ADDRESS, "2001:db8:1:2::1", at=AT)
    limits.consume(Limit.SIGN_IN_ADDRESS, "2001:db8:1:2:ffff::9", at=AT)
    limits.consume(Limit.SIGN_IN_ADDRESS, "2001:db8:1:3::1", at=AT)
    limits.consume(Limit.SIGN_IN_ADDRESS, "203.0.113.9", at=AT)
    limits.consume(Limit.SIGN_IN_ADDRESS, "203.0.113.10", at=AT)
    limits.consume(Limit.SIGN_IN_ADDRESS, "", at=AT)

    assert sorted(RateBucket.objects.values_list("count", flat=True)) == [1, 1, 1, 1, 2]


@pytest.mark.django_db
def test_no_name_or_address_lies_in_the_table() -> None:
    limits.consume(Limit.SIGN_IN_ADDRESS, "203.0.113.9", at=AT)
    limits.consume(LIMIT, "alice", at=AT)

    keys = list(RateBucket.objects.values_list("key", flat=True))
    assert len(keys) == 2
    assert all(len(key) == 64 and int(key, 16) for key in keys)


@pytest.mark.django_db
def test_a_sweep_deletes_only_what_ran_out(monkeypatch: pytest.MonkeyPatch) -> None:
    limits.consume(LIMIT, "alice", at=AT)
    limits.consume(Limit.TOKEN_CREATE_USER, "alice", at=AT)
    monkeypatch.setattr(limits.clock, "now", lambda: AT + timedelta(hours=1))

    limits.sweep()

    assert RateBucket.objects.get().expires_at == AT + timedelta(days=1)


def test_while_redis_is_away_the_database_counts_and_the_log_says_so(
    db: None, caplog: pytest.LogCaptureFixture
) -> None:
    with _redis("redis://127.0.0.1:1/0"):
        limits.consume(LIMIT, "alice", at=AT)

    assert RateBucket.objects.get().count == 1
    assert "Redis is away" in caplog.text


def _attack(tries: int, queue: "multiprocessing.Queue[int]") -> None:
    passed = 0
    for _ in range(tries):
        with suppress(LimitReached):
            limits.consume(Limit.STEP_UP_USER, "alice", at=AT)
            passed += 1
    queue.put(passed)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("where", ["database", "redis"])
def test_concurrent_processes_lose_no_attempt(where: str) -> None:
    if where == "redis":
        with _redis(redis.url()):
            cache.clear()
            _race()
    else:
        _race()
        assert RateBucket.objects.get().count == 4 * 25


def _race() -> None:
    connection.close()
    caches.close_all()
    context = multiprocessing.get_context("fork")
    queue: multiprocessing.Queue[int] = context.Queue()
    processes = [context.Process(target=_attack, args=(25, queue)) for _ in range(4)]
    for process in processes:
        process.start()
    passed = sum(queue.get(timeout=30) for _ in processes)
    for process in processes:
        process.join()

    assert passed == LIMITS[Limit.STEP_UP_USER].count
