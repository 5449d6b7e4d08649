"""A password on a list of leaked ones opens nothing, neither when it is set nor at the front door."""

import dataclasses
import hashlib
import logging

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from redis.exceptions import ConnectionError as RedisAway

from accounts import passwords
from accounts.models import User
from indexsite import counters, fetch
from indexsite.counters import Counter
from tests.support import cast, people

pytestmark = pytest.mark.django_db

DIGEST = hashlib.sha1(cast.PASSWORD.encode()).hexdigest().upper()


class Service:
    """Stands in for the service of leaked passwords, at the one way out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.body = f"{'0' * 35}:9\r\n"
        monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, breached_passwords="hibp"))
        monkeypatch.setattr(fetch, "get", self._get)

    def leak(self) -> None:
        self.body += f"{DIGEST[5:]}:12\r\n"

    def _get(self, url: str, *, max_bytes: int, timeout: float) -> bytes:
        self.asked.append(url)
        if not self.body:
            raise fetch.FetchFailed("api.pwnedpasswords.com did not answer in time.")
        return self.body.encode()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    return Service(monkeypatch)


def enter(client: Client, password: str = cast.PASSWORD):
    return client.post("/account/login/", {"username": "carol", "password": password})


def totals(client: Client) -> dict[str, str]:
    text = client.get("/metrics", headers={"Host": "localhost:8000"}).text
    return dict(line.split() for line in text.splitlines() if line.startswith("indexsite_leaked"))


@pytest.mark.asvs("6.2.10")
def test_a_leaked_password_signs_nobody_in_and_is_disabled(carol: User, service: Service) -> None:
    owner = people.browser(carol)  # it was not on the list yet
    cache.clear()
    service.leak()

    thief = people.browser()
    response = enter(thief)

    assert response.status_code == 403
    assert "on a list of leaked passwords, so we have disabled it" in response.text
    assert "Forgot your password?" in response.text
    assert people.signed_in_as(thief) == people.signed_in_as(owner) == ""
    assert not UserSession.objects.filter(user=carol).exists()
    assert people.events(carol)[-1] == "password.disabled"
    assert people.subjects(people.letters_to("carol@example.org")) == [
        "Your password is on a list of leaked passwords"
    ]
    assert not User.objects.get(pk=carol.pk).has_usable_password()
    assert enter(people.browser()).status_code == 400  # and from now on it is like any wrong one


def test_a_mailed_link_opens_the_account_again(carol: User, service: Service) -> None:
    service.leak()
    client = people.browser()
    enter(client)
    client.post("/account/password/reset/", {"email": "carol@example.org"})
    client.get(people.mailed_link("carol@example.org"))
    assert client.post("/account/password/reset/new/", {"password1": cast.PASSWORD}).status_code == 400
    assert client.post("/account/password/reset/new/", {"password1": people.NEW_PASSWORD}).status_code == 302
    enter(client, people.NEW_PASSWORD)
    assert people.signed_in_as(client) == "carol"


def test_whoever_does_not_know_the_password_disables_nothing(carol: User, service: Service) -> None:
    service.leak()
    assert enter(people.browser(), "password1").status_code == 400
    assert service.asked == []
    assert User.objects.get(pk=carol.pk).has_usable_password()


def test_a_list_out_of_reach_keeps_nobody_out_is_logged_and_counted(
    carol: User, service: Service, caplog: pytest.LogCaptureFixture, client: Client
) -> None:
    for body in ("", "<html>busy</html>"):
        service.body = body
        with caplog.at_level(logging.WARNING, "accounts.passwords"):
            assert enter(people.browser()).status_code == 302
    assert caplog.text.count("Leaked-password check skipped") == 2
    assert DIGEST[:5] not in caplog.text
    assert totals(client) == {
        "indexsite_leaked_password_checks_asked_total": "0",
        "indexsite_leaked_password_checks_skipped_total": "2",
        "indexsite_leaked_passwords_disabled_total": "0",
    }


def test_a_beginning_is_asked_for_once_a_day_by_all_who_share_a_cache(carol: User, service: Service) -> None:
    for _ in range(3):
        assert enter(people.browser()).status_code == 302
    assert service.asked == [f"https://api.pwnedpasswords.com/range/{DIGEST[:5]}"]
    assert counters.totals()[Counter.LEAK_CHECKS_ASKED] == 1


def test_a_cache_that_is_away_costs_a_question_and_no_sign_in(
    carol: User, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise RedisAway("connection refused")

    monkeypatch.setattr(passwords.shared_cache, "get", away)
    monkeypatch.setattr(passwords.shared_cache, "set", away)
    assert not passwords.is_breached(cast.PASSWORD)
    assert not passwords.is_breached(cast.PASSWORD)
    assert len(service.asked) == 2
