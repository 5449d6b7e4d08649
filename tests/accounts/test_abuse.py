"""Guessing from one place and from many, and telling from the time an answer takes who has an account."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.cache import cache
from django.db import transaction
from django.test import override_settings

from accounts import notices
from accounts.models import User
from indexsite import limits
from indexsite.limits import Limit
from tests.mfa.test_keys import prove, sign_in_by_passkey
from tests.support import cast, people, redis

pytestmark = pytest.mark.django_db

FACTOR = "/account/second-factor/"


@pytest.fixture(params=["database", "redis", "redis away"])
def counters(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each way of counting attempts."""
    if request.param == "database":
        yield request.param
        return
    url = redis.url() if request.param == "redis" else "redis://127.0.0.1:1/0"
    with override_settings(
        ENV=dataclasses.replace(settings.ENV, redis_url=url),
        CACHES={
            "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
            if request.param == "redis"
            else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
            "worker": settings.CACHES["worker"],
        },
    ):
        cache.clear()
        yield request.param
        cache.clear()


def guess(password: str, address: str) -> int:
    fields = {"username": "alice", "password": password}
    return people.browser().post("/account/login/", fields, REMOTE_ADDR=address).status_code


@pytest.mark.asvs("6.3.1")
def test_guesses_from_one_address_end(alice: User, counters: str) -> None:
    answers = [guess(f"guess {number}", "203.0.113.1") for number in range(12)]
    assert answers == [400] * 10 + [429] * 2
    assert guess(cast.PASSWORD, "203.0.113.1") == 429


