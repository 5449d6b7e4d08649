"""The staff console opens for staff with a fresh second factor from their networks, and changes nothing."""

import dataclasses
import ipaddress
import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from accounts.models import User
from indexsite import admin_site, audit, clock
from indexsite.actors import SITE
from indexsite.models import AuditEvent
from tests.support import cast, people

pytestmark = pytest.mark.django_db
LIST = "/admin/indexsite/auditevent/"


@pytest.fixture
def root() -> User:
    return cast.person("root", is_staff=True, is_superuser=True)


@pytest.fixture
def tina() -> User:
    """Staff without any permission yet."""
    return cast.person("tina", is_staff=True)


@pytest.fixture
def event(alice: User) -> AuditEvent:
    with transaction.atomic():
        return audit.record(SITE, audit.EmailAdded(about=alice, email="<script>alert(1)</script>"))


def test_staff_with_a_fresh_factor_read_the_audit_trail(client: Client, root: User, event: AuditEvent) -> None:
    people.sign_in(client, root)

    listed = client.get(LIST)
    shown = client.get(f"{LIST}{event.pk}/change/")

    assert client.get("/admin/").status_code == listed.status_code == shown.status_code == 200
    assert "email.added" in listed.content.decode()
    assert "<script>alert(1)" not in shown.content.decode()


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
    dora = cast.person("dora", totp=False, is_staff=True, is_superuser=True)
    client.force_login(dora)

    assert client.get("/admin/")["Location"].startswith("/account/security/")


def test_a_session_whose_factor_was_not_proven_is_sent_to_prove_it(client: Client, root: User) -> None:
    client.force_login(root)  # a session as a stolen password alone might make it

    assert client.get(LIST)["Location"].startswith("/account/second-factor/?next=%2Fadmin%2F")


def test_a_proof_that_has_aged_has_to_be_given_again(
    client: Client, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.sign_in(client, root)
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(minutes=31))

    assert client.get("/admin/")["Location"].startswith("/account/second-factor/")


def test_outside_the_staff_networks_there_is_no_console(
    client: Client, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.sign_in(client, root)
    inside = dataclasses.replace(settings.ENV, staff_networks=(ipaddress.ip_network("10.0.0.0/8"),))
    monkeypatch.setattr(settings, "ENV", inside)

    assert client.get("/admin/", REMOTE_ADDR="203.0.113.9").status_code == 404
    assert client.get("/admin/", REMOTE_ADDR="10.1.2.3").status_code == 200


def test_staff_see_only_what_they_have_a_permission_for(client: Client, tina: User, event: AuditEvent) -> None:
    people.sign_in(client, tina)

    assert client.get("/admin/").status_code == 200
    assert client.get(LIST).status_code == 403


@pytest.mark.parametrize(
    ("act", "status"),
    [("add/", 403), ("{}/change/", 403), ("{}/delete/", 403), ("", 200)],  # the list offers no act to choose
)
def test_not_even_a_superuser_changes_anything(
    client: Client, root: User, event: AuditEvent, act: str, status: int
) -> None:
    people.sign_in(client, root)
    count = AuditEvent.objects.count()

    response = client.post(
        LIST + act.format(event.pk),
        {"name": "other", "action": "delete_selected", "_selected_action": str(event.pk), "post": "yes"},
    )

    assert response.status_code == status
    assert AuditEvent.objects.count() == count
    assert AuditEvent.objects.get(pk=event.pk).name == "email.added"


@pytest.mark.asvs("6.4.6")
def test_the_console_changes_no_password_and_ends_no_session_itself(client: Client, root: User) -> None:
    people.sign_in(client, root)

    assert client.post("/admin/password_change/", {"new_password1": "x"})["Location"] == "/account/password/"
    assert client.get("/admin/logout/")["Location"] == "/account/logout/"
    assert root.check_password(cast.PASSWORD)


def test_only_our_own_tables_are_in_the_console() -> None:
    assert [model.__name__ for model in admin_site.site._registry] == ["AuditEvent"]


def test_pages_of_the_console_hold_under_the_strict_policy(client: Client, root: User, event: AuditEvent) -> None:
    people.sign_in(client, root)

    for address in ("/admin/", LIST, f"{LIST}{event.pk}/change/", "/admin/nothing/"):
        response = client.get(address)
        policy = response["Content-Security-Policy"]
        page = response.content.decode()
        assert "unsafe" not in policy
        assert not re.search(r"\sstyle=|\son[a-z]+=\"|<style|javascript:", page), address
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")", page), address


def test_people_read_in_their_history_who_of_the_staff_looked_at_it(
    client: Client, root: User, alice: User, event: AuditEvent
) -> None:
    people.sign_in(client, root)
    with transaction.atomic():
        mine = audit.record(cast.actor(alice), audit.EmailAdded(about=alice, email="second@example.org"))

    client.get(f"{LIST}{mine.pk}/change/")
    client.get(LIST, {"q": "alice"})
    client.get(LIST, {"q": "nobody"})

    assert people.events(alice)[-3:] == ["email.added", "account.history-viewed", "account.history-viewed"]
    page = people.browser(alice).get("/account/history/")
    assert "looked into the history of alice (the event email.added)" in page.text
