"""What a password may be, where it is typed, and how long it lasts."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django import forms
from django.conf import settings
from django.db import models

from accounts import forms as account_forms
from accounts.models import User
from tests.support import cast, people

pytestmark = pytest.mark.django_db

FIELD = re.compile(r"<input[^>]*name=\"password1?\"[^>]*>")
EXACT = "  Nine tin BOATS on a river, " + "and a rhyme " * 12


def enter(password: str) -> int:
    people.forget_limits()
    fields = {"username": "carol", "password": password}
    return people.known_browser(User.objects.get(username="carol")).post("/account/login/", fields).status_code


@pytest.mark.asvs("6.2.5")
@pytest.mark.parametrize(
    "password",
    [
        "wvxjqkzhpfgtbnmrd",
        "WVXJQKZHPFGTBNMRD",
        "83615 02749 26158 90374",
        "#?!{};:/&%§~^°<>|*+=_-,.",
        "каштан гуляет по крыше ночью",
        "🦊🌲🪁🧭🛶🎻🪵🧂🪴🦉",
    ],
)
def test_any_kind_of_character_will_do_and_none_is_demanded(carol: User, password: str) -> None:
    client = people.browser(carol)
    response = client.post("/account/password/", {"password": cast.PASSWORD, "password1": password})
    assert response.status_code == 302, response.context["form"].errors
    assert enter(password) == 302


@pytest.mark.asvs("6.2.8", "6.2.9")
def test_a_password_is_compared_exactly_as_it_was_typed(carol: User) -> None:
    carol.set_password(EXACT)
    carol.save()
    assert len(EXACT) > 150
    for other in (EXACT.strip(), EXACT.lower(), EXACT[:72], EXACT[:128], EXACT + " ", EXACT.replace("  ", " ")):
        assert enter(other) == 400, other
    assert enter(EXACT) == 302


@pytest.mark.asvs("6.2.10")
def test_a_password_does_not_grow_old(carol: User) -> None:
    with time_machine.travel(timedelta(days=5 * 365), tick=True):
        client = people.known_browser(carol)
        response = client.post("/account/login/", {"username": "carol", "password": cast.PASSWORD})
        assert response["Location"] == "/account/"
        assert "password" not in people.events(carol)[-1]


@pytest.mark.asvs("6.2.6", "6.2.7")
def test_passwords_are_hidden_and_managers_may_fill_them_in(carol: User) -> None:
    mine, reset = people.browser(carol), people.browser()
    reset.post("/account/password/reset/", {"email": "carol@example.org"})
    reset.get(people.mailed_link("carol@example.org"))
    asked = {
        "/account/login/": (people.browser(), ["current-password"]),
        "/account/signup/": (people.browser(), ["new-password"]),
        "/account/password/": (mine, ["current-password", "new-password"]),
        "/account/password/reset/new/": (reset, ["new-password"]),
        "/account/second-factor/": (mine, ["current-password"]),
    }
    for path, (client, purposes) in asked.items():
        fields = FIELD.findall(client.get(path).text)
        said = [re.findall(r'autocomplete="([^"]*)"', field) for field in fields]
        assert said == [[each] for each in purposes], path
        for field in fields:
            assert 'type="password"' in field
            assert not re.search(r"onpaste|readonly", field), field
            assert all(int(length) >= 4096 for length in re.findall(r'maxlength="(\d+)"', field))


@pytest.mark.asvs("6.2.7")
def test_no_script_listens_to_pasting() -> None:
    scripts = [path.read_text() for path in (Path(settings.BASE_DIR) / "static" / "js").rglob("*.js")]
    assert scripts
    assert not any(re.search(r"paste", script) for script in scripts)


@pytest.mark.asvs("6.4.2")
def test_nothing_asks_for_a_hint_or_a_secret_question() -> None:
    stored = {field.name for field in User._meta.get_fields() if isinstance(field, models.Field)}
    kinds = [each for each in vars(account_forms).values() if isinstance(each, type)]
    asked = {name for each in kinds if issubclass(each, forms.Form) for name in each.base_fields}
    assert {"password", "username"} <= stored & asked
    assert not [name for name in stored | asked if re.search(r"hint|question|answer|maiden|birth", name)]


@pytest.mark.asvs("6.3.2")
def test_no_account_comes_with_the_software() -> None:
    """The tests' database is what migrations make of an empty one."""
    assert not User.objects.exists()