@pytest.mark.asvs("6.3.1")
def test_guesses_from_many_addresses_end_and_the_owner_comes_in_with_a_second_proof(
    alice: User, counters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    low = dataclasses.replace(limits.LIMITS[Limit.SIGN_IN_USER], count=15)
    monkeypatch.setitem(limits.LIMITS, Limit.SIGN_IN_USER, low)
    owner = people.known_browser(alice)
    answers = [guess(f"guess {number}", f"203.0.113.{number}") for number in range(17)]
    assert answers == [400] * 15 + [429] * 2
    assert guess(cast.PASSWORD, "198.51.100.1") == 429
    # The known browser is the first proof, the code the second.
    assert owner.post("/account/login/", {"username": "alice", "password": cast.PASSWORD}).status_code == 302
    assert owner.post(FACTOR, {"code": cast.totp_code(alice)})["Location"] == "/account/"


@pytest.mark.asvs("6.3.1", "6.3.5")
def test_codes_guessed_from_many_addresses_end(alice: User, counters: str) -> None:
    answers = []
    for number in range(7):
        thief = people.browser()
        thief.defaults["REMOTE_ADDR"] = f"203.0.113.{number}"
        thief.post("/account/login/", {"username": "alice", "password": cast.PASSWORD})
        answers.append(thief.post(FACTOR, {"code": "000000"}).status_code)
    assert answers == [400] * 5 + [429] * 2
    letters = [letter for letter in people.letters_to(alice.email) if "several wrong codes" in str(letter.body)]
    assert len(letters) == 1


def test_a_key_opens_what_guesses_of_passwords_and_codes_have_locked(
    alice: User, counters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in (Limit.SIGN_IN_USER, Limit.SECOND_FACTOR_DEVICE):
        monkeypatch.setitem(limits.LIMITS, limit, dataclasses.replace(limits.LIMITS[limit], count=2))
    key = cast.add_key(alice)
    waiting = people.known_browser(alice)
    waiting.post("/account/login/", {"username": "alice", "password": cast.PASSWORD})
    answers = [waiting.post(FACTOR, {"code": "000000"}).status_code for _ in range(3)]
    answers += [guess(f"guess {number}", f"203.0.113.{number}") for number in range(3)]
    assert answers == [400, 400, 429] * 2
    assert sign_in_by_passkey(people.browser(), key)["Location"] == "/account/"
    assert prove(waiting, key)["Location"] == "/account/"
    assert people.signed_in_as(waiting) == "alice"


# -- time -------------------------------------------------------------------------------------------------


class MiddlingArgon2Hasher(Argon2PasswordHasher):
    """Slow enough that a hash more or less shows against everything else, fast enough to ask sixty times."""

    time_cost = 2
    memory_cost = 4096
    parallelism = 1


ROUNDS = 30
# Of the median. What is left are the rows of the audit trail, which name a person or nobody; through a network and
# behind a hash of production strength (some 200 ms) that is lost.
TOLERANCE = 0.15


def difference(known: Callable[[], object], unknown: Callable[[], object]) -> float:
    """How much longer `known` takes than `unknown`, as a part of it: medians of processor time, asked in turn.

    Processor time of this thread: what else the machine does at the moment does not count.
    """
    spent: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 2):
        for act, times in zip((known, unknown), spent, strict=True):
            begun = time.thread_time()
            act()
            if number >= 2:  # caches are warm
                times.append(time.thread_time() - begun)
    fast, slow = sorted(statistics.median(times) for times in spent)
    return slow / fast - 1


@pytest.fixture
def _without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, rate in limits.LIMITS.items():
        monkeypatch.setitem(limits.LIMITS, name, dataclasses.replace(rate, count=10_000))


@pytest.fixture
def _hashes_that_show() -> Iterator[None]:
    with override_settings(PASSWORD_HASHERS=[f"{__name__}.{MiddlingArgon2Hasher.__name__}"]):
        yield


usefixtures = pytest.mark.usefixtures("_without_limits", "_hashes_that_show")


def sign_in(name: str) -> Callable[[], object]:
    client = people.browser()
    return lambda: client.post("/account/login/", {"username": name, "password": "wrong"})


def sign_up(email: Callable[[], str], prefix: str) -> Callable[[], object]:
    numbers = count()

    def act() -> object:
        fields = {"username": f"{prefix}{next(numbers)}", "email": email(), "password1": people.NEW_PASSWORD}
        return people.browser().post("/account/signup/", fields)

    return act


def reset(email: str) -> Callable[[], object]:
    client = people.browser()
    return lambda: client.post("/account/password/reset/", {"email": email})


def recovery(name: str) -> Callable[[], object]:
    fields = {"username": name, "email": "me@example.com", "reason": "lost-factor"}
    return lambda: people.browser().post("/recovery/", fields)


@usefixtures
def test_a_door_that_hashes_for_some_only_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The measure has to see what it is for."""
    cast.person("alice")
    from accounts.actions import sign_in as action

    original = action._authenticate
    monkeypatch.setattr(
        action,
        "_authenticate",
        lambda name, password: original(name, password) if User.objects.filter(username=name).exists() else None,
    )
    assert difference(sign_in("alice"), sign_in("nobody-here")) > 3 * TOLERANCE


@pytest.mark.asvs("6.3.8")
@usefixtures
def test_sign_in_takes_as_long_for_a_name_that_is_here_as_for_one_that_is_not() -> None:
    cast.person("alice")
    assert difference(sign_in("alice"), sign_in("nobody-here")) < TOLERANCE


@pytest.mark.asvs("6.3.8")
@usefixtures
def test_sign_up_takes_as_long_for_an_address_that_is_known() -> None:
    cast.person("alice")
    fresh = count()
    known = sign_up(lambda: "alice@example.org", "first")
    unknown = sign_up(lambda: f"new{next(fresh)}@example.org", "other")
    assert difference(known, unknown) < TOLERANCE


@pytest.mark.asvs("6.3.8")
@usefixtures
def test_a_reset_takes_as_long_for_an_address_that_is_known() -> None:
    cast.person("alice")
    assert difference(reset("alice@example.org"), reset("nobody@example.org")) < TOLERANCE


@usefixtures
def test_a_recovery_is_begun_as_quickly_for_a_name_that_is_here() -> None:
    cast.person("alice")
    assert difference(recovery("alice"), recovery("nobody-here")) < TOLERANCE


@usefixtures
def test_a_recovery_that_wrote_to_the_owner_at_once_would_be_found_out() -> None:
    """There is no hash beside which it is lost: the measure sees one letter."""
    alice = cast.person("alice")
    known, unknown = recovery("alice"), recovery("nobody-here")

    def known_and_told() -> None:
        known()
        with transaction.atomic():
            notices.account_unfrozen(alice)

    assert difference(known_and_told, unknown) > TOLERANCE


@pytest.mark.asvs("6.3.8")
@usefixtures
def test_status_and_text_tell_nothing_either() -> None:
    cast.person("alice")
    for ask in (sign_in, reset):
        answers = set()
        for name in ("alice", "nobody"):
            response = ask(name if ask is sign_in else f"{name}@example.org")()
            text = people.without_secrets_of_the_form(response.text).replace(name, "")  # type: ignore[attr-defined]
            answers.add((response.status_code, text))  # type: ignore[attr-defined]
        assert len(answers) == 1
