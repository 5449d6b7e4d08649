"""What a session's cookie is: random, made anew, worth what the server says; and the way out of it."""

from __future__ import annotations

import math
import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import User
from tests.support import people

pytestmark = pytest.mark.django_db


def with_cookie(key: str) -> Client:
    client = people.browser()
    client.cookies["sessionid"] = key
    return client


@pytest.mark.asvs("7.2.2", "7.2.3")
def test_keys_are_random_and_new_at_each_sign_in(carol: User) -> None:
    keys = {people.browser(carol).session.session_key for _ in range(5)}
    assert len(keys) == 5
    for key in keys:
        assert re.fullmatch(r"[a-z0-9]{32}", key)
        assert 32 * math.log2(36) >= 128
        assert "carol" not in key


@pytest.mark.asvs("7.2.1")
def test_a_cookie_that_the_server_does_not_know_is_worth_nothing(carol: User) -> None:
    key = people.browser(carol).session.session_key
    for made_up in ("a" * 32, key[:-1] + ("a" if key[-1] != "a" else "b"), key.upper(), "", "../" + key):
        assert people.signed_in_as(with_cookie(made_up)) == "", made_up
    assert people.signed_in_as(with_cookie(key)) == "carol"  # the key is all there is to it
    Session.objects.filter(session_key=key).delete()
    assert people.signed_in_as(with_cookie(key)) == ""


@pytest.mark.asvs("7.4.1")
def test_what_has_ended_stays_ended(carol: User) -> None:
    client = people.browser(carol)
    key = client.session.session_key
    client.post("/account/logout/")
    assert people.signed_in_as(with_cookie(key)) == ""
    other = people.browser(carol)
    key = other.session.session_key
    with time_machine.travel(timedelta(days=8), tick=True):
        assert people.signed_in_as(other) == ""
    assert people.signed_in_as(with_cookie(key)) == ""  # not even with the clock set back


@pytest.mark.asvs("7.4.4")
def test_every_page_behind_the_sign_in_offers_to_sign_out(alice: User, mona: User) -> None:
    form = re.compile(r'<form(?=[^>]*method="post")[^>]*action="/account/logout/"')
    pages = {
        alice: ["/", "/account/", "/account/security/", "/account/sessions/", "/manage/projects/"],
        mona: ["/admin/", "/admin/moderation/"],
    }
    for user, paths in pages.items():
        client = people.browser(user)
        for path in paths:
            page = client.get(path).text
            assert form.search(page), path
            assert "Sign out" in page, path


@pytest.mark.asvs("7.6.2")
def test_no_address_makes_a_session_by_being_looked_at(carol: User) -> None:
    people.browser().post("/account/password/reset/", {"email": "carol@example.org"})
    link = people.mailed_link("carol@example.org")
    for path in (link, "/account/login/", "/account/login/passkey/", "/account/verify/", "/account/signup/"):
        client = people.browser()
        client.get(path, follow=True)
        assert people.signed_in_as(client) == "", path


@pytest.mark.asvs("7.6.2")
def test_nobody_is_signed_in_by_the_form_of_another_site(carol: User) -> None:
    client = Client(enforce_csrf_checks=True)
    fields = {"username": "carol", "password": "a sparrow counts nine lanterns"}
    assert client.post("/account/login/", fields, headers={"origin": "https://evil.example"}).status_code == 403
    assert people.signed_in_as(client) == ""
