"""The owner's pages: what a letter's link stops without a sign-in, what a session stops. Reading stops nothing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import PastAddress, User
from indexsite import clock
from recovery.actions import requests
from recovery.assurance import Signal
from recovery.models import CancelledBy, CaseState, RequestPause
from tests.support import cast, people, recovery
from tests.support.database import changed_since, contents
from tests.support.people import browser, events, letters_to
from tests.support.recovery import Calendar, Claim, headlines, link, queued

pytestmark = pytest.mark.django_db


def path_of(address: str, *, which: int = -1) -> str:
    return f"/recovery/cancel/{link('cancel', address, which=which)}/"


def test_a_link_stops_a_recovery_with_one_post_and_without_a_sign_in(carla: User, calendar: Calendar) -> None:
    claim = queued("carla", Signal.PASSWORD)
    path, client = path_of("carla@example.org"), browser()
    page = client.get(path)
    assert page.status_code == 200
    assert "Stop this recovery" in page.text
    assert "no-store" in page["Cache-Control"]
    assert client.post(path, {"act": "stop"})["Location"] == path
    assert claim.case.cancelled_by == CancelledBy.MAILBOX
    assert claim.state == CaseState.CANCELLED
    assert events(carla)[-1] == "recovery.cancelled"
    assert headlines("carla@example.org")[-1] == "a recovery was stopped"
    after = client.get(path)
    assert "Stopped on" in after.text
    assert "Stop this recovery" not in main_of(after.text)
    assert client.post(path, {"act": "stop"}).status_code == 302  # twice is as once
    assert events(carla).count("recovery.cancelled") == 1


def main_of(text: str) -> str:
    found = re.search(r"<main.*</main>", text, re.DOTALL)
    assert found is not None
    return found[0]


def test_opening_a_link_changes_nothing_however_often(carla: User, calendar: Calendar) -> None:
    """Scanners of mail open every link, and browsers fetch them ahead."""
    claim = queued("carla", Signal.PASSWORD)
    path = path_of("carla@example.org")
    before = contents()
    for method in ("get", "head", "get"):
        assert getattr(browser(), method)(path, headers={"Sec-Purpose": "prefetch"}).status_code == 200
    assert browser().options(path).status_code == 405
    assert changed_since(before) == set()
    assert claim.state == CaseState.AUTO_COOLING


def test_a_link_says_that_it_was_somebody_else(carla: User, team: dict[str, User], calendar: Calendar) -> None:
    claim = queued("carla", Signal.PASSWORD)
    path, client = path_of("carla@example.org"), browser()
    client.post(path, {"act": "dispute"})
    carla.refresh_from_db()
    assert claim.state == CaseState.DISPUTED
    assert carla.edits_frozen_until is not None
    assert carla.uploads_frozen_until is not None
    assert "Recovery desk" in letters_to("sven@example.org")[-1].subject
    assert "people who work for this site look into it" in client.get(path).text


@pytest.mark.parametrize(("days", "is_told"), [(179, True), (181, False)])
def test_addresses_of_the_last_180_days_stop_it_too(
    carla: User, calendar: Calendar, days: int, is_told: bool
) -> None:
    then = clock.now() - timedelta(days=days)
    PastAddress.objects.create(user=carla, email="carla@old.example", removed_at=then)
    claim = queued("carla", Signal.PASSWORD)
    assert bool(headlines("carla@old.example")) == is_told
    if is_told:
        browser().post(path_of("carla@old.example"), {"act": "stop"})
        assert claim.state == CaseState.CANCELLED


def test_a_link_that_is_not_whole_is_one_clear_sentence(carla: User, calendar: Calendar) -> None:
    queued("carla", Signal.PASSWORD)
    for path in (path_of("carla@example.org")[:-6] + "/", "/recovery/cancel/nothing/"):
        for answer in (browser().get(path), browser().post(path, {"act": "stop"})):
            assert answer.status_code == 400
            assert "This link is not whole; copy all of it from the letter" in answer.text


def test_a_link_of_a_case_that_is_over_says_so(carla: User, calendar: Calendar) -> None:
    claim = queued("carla", Signal.PASSWORD)
    path = path_of("carla@example.org")
    requests.withdraw(actor=claim.actor, pk=claim.pk, secret=claim.secret, at=clock.now())
    page = browser().get(path).text
    assert "there is nothing left to stop" in page
    assert "<button" not in main_of(page)


def test_after_the_execution_stopping_is_too_late_and_a_dispute_is_not(
    carla: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("carla", Signal.PASSWORD)
    path, client = path_of("carla@example.org", which=0), browser()
    client.get(path)
    calendar.pass_by(hours=80)
    assert claim.state == CaseState.EXECUTED
    late = client.post(path, {"act": "stop"})
    assert late.status_code == 409
    assert "was carried out already; if it was not you, say so" in late.text
    assert "This was not me" in late.text
    client.post(path, {"act": "dispute"})
    assert claim.state == CaseState.DISPUTED


def test_in_a_signed_in_browser_a_link_stops_it_for_good(carla: User, calendar: Calendar) -> None:
    client = browser(carla)
    claim = queued("carla", Signal.DEVICE)
    path = path_of("carla@example.org")
    assert "it stays stopped" in client.get(path).text
    client.post(path, {"act": "stop"})
    assert claim.case.cancelled_by == CancelledBy.SESSION


def test_somebody_elses_session_adds_nothing_to_a_link(carla: User, olga: User, calendar: Calendar) -> None:
    claim = queued("carla", Signal.PASSWORD)
    browser(olga).post(path_of("carla@example.org"), {"act": "stop"})
    assert claim.case.cancelled_by == CancelledBy.MAILBOX


def test_a_co_owner_is_told_and_can_report_but_not_stop(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.PASSWORD)
    path, client = path_of("bertil@example.org"), browser()
    page = client.get(path).text
    assert "Stop this recovery" not in page
    assert "This is not them" in page
    assert "192.0.2" not in page  # from where somebody asked is for the owner
    assert client.post(path, {"act": "stop"}).status_code == 400
    assert claim.state == CaseState.QUEUED
    client.post(path, {"act": "dispute"})
    assert claim.state == CaseState.DISPUTED


# -- in a session ---------------------------------------------------------------------------------------------


def test_every_page_of_the_account_warns_of_an_open_case(carla: User, calendar: Calendar) -> None:
    client = browser(carla)
    queued("carla", Signal.PASSWORD)
    for path in ("/", "/help/", "/account/email/", "/account/tokens/", "/no-such-page/", "/manage/projects/"):
        assert "Somebody asks to recover this account" in client.get(path).text, path
    for path in ("/account/", "/account/security/"):
        page = client.get(path).text
        assert page.count("See who asks, and stop it") == 1
        first = page.index("notice__title")
        assert "Somebody asks to recover this account" in page[first : first + 100]
    assert "Somebody asks" not in browser().get("/").text
    assert "Somebody asks" not in browser(cast.person("other")).get("/account/email/").text


def test_pages_of_other_accounts_cost_no_query_more(carla: User, olga: User, calendar: Calendar) -> None:
    def cost(client: Client) -> int:
        client.get("/account/email/")
        with CaptureQueriesContext(connection) as asked:
            client.get("/account/email/")
        return len(asked)

    client, other = browser(carla), browser(olga)
    before = cost(other)
    queued("carla", Signal.PASSWORD)
    assert cost(other) == before
    assert cost(client) == before + 1


def test_an_owner_is_not_shown_what_they_were_not_told_of(carla: User, calendar: Calendar) -> None:
    client = browser(carla)
    Claim("carla", "stranger@example.net").open()
    assert "Somebody asks" not in client.get("/").text
    queued("carla", Signal.PASSWORD, address="10.0.0.1")
    assert client.get("/account/recovery/").text.count("Asked for on") == 1


def test_the_owner_stops_it_in_a_session_for_good(carla: User, calendar: Calendar) -> None:
    client = browser(carla)
    claim = queued("carla", Signal.PASSWORD)
    before = contents()
    page = client.get("/account/recovery/")
    assert "not before" in page.text
    assert changed_since(before) == set()
    answer = client.post("/account/recovery/", {"act": "stop", "case": str(claim.pk)}, follow=True)
    assert "Stopped. The recovery does not go on." in answer.text
    assert "Nobody asks to recover this account." in answer.text
    assert claim.case.cancelled_by == CancelledBy.SESSION
    assert "Somebody asks" not in client.get("/").text


def test_the_owner_disputes_it_in_a_session(carla: User, team: dict[str, User], calendar: Calendar) -> None:
    client = browser(carla)
    claim = queued("carla", Signal.PASSWORD)
    client.post("/account/recovery/", {"act": "dispute", "case": str(claim.pk)})
    assert claim.state == CaseState.DISPUTED
    assert "Settings are frozen" in client.get("/account/").text
    assert "Somebody reported something as not you" in client.get("/account/").text


@pytest.mark.parametrize("act", ["stop", "dispute"])
def test_nobody_decides_about_the_case_of_somebody_else(
    carla: User, olga: User, calendar: Calendar, act: str
) -> None:
    claim = queued("carla", Signal.PASSWORD)
    client = browser(olga)
    before = contents()
    for case in (str(claim.pk), "nonsense", ""):
        assert client.post("/account/recovery/", {"act": act, "case": case}).status_code == 404
    assert browser().post("/account/recovery/", {"act": act, "case": str(claim.pk)}).status_code == 302
    assert changed_since(before) == set()


# -- no requests for a while ----------------------------------------------------------------------------------


def test_requests_are_turned_off_for_30_days_and_on_again(carla: User, calendar: Calendar) -> None:
    client = browser(carla)
    answer = client.post("/account/recovery/", {"act": "pause"}, follow=True)
    assert "nobody can ask to recover this account, you included" in answer.text
    assert RequestPause.objects.get(user=carla).until == clock.now() + timedelta(days=30)
    assert events(carla)[-1] == "recovery.paused"
    Claim("carla", "carla@example.org")
    people.letters()
    assert recovery.RecoveryCase.objects.get().user is None
    assert "Let requests through again" in client.get("/account/recovery/").text
    client.post("/account/recovery/", {"act": "unpause"})
    assert not RequestPause.objects.exists()
    assert "/account/recovery/" in client.get("/account/security/").text


def test_turning_requests_off_takes_a_factor_proved_just_now(carla: User, calendar: Calendar) -> None:
    """Whoever has a session for an hour must not shut the owner out for a month."""
    client = browser(carla)
    calendar.jump(minutes=20)
    answer = client.post("/account/recovery/", {"act": "pause"})
    assert answer["Location"].startswith("/account/second-factor/")
    assert not RequestPause.objects.exists()
    bare = browser(cast.person("bare", totp=False))
    assert "Takes a second factor" in bare.get("/account/recovery/").text
    assert bare.post("/account/recovery/", {"act": "pause"}).status_code == 302
    assert not RequestPause.objects.exists()
