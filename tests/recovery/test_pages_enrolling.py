"""The way in after a recovery through its pages: link and browser together, until a factor is confirmed."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from accounts.models import User
from mfa.models import SecurityKey, has_factor
from recovery.models import CaseState, RecoveryCase
from tests.support import cast, people
from tests.support.authenticators import SoftKey
from tests.support.claim_pages import evidence_path, open_request, status_path
from tests.support.database import changed_since, contents
from tests.support.people import browser, events, letters_to, signed_in_as, subjects
from tests.support.recovery import Calendar, code_of, link, tend

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    return browser()


@pytest.fixture
def case(client: Client, carla: User, calendar: Calendar) -> RecoveryCase:
    """Carla's, carried out by the rules alone; the letter with the link has come."""
    people.make_known(client, carla)
    case = open_request(client, "carla", "carla@example.org")
    client.post(evidence_path(case, "password"), {"password": cast.PASSWORD})
    people.letters()
    response = client.post(status_path(case), {"act": "finish"}, follow=True)
    assert "The waiting has begun" in response.content.decode()
    calendar.pass_by(hours=80)
    case.refresh_from_db()
    assert case.state == CaseState.EXECUTED
    return case


@pytest.fixture
def path(case: RecoveryCase) -> str:
    return f"/recovery/enrol/{link('enrol', case.mailbox)}/"


def set_up(client: Client, path: str) -> None:
    """Password and codes."""
    client.post(path, {"password1": people.NEW_PASSWORD})
    plain = client.post(path, {"act": "generate"}).context["plain"]
    client.post(path, {"act": "prove", "code": plain[0]})


def totp_secret(client: Client) -> str:
    return str(client.session["recovery_totp_secret"][1])


def test_from_the_link_to_signed_in_again(client: Client, case: RecoveryCase, path: str, carla: User) -> None:
    assert "The way in is open" in client.get(status_path(case)).content.decode()
    assert "Set a new password" in client.get(path).content.decode()
    assert client.post(path, {"password1": people.NEW_PASSWORD})["Location"] == path
    assert "Keep recovery codes" in client.get(path).content.decode()
    made = client.post(path, {"act": "generate"})
    plain = made.context["plain"]
    assert all(code in made.content.decode() for code in plain)
    assert "no-store" in made["Cache-Control"]
    assert plain[0] not in client.get(path).content.decode()
    assert client.post(path, {"act": "prove", "code": plain[0]})["Location"] == path
    assert "Add a second factor" in client.get(path).content.decode()
    done = client.post(path, {"act": "app", "code": code_of(totp_secret(client))})
    assert (done.status_code, done["Location"]) == (302, "/account/login/")
    carla.refresh_from_db()
    case.refresh_from_db()
    assert (case.state, has_factor(carla), carla.recovering_since) == (CaseState.HOLD, True, None)
    assert events(carla)[-1] == "recovery.enrolled"
    assert signed_in_as(client) == ""
    assert "The account carla is yours again" in client.get("/account/login/").content.decode()
    # The same browser is known from now on: no letter is waited for, which might go to what was lost.
    client.post("/account/login/", {"username": "carla", "password": people.NEW_PASSWORD})
    people.forget_last_code(carla)
    response = client.post("/account/second-factor/", {"code": cast.totp_code(carla)})
    assert response.status_code == 302
    assert signed_in_as(client) == "carla"
    assert "You are in again" in client.get(status_path(case)).content.decode()


def test_a_key_ends_it_as_well(client: Client, case: RecoveryCase, path: str, carla: User) -> None:
    set_up(client, path)
    options = client.post(f"{path}key/options/", {"kind": "passkey"}).json()
    answer = SoftKey().create(options)
    done = client.post(path, {"name": "blue", "credential": answer})
    assert (done.status_code, done["Location"]) == (302, "/account/login/")
    assert SecurityKey.objects.get(user=carla).name == "blue"
    case.refresh_from_db()
    assert case.state == CaseState.HOLD


def test_where_much_depends_on_it_only_a_key_will_do(client: Client, case: RecoveryCase, path: str) -> None:
    RecoveryCase.objects.filter(pk=case.pk).update(tier=2, approvals_needed=2)
    set_up(client, path)
    page = client.get(path).content.decode()
    assert "authenticator app" not in page.replace("An authenticator app works without", "")
    response = client.post(path, {"act": "app", "code": code_of(totp_secret(client))})
    assert response.status_code == 409
    case.refresh_from_db()
    assert case.state == CaseState.EXECUTED


