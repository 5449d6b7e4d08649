"""Signing in: one answer and one hash for whoever fails, limits, sessions, and where it leads."""

import allauth.account.forms
import pytest
from allauth.core import context
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import RequestFactory, override_settings

from accounts.models import User
from indexsite.models import AuditEvent
from tests.support import cast, people

pytestmark = pytest.mark.django_db


def attempt(client=None, username: str = "alice", password: str = "wrong"):
    return (client or people.browser()).post("/account/login/", {"username": username, "password": password})


def page_without_name(response, name: str) -> str:
    return people.without_secrets_of_the_form(response.text).replace(name, "")


@pytest.mark.asvs("6.3.8")
def test_unknown_wrong_closed_and_passwordless_are_one_answer_and_one_hash(
    alice: User, bob: User, carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    carol.set_unusable_password()
    carol.save()
    hashes = people.HashCounter(monkeypatch)
    answers, rows = set(), []
    for name, password in [
        ("alice", "wrong"),
        ("nobody-here", "wrong"),
        ("bob", "wrong"),
        ("bob", cast.PASSWORD),
        ("carol", "wrong"),
        ("not a name", "wrong"),
        ("alice@example.org", cast.PASSWORD),
    ]:
        before = AuditEvent.objects.count()
        seen = []
        assert hashes.during(lambda: seen.append(attempt(username=name, password=password))) == 1, name  # noqa: B023
        answers.add((seen[0].status_code, page_without_name(seen[0], name)))
        rows.append(AuditEvent.objects.count() - before)
    assert len(answers) == 1
    assert set(rows) == {1}


def test_signing_in_by_address_would_tell_by_its_cost_who_is_here(
    alice: User, monkeypatch: pytest.MonkeyPatch, rf: RequestFactory
) -> None:
    hashes = people.HashCounter(monkeypatch)

    def cost(login: str) -> int:
        request = rf.post("/")
        request.session = {}
        with context.request_context(request):
            form = allauth.account.forms.LoginForm({"login": login, "password": "wrong"}, request=request)
            return hashes.during(form.is_valid)

    with override_settings(ACCOUNT_LOGIN_METHODS={"username", "email"}):
        assert cost("alice@example.org") != cost("nobody@example.org")  # the oracle
    assert {"username"} == settings.ACCOUNT_LOGIN_METHODS


def test_the_person_reads_of_the_failure_and_the_attacker_does_not(alice: User) -> None:
    people.browser(agent="Burglar/2").post(
        "/account/login/", {"username": "Alice", "password": "guess one"}, REMOTE_ADDR="198.51.100.7"
    )
    assert people.events(alice) == ["account.sign-in-failed"]
    page = people.browser(alice).get("/account/history/")
    assert page.context["entries"][-1].client == "Burglar/2"
    assert "A sign-in failed" in page.text
    assert "198.51.100.7" in page.text
    assert "guess one" not in page.text


def test_failures_are_limited_per_name_known_or_not(alice: User) -> None:
    for name in ("alice", "nobody-here"):
        answers = [attempt(username=name).status_code for _ in range(12)]
        assert answers == [400] * 10 + [429] * 2
    assert attempt(password=cast.PASSWORD).status_code == 429  # the right one, too, or the limit were none


def test_failures_are_limited_per_network_address_over_many_names() -> None:
    answers = [attempt(username=f"guess{number}").status_code for number in range(52)]
    assert answers == [400] * 50 + [429] * 2


def test_a_success_forgets_the_failures_of_the_name(carol: User) -> None:
    for _ in range(3):
        for _ in range(8):
            attempt(username="carol")
        assert attempt(username="carol", password=cast.PASSWORD).status_code == 302


@pytest.mark.asvs("7.2.4")
def test_the_session_gets_a_new_key_when_it_is_signed_in(carol: User) -> None:
    client = people.browser()
    client.get("/account/login/")
    session = client.session
    session["planted"] = "by an attacker who knows this key"
    session.save()
    planted = session.session_key
    client.cookies["sessionid"] = planted
    people.sign_in(client, carol)
    assert client.session.session_key != planted
    assert not Session.objects.filter(session_key=planted).exists()


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/manage/projects/", "/manage/projects/"),
        ("https://evil.example/", "/account/"),
        ("//evil.example/", "/account/"),
        ("/\\evil.example/", "/account/"),
        ("javascript:alert(1)", "/account/"),
        ("https:evil.example", "/account/"),
    ],
)
def test_next_never_leads_to_another_site(carol: User, wanted: str, leads_to: str) -> None:
    fields = {"username": "carol", "password": cast.PASSWORD, "next": wanted}
    assert people.browser().post("/account/login/", fields)["Location"] == leads_to


def test_next_survives_the_second_factor_and_the_mailed_link(alice: User) -> None:
    client = people.browser()
    client.post("/account/login/?next=/account/email/", {"username": "alice", "password": cast.PASSWORD})
    client.post("/account/second-factor/", {"code": cast.totp_code(alice)})
    assert client.post(people.mailed_link("alice@example.org"))["Location"] == "/account/email/"


def test_a_page_for_people_sends_a_visitor_to_the_front_door_and_back(carol: User) -> None:
    client = people.browser()
    response = client.get("/account/history/?page=2")
    assert response["Location"] == "/account/login/?next=%2Faccount%2Fhistory%2F%3Fpage%3D2"
    response = client.post(response["Location"], {"username": "carol", "password": cast.PASSWORD})
    assert response["Location"] == "/account/history/?page=2"


@pytest.mark.asvs("7.4.1")
def test_signing_out_needs_a_post_and_ends_the_session(carol: User) -> None:
    client = people.browser(carol)
    key = client.session.session_key
    assert client.get("/account/logout/").status_code == 405
    assert people.signed_in_as(client) == "carol"
    client.post("/account/logout/")
    assert people.signed_in_as(client) == ""
    assert not Session.objects.filter(session_key=key).exists()
    assert people.events(carol)[-1] == "account.signed-out"
    client.post("/account/logout/")  # nobody signs out
    assert AuditEvent.objects.filter(name="account.signed-out").count() == 1


def test_account_pages_are_kept_by_no_cache_and_framed_by_nobody(carol: User) -> None:
    for client in (people.browser(), people.browser(carol)):
        for path in ("/account/login/", "/account/", "/account/security/"):
            response = client.get(path)
            if response.status_code == 200:
                assert "no-store" in response["Cache-Control"]
                assert response["X-Frame-Options"] == "DENY"


@pytest.mark.asvs("7.4.2")
def test_an_account_closed_meanwhile_is_signed_out(carol: User) -> None:
    client = people.browser(carol)
    User.objects.filter(pk=carol.pk).update(is_active=False)
    assert people.signed_in_as(client) == ""


def test_each_sign_in_is_listed_with_program_and_network_address(carol: User) -> None:
    people.browser(carol, agent="First/1")
    people.browser(carol, agent="Second/2")
    assert set(UserSession.objects.filter(user=carol).values_list("user_agent", "ip")) == {
        ("First/1", "127.0.0.1"),
        ("Second/2", "127.0.0.1"),
    }
