"""Asking to get back in through the pages: the form, the mailed link, the page of the request."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext

from accounts.actions.freezing import freeze_account
from accounts.models import User
from indexsite import clock
from indexsite.limits import LIMITS, Limit
from indexsite.models import AuditEvent, RateBucket
from recovery.assurance import Signal
from recovery.models import CaseState, NoticeKind, NoticeSent, RecoveryCase
from tests.support import cast, claim_pages, people
from tests.support.claim_pages import START, ask, link_in, open_request, path_of, status_path
from tests.support.database import changed_since, contents
from tests.support.people import browser, letters_to, signed_in_as, subjects, without_secrets_of_the_form
from tests.support.recovery import Calendar, Claim
from tests.support.worker import run_queued

pytestmark = pytest.mark.django_db

NAMES = ["carla", "nobody-at-all", "sven", "carla@example.org"]


def text_of(response: HttpResponse) -> str:
    return without_secrets_of_the_form(response.content.decode())


# -- asking ---------------------------------------------------------------------------------------------------


def test_asking_leads_to_the_page_of_the_request_and_mails_a_link(carla: User) -> None:
    client = browser()
    response = client.post(START, {"username": "carla", "email": "Carla@Example.org", "reason": "lost-factor"})
    case = RecoveryCase.objects.get()
    assert (response.status_code, response["Location"]) == (302, status_path(case))
    assert (case.claimed, case.mailbox, case.state) == ("carla", "carla@example.org", CaseState.SUBMITTED)
    cookie = response.cookies[f"recovery-{case.pk.hex}"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert cookie.value not in case.secret
    page = client.get(response["Location"])
    assert page.status_code == 200
    assert "carla@example.org" in page.content.decode()
    assert cookie.value not in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert subjects(letters_to("carla@example.org")) == ["Getting back into an account"]
    assert not NoticeSent.objects.exists()


def test_case_1_every_name_gets_the_same_answer_and_costs_the_same(carla: User, sven: User) -> None:
    seen = []
    for name in NAMES:
        client = browser()
        with CaptureQueriesContext(connection) as queries:
            response = client.post(START, {"username": name, "email": "me@example.com", "reason": "lost-factor"})
        page = client.get(response["Location"])
        shapes = [re.sub(r"'[^']*'|\b[0-9a-f]{32,}\b|\d+", "?", query["sql"]) for query in queries]
        headers = sorted(set(page.headers) | set(response.headers))
        seen.append((response.status_code, shapes, page.status_code, headers, _neutral(text_of(page), name)))
        RateBucket.objects.all().delete()
    assert seen[1:] == seen[:1] * (len(NAMES) - 1)
    bodies = {_neutral(str(letter.body), "") for letter in letters_to("me@example.com")}
    assert len(bodies) == 1


def _neutral(text: str, name: str) -> str:
    text = re.sub(r"/recovery/(open|status)/[^/\s\"]+/", "/recovery/", text)
    return text.replace(name, "NAME") if name else text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"email": "me@example.com"}, "This field is required."),
        ({"username": "carla", "email": "no address"}, "Enter a valid email address."),
        ({"username": "x" * 300, "email": "me@example.com"}, "Ensure this value has at most 254 characters"),
        ({"username": "carla", "email": "me@example.com", "reason": "bored"}, "Select a valid choice."),
    ],
)
def test_bad_input_gets_one_sentence_and_keeps_what_was_typed(fields: dict[str, str], says: str, db: None) -> None:
    response = browser().post(START, {"reason": "lost-factor", **fields})
    page = response.content.decode()
    assert response.status_code == 400
    assert says in page
    assert all(value in page for name, value in fields.items() if name != "reason")
    assert not RecoveryCase.objects.exists()


def test_a_network_asks_so_often_and_then_hears_when_to_try_again(carla: User) -> None:
    for _ in range(LIMITS[Limit.RECOVERY_NETWORK].count):
        assert ask(browser(), "carla", "me@example.com").status_code == 302
    response = ask(browser(), "carla", "me@example.com")
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert "Too many requests to get back in from your network; try again in" in response.content.decode()
    assert 'value="carla"' in response.content.decode()


def test_pages_lead_to_it(carla: User) -> None:
    client = browser()
    assert f'href="{START}"' in client.get("/account/login/").content.decode()
    assert f'href="{START}"' in client.get("/account/password/reset/").content.decode()
    client.post("/account/login/", {"username": "carla", "password": cast.PASSWORD})
    assert f'href="{START}"' in client.get("/account/second-factor/").content.decode()


# -- the mailed link ------------------------------------------------------------------------------------------


def test_the_link_shows_a_button_and_the_button_opens_the_request(carla: User) -> None:
    client = browser()
    case = claim_pages.asked(client, "carla", "carla@example.org")
    path = link_in("carla@example.org")
    page = client.get(path)
    assert page.status_code == 200
    assert "Go on" in page.content.decode()
    response = client.post(path)
    assert (response.status_code, response["Location"]) == (302, status_path(case))
    case.refresh_from_db()
    assert case.state == CaseState.EVIDENCE
    assert set(case.notices.values_list("kind", flat=True)) == {NoticeKind.OPENED}
    assert signed_in_as(client) == ""


def test_link_prefetch_changes_nothing(carla: User) -> None:
    """Scanners of mail and previews open every link, with the browser's cookies and without."""
    client = browser()
    claim_pages.asked(client, "carla", "carla@example.org")
    path = link_in("carla@example.org")
    before = contents()
    for prefetcher in (client, browser()):
        for method in (prefetcher.get, prefetcher.head, prefetcher.options):
            method(path, headers={"purpose": "prefetch"})
    assert changed_since(before) == set()
    assert len(mail.outbox) == 1