def test_link_prefetch_changes_nothing_here_either(client: Client, path: str) -> None:
    client.get(path)  # the count of tries has its row
    before = contents()
    for other in (browser(), client):
        other.get(path, headers={"purpose": "prefetch"})
        other.head(path)
    assert set(changed_since(before)) <= {"indexsite_ratebucket"}


def test_the_link_is_nothing_without_the_browser(case: RecoveryCase, path: str, carla: User) -> None:
    """Whoever reads the mailbox rides on nobody's request."""
    thief = browser()
    thief.cookies[f"recovery-{case.pk.hex}"] = "guessed"
    for response in (
        thief.get(path),
        thief.post(path, {"password1": people.NEW_PASSWORD}),
        thief.post(path, {"act": "generate"}),
        thief.post(f"{path}key/options/", {"kind": "key"}),
    ):
        assert response.status_code == 400
        assert "This link has been used, is too old, or belongs to another browser." in response.content.decode()
    assert thief.get("/recovery/enrol/never-made/").status_code == 400
    carla.refresh_from_db()
    assert not carla.has_usable_password()
    assert not has_factor(carla)


def test_a_weak_password_is_refused_in_one_sentence(client: Client, path: str, carla: User) -> None:
    response = client.post(path, {"password1": "carla"})
    assert response.status_code == 400
    carla.refresh_from_db()
    assert not carla.has_usable_password()
    assert "errorlist" in response.content.decode()


def test_steps_are_taken_in_order_and_a_wrong_code_loses_nothing(
    client: Client, case: RecoveryCase, path: str, carla: User
) -> None:
    client.post(path, {"act": "app", "code": "000000"})
    assert not has_factor(carla)
    set_up(client, path)
    client.get(path)
    secret = totp_secret(client)
    wrong = client.post(path, {"act": "app", "code": "000000"})
    assert wrong.status_code == 400
    assert totp_secret(client) == secret
    again = client.post(f"{path}?again=1", {"password1": "eleven kettles sing behind the lighthouse"})
    assert again["Location"] == path
    client.post(path, {"act": "app", "code": code_of(secret)})
    case.refresh_from_db()
    assert case.state == CaseState.HOLD


def test_a_link_that_ran_out_sends_the_request_back_and_says_so(
    client: Client, case: RecoveryCase, path: str, calendar: Calendar
) -> None:
    client.post(path, {"password1": people.NEW_PASSWORD})
    calendar.jump(hours=25)
    late = client.get(path)
    assert late.status_code == 400
    assert "your request is looked at again by itself" in late.content.decode()
    assert status_path(case) in late.content.decode()
    tend()
    case.refresh_from_db()
    assert case.state == CaseState.QUEUED
    assert "Your request is looked at" in client.get(status_path(case)).content.decode()
    assert client.post(path, {"password1": people.NEW_PASSWORD}).status_code == 400
    assert subjects(letters_to("carla@example.org"))[-1] == "Your request: the link ran out"


def test_used_once_it_is_used(client: Client, case: RecoveryCase, path: str) -> None:
    set_up(client, path)
    client.get(path)
    client.post(path, {"act": "app", "code": code_of(totp_secret(client))})
    response = client.get(path)
    assert response.status_code == 400
    assert status_path(case) in response.content.decode()


def test_somebody_else_who_was_signed_in_here_is_signed_out(client: Client, path: str, bob: User) -> None:
    people.let_in(client, bob)
    set_up(client, path)
    client.get(path)
    client.post(path, {"act": "app", "code": code_of(totp_secret(client))})
    assert signed_in_as(client) == ""


def test_options_for_a_key_come_after_the_other_steps(client: Client, path: str) -> None:
    response = client.post(f"{path}key/options/", {"kind": "key"}, headers={"accept": "application/json"})
    assert response.status_code == 409
    assert json.loads(response.content)["code"] == "steps-missing"


def test_the_date_stands_on_the_page_in_words(client: Client, carla: User, calendar: Calendar) -> None:
    case = open_request(client, "carla", "carla@example.org")
    client.post(evidence_path(case, "password"), {"password": cast.PASSWORD})
    people.letters()
    page = client.post(status_path(case), {"act": "finish"}, follow=True).content.decode()
    assert re.search(r"not sent before 4 March 2027, 09:00 UTC</strong>, in 3.days", page)
    assert "What else would help" not in page
