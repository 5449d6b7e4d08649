"""Leaked passwords are refused; a list that is out of reach is logged and blocks nobody."""

import dataclasses
import hashlib
import logging

import pytest
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts import passwords
from accounts.models import User
from indexsite import fetch
from tests.support import people

pytestmark = pytest.mark.django_db

LEAKED = "seven umbrellas lean on a quiet harbour"
DIGEST = hashlib.sha1(LEAKED.encode()).hexdigest().upper()


def use(monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, breached_passwords=source))


def answer(monkeypatch: pytest.MonkeyPatch, body: str) -> list[str]:
    asked: list[str] = []

    def get(url: str, *, max_bytes: int, timeout: float) -> bytes:
        asked.append(url)
        return body.encode()

    monkeypatch.setattr(fetch, "get", get)
    return asked


@pytest.mark.asvs("6.2.4", "6.2.12")
def test_the_offline_list_knows_common_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "offline")
    assert passwords.is_breached("password1")
    assert passwords.is_breached(" PassWord1 ")
    assert not passwords.is_breached(LEAKED)


@pytest.mark.asvs("6.2.12")
def test_only_the_first_five_digits_of_the_hash_leave_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "hibp")
    asked = answer(monkeypatch, f"{'0' * 35}:9\r\n{DIGEST[5:]}:3\r\n")
    assert passwords.is_breached(LEAKED)
    assert asked == [f"https://api.pwnedpasswords.com/range/{DIGEST[:5]}"]
    with pytest.raises(passwords.WeakPassword, match="leaked"):
        passwords.check(LEAKED, own_words=[])


def test_padding_and_other_hashes_are_no_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "hibp")
    answer(monkeypatch, f"{DIGEST[5:]}:0\r\n{'0' * 35}:9\r\n")
    assert not passwords.is_breached(LEAKED)
    answer(monkeypatch, "<html>busy</html>")
    assert not passwords.is_breached(LEAKED)


def test_an_unreachable_list_blocks_nobody_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    use(monkeypatch, "hibp")

    def get(url: str, *, max_bytes: int, timeout: float) -> bytes:
        raise fetch.FetchFailed("api.pwnedpasswords.com did not answer in time.")

    monkeypatch.setattr(fetch, "get", get)
    with caplog.at_level(logging.WARNING, "accounts.passwords"):
        response = people.browser().post(
            "/account/signup/", {"username": "judy", "email": "judy@example.org", "password1": LEAKED}
        )
    assert response.status_code == 302
    assert "Leaked-password check skipped" in caplog.text
    assert LEAKED not in caplog.text
    assert DIGEST[:5] not in caplog.text


def test_the_check_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, "off")
    assert not passwords.is_breached("password1")


def test_a_password_past_the_estimators_reach_is_judged_by_its_beginning() -> None:
    passwords.check("kettle " * 3 + "under the amber bridge" + "z" * 300, own_words=["kettle" * 40])
    with pytest.raises(passwords.WeakPassword):
        passwords.check("a" * 300, own_words=[])


@pytest.mark.asvs("6.2.4")
def test_commands_that_set_passwords_hold_to_the_same_rules() -> None:
    with pytest.raises(ValidationError, match="easy to guess"):
        validate_password("judy2judy", User(username="judy2judy", email="judy@example.org"))
    validate_password(LEAKED)