def test_the_link_is_good_in_the_browser_that_asked_alone(carla: User) -> None:
    case = claim_pages.asked(browser(), "carla", "carla@example.org")
    path = link_in("carla@example.org")
    thief = browser()
    page = thief.get(path)
    assert '<button class="btn btn--primary"' not in page.content.decode()
    assert f"http://testserver{path}" in page.content.decode()
    refused = thief.post(path)
    never_made = thief.post("/recovery/open/never-made/")
    assert refused.status_code == never_made.status_code == 400
    assert text_of(refused).replace(path, "") == text_of(never_made).replace("/recovery/open/never-made/", "")
    case.refresh_from_db()
    assert case.state == CaseState.SUBMITTED


def test_pressed_twice_is_pressed_once(carla: User) -> None:
    client = browser()
    case = claim_pages.asked(client, "carla", "carla@example.org")
    path = link_in("carla@example.org")
    assert client.post(path)["Location"] == client.post(path)["Location"] == status_path(case)
    assert AuditEvent.objects.filter(name="recovery.opened").count() == 1


def test_a_link_of_yesterday_is_too_old(carla: User, calendar: Calendar) -> None:
    client = browser()
    case = claim_pages.asked(client, "carla", "carla@example.org")
    path = link_in("carla@example.org")
    calendar.pass_by(hours=25)
    response = client.post(path)
    assert response.status_code == 400
    assert (
        "This link has been used, is too old, or belongs to another browser; ask anew."
        in response.content.decode()
    )
    assert "Your request has run out" in client.get(status_path(case)).content.decode()


# -- the page of the request ----------------------------------------------------------------------------------


def test_the_page_is_for_the_browser_that_asked(carla: User) -> None:
    client = browser()
    case = claim_pages.asked(client, "carla", "carla@example.org")
    stranger, owner = browser(), browser(carla)
    stranger.cookies[f"recovery-{case.pk.hex}"] = "guessed"
    nothing = stranger.get("/recovery/status/00000000-0000-0000-0000-000000000000/")
    for other in (stranger, owner):
        for path in (status_path(case), path_of(case, "withdraw")):
            for response in (other.get(path), other.post(path, {"act": "finish"})):
                assert response.status_code == 404
                assert "There is no such request, or this is not the browser it was made in." in text_of(response)
    assert nothing.status_code == 404
    assert client.get(status_path(case)).status_code == 200


def test_the_start_page_names_what_was_asked_in_this_browser(carla: User) -> None:
    client = browser()
    case = claim_pages.asked(client, "carla", "carla@example.org")
    assert status_path(case) in client.get(START).content.decode()
    assert status_path(case) not in browser().get(START).content.decode()


@pytest.mark.parametrize("what", ["signs in", "is frozen", "is handed over"])
def test_a_stranger_does_not_hear_of_an_account_by_its_page(
    carla: User, sven: User, calendar: Calendar, what: str
) -> None:
    """Somebody with a mailbox of their own asks for an account, and for one that is not there, and compares."""
    pages = []
    for number, name in enumerate(("carla", "nobody-at-all")):
        client = browser(REMOTE_ADDR=f"203.0.{number}.9")
        pages.append((client, open_request(client, name, "stranger@example.com"), name))
    if what == "signs in":
        people.browser(carla)
    elif what == "is frozen":
        freeze_account(actor=cast.actor(sven), user=carla, reason="looked into", at=clock.now())
    else:
        Claim("carla", "carla@example.org").open().offer(Signal.PASSWORD).finish()
        calendar.pass_by(hours=80)
        assert RecoveryCase.objects.filter(user=carla, state=CaseState.EXECUTED).exists()
    shown = []
    for client, case, name in pages:
        before = _neutral(text_of(client.get(status_path(case))), name)
        client.post(status_path(case), {"act": "finish"})
        shown.append((before, _neutral(text_of(client.get(status_path(case))), name)))
    assert shown[0] == shown[1]
    assert "Your request is looked at" in shown[0][1]


def test_a_request_is_taken_back_after_one_more_look(carla: User) -> None:
    client = browser()
    case = open_request(client, "carla", "carla@example.org")
    assert client.get(path_of(case, "withdraw")).status_code == 200
    case.refresh_from_db()
    assert case.state == CaseState.EVIDENCE
    response = client.post(path_of(case, "withdraw"), follow=True)
    case.refresh_from_db()
    assert case.state == CaseState.WITHDRAWN
    assert "You took your request back" in response.content.decode()
    assert subjects(letters_to("carla@example.org"))[-1] == "Recovery: a recovery was stopped"
    again = client.post(path_of(case, "withdraw"), follow=True)
    assert "Your request has moved on meanwhile" in again.content.decode()


def test_without_a_request_a_get_changes_nothing(carla: User) -> None:
    client = browser()
    case = open_request(client, "carla", "carla@example.org")
    before = contents()
    for path in (START, status_path(case), path_of(case, "withdraw")):
        assert client.get(path).status_code == 200
    assert changed_since(before) == set()
    run_queued()
