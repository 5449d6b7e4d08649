"""Strangers cannot keep a person out of an account, and knowing a browser gives nobody more guesses."""

from __future__ import annotations

import dataclasses

import pytest
from django.test import Client

from accounts import known_devices
from accounts.models import User
from indexsite import limits
from indexsite.limits import Limit
from tests.support import cast, people

pytestmark = pytest.mark.django_db

TRIES, CEILING = 10, 20
COOKIE = known_devices.cookie_name("alice")


@pytest.fixture(autouse=True)
def _low_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    """200 attempts make the same point and take longer."""
    low = dataclasses.replace(limits.LIMITS[Limit.SIGN_IN_USER], count=CEILING)
    monkeypatch.setitem(limits.LIMITS, Limit.SIGN_IN_USER, low)


def attempt(client: Client, password: str = "wrong", *, name: str = "alice", address: str = "198.51.100.1") -> int:
    return client.post(
        "/account/login/", {"username": name, "password": password}, REMOTE_ADDR=address
    ).status_code


def besiege(*, name: str = "alice") -> None:
    """Strangers in three places use up all that a name is allowed."""
    for place in range(3):
        for _ in range(TRIES):
            attempt(people.browser(), name=name, address=f"203.0.113.{place}")


def signed_out(user: User) -> Client:
    """A browser the person has used before."""
    client = people.browser(user)
    client.post("/account/logout/")
    people.forget_last_code(user)
    return client


def test_a_stranger_in_one_place_locks_nobody_out_elsewhere(alice: User) -> None:
    answers = [attempt(people.browser(), address="203.0.113.1") for _ in range(TRIES + 1)]
    assert answers == [400] * TRIES + [429]
    assert attempt(people.browser(), cast.PASSWORD) == 302


def test_a_neighbourhood_is_one_place() -> None:
    answers = [attempt(people.browser(), address=f"2001:db8:0:1::{number:x}") for number in range(TRIES + 1)]
    assert answers[-1] == 429


@pytest.mark.asvs("6.3.1")
def test_strangers_everywhere_lock_out_unknown_browsers_and_not_known_ones(alice: User) -> None:
    known = signed_out(alice)
    besiege()
    assert attempt(people.browser(), cast.PASSWORD) == 429  # the attack works on whoever is not known
    assert attempt(known, cast.PASSWORD) == 302
    assert known.post("/account/second-factor/", {"code": cast.totp_code(alice)}).status_code == 302
    assert people.signed_in_as(known) == "alice"
    assert attempt(people.browser(), cast.PASSWORD) == 429  # whose success opens no new round


def test_a_known_browser_has_no_more_tries_than_a_stranger(alice: User) -> None:
    thief = signed_out(alice)
    answers = [attempt(thief, address=f"203.0.113.{place}") for place in range(TRIES + 1)]
    assert answers == [400] * TRIES + [429]
    assert attempt(people.browser(), cast.PASSWORD) == 302  # nor does it use up those of others


def test_a_browser_is_known_after_every_stage_and_not_before(alice: User) -> None:
    client = people.browser()
    assert attempt(client, cast.PASSWORD) == 302
    client.post("/account/second-factor/", {"code": cast.totp_code(alice)})
    assert COOKIE not in client.cookies
    client.post(people.mailed_link("alice@example.org"))
    assert people.signed_in_as(client) == "alice"
    cookie = client.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/account/")


def test_a_cookie_is_good_for_its_account_its_password_and_unforged(alice: User, bob: User) -> None:
    mine = signed_out(alice)
    good = mine.cookies[COOKIE].value
    besiege()
    besiege(name="bob")
    mine.cookies[known_devices.cookie_name("bob")] = good
    assert attempt(mine, cast.PASSWORD, name="bob") == 429
    for forged in ("", "x", good[:-1], "y" + good):
        mine.cookies[COOKIE] = forged
        assert attempt(mine, cast.PASSWORD) == 429
    alice.set_password(people.NEW_PASSWORD)
    alice.save()
    mine.cookies[COOKIE] = good
    assert attempt(mine, people.NEW_PASSWORD) == 429


def test_the_browser_in_which_a_password_is_changed_stays_known(alice: User) -> None:
    client = people.browser(alice)
    client.post("/account/password/", {"password": cast.PASSWORD, "password1": people.NEW_PASSWORD})
    client.post("/account/logout/")
    besiege()
    assert attempt(client, people.NEW_PASSWORD) == 302
