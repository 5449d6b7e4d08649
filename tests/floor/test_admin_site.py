"""The staff console opens for staff with a fresh second factor from their networks, and changes nothing."""

import dataclasses
import ipaddress
import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import StaffKind, User
from indexsite import admin_site, clock
from tests.support import cast, people

pytestmark = pytest.mark.django_db
LIST = "/admin/audit/"


@pytest.fixture
def root() -> User:
    return cast.staff("root", is_superuser=True)


@pytest.fixture
def tina() -> User:
    """Staff without any permission yet."""
    return cast.staff("tina")


@pytest.fixture
def audra() -> User:
    return cast.staff("audra", StaffKind.AUDITOR)


@pytest.mark.parametrize(
    ("kinds", "rooms"),
    [
        ([StaffKind.VIEWER], {"critical", "staff"}),
        ([StaffKind.SECURITY], {"critical", "staff", "moderation"}),
        ([StaffKind.MODERATOR], {"critical", "staff", "moderation"}),
        ([StaffKind.AUDITOR], {"critical", "staff", "audit"}),
        ([StaffKind.AUDITOR, StaffKind.MODERATOR], {"critical", "staff", "audit", "moderation"}),
    ],
)
def test_everybody_sees_the_rooms_of_their_roles(kinds: list[StaffKind], rooms: set[str]) -> None:
    text = people.browser(cast.staff("someone", *kinds)).get("/admin/").text

    assert rooms <= set(re.findall(r'href="/admin/([a-z]+)/(?:queue/)?"', text))
    assert ("moderation" in rooms, "audit" in rooms) == ("/admin/moderation/" in text, "/admin/audit/" in text)
    assert "Django" not in text


def test_a_visitor_is_led_to_the_one_sign_in_page_and_back(client: Client) -> None:
    response = client.get(LIST)

    assert response.status_code == 302
    assert response["Location"] == f"/account/login/?next={LIST.replace('/', '%2F')}"
    assert client.get("/admin/login/")["Location"] == "/admin/"
    # A password posted to Django's own form is not even read.
    posted = client.post("/admin/login/", {"username": "root", "password": cast.PASSWORD})
    assert posted["Location"] == "/admin/"
    assert "_auth_user_id" not in client.session


def test_a_person_who_is_not_staff_is_refused(client: Client, alice: User) -> None:
    people.sign_in(client, alice)

    response = client.get("/admin/")

    assert response.status_code == 403
    assert "for the people who run the site" in response.content.decode()


def test_staff_without_a_factor_are_sent_to_set_one_up(client: Client) -> None:
    dora = cast.staff("dora", StaffKind.AUDITOR)
    cast.lose_factors(dora)
    client.force_login(dora)

    assert client.get("/admin/")["Location"].startswith("/account/security/")


def test_a_session_whose_factor_was_not_proven_is_sent_to_prove_it(client: Client, audra: User) -> None:
    client.force_login(audra)  # a session as a stolen password alone might make it

    assert client.get(LIST)["Location"].startswith("/account/second-factor/?next=%2Fadmin%2F")


def test_a_proof_that_has_aged_has_to_be_given_again(
    client: Client, audra: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.sign_in(client, audra)
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(minutes=16))

    assert client.get("/admin/")["Location"].startswith("/account/second-factor/")


def test_outside_the_staff_networks_there_is_no_console(
    client: Client, audra: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.sign_in(client, audra)
    inside = dataclasses.replace(settings.ENV, staff_networks=(ipaddress.ip_network("10.0.0.0/8"),))
    monkeypatch.setattr(settings, "ENV", inside)

    assert client.get("/admin/", REMOTE_ADDR="203.0.113.9").status_code == 404
    assert client.get("/admin/", REMOTE_ADDR="10.1.2.3").status_code == 200


def test_being_staff_or_superuser_is_no_role(client: Client, root: User, tina: User) -> None:
    for user in (root, tina):
        for address in ("/admin/", "/admin/staff/", "/admin/moderation/", "/admin/critical/", "/admin/audit/"):
            response = people.browser(user).get(address)
            assert response.status_code == 403, (user, address)
            assert "quarantine" not in response.text.lower()


@pytest.mark.parametrize(
    "address",
    ["indexsite/auditevent/", "auth/", "jsi18n/", "autocomplete/", "password_change/done/", "r/1/1/", "x"],
)
def test_what_django_has_beside_is_not_there(audra: User, address: str) -> None:
    assert people.browser(audra).get(f"/admin/{address}").status_code == 404


@pytest.mark.asvs("6.4.6")
def test_the_console_changes_no_password_and_ends_no_session_itself(client: Client, audra: User) -> None:
    people.sign_in(client, audra)

    assert client.post("/admin/password_change/", {"new_password1": "x"})["Location"] == "/account/password/"
    assert client.get("/admin/logout/")["Location"] == "/account/logout/"
    assert audra.check_password(cast.PASSWORD)


def test_no_table_is_in_the_console() -> None:
    assert admin_site.site._registry == {}


def test_pages_of_the_console_hold_under_the_strict_policy(client: Client, audra: User) -> None:
    people.sign_in(client, audra)

    for address in ("/admin/", LIST, "/admin/nothing/"):
        response = client.get(address)
        policy = response["Content-Security-Policy"]
        page = response.content.decode()
        assert "unsafe" not in policy
        assert not re.search(r"\sstyle=|\son[a-z]+=\"|<style|javascript:", page), address
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")", page), address
