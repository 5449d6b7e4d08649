"""What comes after a stop: a dispute, or a claimant who wants to go on and does not hear what was right."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import User
from indexsite import clock
from recovery.actions import desk, owner
from recovery.actions.resuming import ANSWERED_AFTER
from recovery.models import REOPENED_WITHIN, CancelledBy, CaseState, RecoveryCase
from tests.support import cast, claim_pages, people, recovery
from tests.support.people import browser, events, letters_to
from tests.support.recovery import Calendar, headlines, link, on_duty

pytestmark = pytest.mark.django_db
MAIL = "carla@example.org"


def path_of(address: str = MAIL) -> str:
    return f"/recovery/cancel/{link('cancel', address)}/"


@pytest.fixture
def claimant(carla: User) -> Client:
    return browser()


def stopped(claimant: Client, *, offering: str = "") -> RecoveryCase:
    """Opened with the account's own mailbox, with this password offered, stopped by a letter's link."""
    case = claim_pages.open_request(claimant, "carla", MAIL)
    people.letters()
    browser().post(path_of(), {"act": "stop"})
    people.letters()
    if offering:
        claimant.post(claim_pages.evidence_path(case, "password"), {"password": offering})
    case.refresh_from_db()
    assert case.state == CaseState.CANCELLED
    return case


# -- "this was not me", afterwards ----------------------------------------------------------------------------


def test_whoever_stopped_it_may_say_afterwards_that_it_was_somebody_else(
    claimant: Client, carla: User, team: dict[str, User], calendar: Calendar
) -> None:
    case = stopped(claimant)
    page = browser().get(path_of()).text
    assert "Stopped on" in page
    assert "This was not me" in page
    assert "Stop this recovery" not in page
    browser().post(path_of(), {"act": "dispute"})
    case.refresh_from_db()
    carla.refresh_from_db()
    assert case.state == CaseState.DISPUTED
    assert carla.edits_frozen_until is not None
    assert events(carla)[-2:] == ["recovery.cancelled", "recovery.disputed"]
    assert "Recovery desk" in letters_to("sven@example.org")[-1].subject
    desk.settle(actor=on_duty(team["sven"]), pk=case.pk, goes_on=False, reason="an attack", at=clock.now())
    case.refresh_from_db()
    assert case.state == CaseState.REJECTED


def test_so_does_the_page_of_a_session_and_what_it_stopped_never_goes_on(
    claimant: Client, carla: User, team: dict[str, User], calendar: Calendar
) -> None:
    case = stopped(claimant)
    session = browser(carla)
    assert "Stop it for good" in session.get("/account/recovery/").text
    session.post("/account/recovery/", {"case": str(case.pk), "act": "stop"})
    case.refresh_from_db()
    assert case.cancelled_by == CancelledBy.SESSION
    page = session.get("/account/recovery/").text
    assert "Stop it for good" not in page
    assert "This was not me" in page
    session.post("/account/recovery/", {"case": str(case.pk), "act": "dispute"})
    sven = people.browser(team["sven"])
    answer = sven.post(f"/admin/recovery/case/{case.pk}/settle/", {"goes_on": "yes", "reason": "Looks fine."})
    assert answer.status_code == 409
    assert "stopped this one while signed in" in answer.text
    case.refresh_from_db()
    assert case.state == CaseState.DISPUTED


def test_a_stop_of_long_ago_freezes_nobody(claimant: Client, carla: User, calendar: Calendar) -> None:
    case = stopped(claimant)
    path = path_of()
    calendar.jump(seconds=REOPENED_WITHIN.total_seconds())
    assert "This was not me" not in browser().get(path).text
    browser().post(path, {"act": "dispute"})
    case.refresh_from_db()
    carla.refresh_from_db()
    assert case.state == CaseState.CANCELLED
    assert carla.edits_frozen_until is None
    assert "This was not me" not in browser(carla).get("/account/recovery/").text


# -- going on --------------------------------------------------------------------------------------------------


def go_on(claimant: Client, case: RecoveryCase) -> list[tuple[int, str]]:
    """Press the button; what the claimant sees of it, at once and after the worker has looked."""
    seen = []
    answer = claimant.post(claim_pages.status_path(case), {"act": "reopen"}, follow=True)
    seen.append((answer.status_code, plain(answer.text)))
    for _ in range(2):
        recovery.tend()
        answer = claimant.get(claim_pages.status_path(case))
        seen.append((answer.status_code, plain(answer.text)))
    return seen


def plain(text: str) -> str:
    """What a page says, without its tokens."""
    main = text.partition("<main")[2].partition("</main>")[0]
    return "\n".join(line for line in main.splitlines() if "csrf" not in line)


def test_going_on_tells_nobody_whether_the_password_was_right(carla: User, calendar: Calendar) -> None:
    """The same case twice, with the right password and with a wrong one: only the desk can tell them apart."""
    right, wrong = browser(), browser()
    cases = stopped(right, offering=cast.PASSWORD), stopped(wrong, offering="it is not this one")
    heard = [go_on(client, case) for client, case in zip((right, wrong), cases, strict=True)]
    pages = [
        [(code, text.replace(str(case.pk), "…")) for code, text in each]
        for each, case in zip(heard, cases, strict=True)
    ]
    assert "Received. Your request is looked at." in pages[0][0][1]
    assert pages[0] == pages[1]
    assert [RecoveryCase.objects.get(pk=case.pk).state for case in cases] == [
        CaseState.QUEUED,
        CaseState.CANCELLED,
    ]
    again = [
        client.post(claim_pages.status_path(case), {"act": "reopen"}, follow=True)
        for client, case in zip((right, wrong), cases, strict=True)
    ]
    assert "moved on meanwhile" in again[0].text
    assert "moved on meanwhile" in again[1].text


def test_without_anything_but_mailboxes_there_is_nothing_to_go_on_with(
    claimant: Client, calendar: Calendar
) -> None:
    case = stopped(claimant)
    answer = claimant.post(claim_pages.status_path(case), {"act": "reopen"})
    assert answer.status_code == 409
    assert "first offer something that no mailbox gives" in answer.text


def test_what_does_not_go_on_ends_like_a_case_about_nobody(
    claimant: Client, carla: User, calendar: Calendar
) -> None:
    case = stopped(claimant, offering="it is not this one")
    go_on(claimant, case)
    told = headlines(MAIL)
    calendar.jump(seconds=ANSWERED_AFTER.total_seconds() - 60)
    recovery.tend()
    assert "Your request is looked at" in claimant.get(claim_pages.status_path(case)).text
    calendar.jump(minutes=2)
    recovery.tend()
    case.refresh_from_db()
    assert case.state == CaseState.REJECTED
    assert "Your request has ended" in claimant.get(claim_pages.status_path(case)).text
    assert headlines(MAIL) == told  # its owner heard that it was stopped
    assert letters_to(MAIL)[-1].subject == "Your request: it ended"


def test_what_is_added_while_it_waits_is_looked_at_before_it_ends(
    claimant: Client, carla: User, calendar: Calendar
) -> None:
    """Not at once: letters to the very mailbox that the claimant reads would say which of them was right."""
    case = stopped(claimant, offering="it is not this one")
    go_on(claimant, case)
    claimant.post(claim_pages.evidence_path(case, "password"), {"password": cast.PASSWORD})
    recovery.tend()
    case.refresh_from_db()
    assert case.state == CaseState.CANCELLED
    calendar.jump(seconds=ANSWERED_AFTER.total_seconds())
    recovery.tend()
    case.refresh_from_db()
    assert (case.state, case.tier, case.approvals_needed) == (CaseState.QUEUED, 3, 3)


def test_whoever_waits_for_a_look_may_take_it_back(claimant: Client, calendar: Calendar) -> None:
    case = stopped(claimant, offering="it is not this one")
    go_on(claimant, case)
    claimant.post(claim_pages.path_of(case, "withdraw"))
    case.refresh_from_db()
    assert case.state == CaseState.WITHDRAWN


def test_a_session_ends_the_waiting_for_good(claimant: Client, carla: User, calendar: Calendar) -> None:
    case = stopped(claimant, offering=cast.PASSWORD)
    claimant.post(claim_pages.status_path(case), {"act": "reopen"})
    owner.cancel_by_session(actor=cast.actor(carla), pk=case.pk, at=clock.now())
    calendar.jump(seconds=(ANSWERED_AFTER + timedelta(days=1)).total_seconds())
    recovery.tend()
    case.refresh_from_db()
    assert case.state == CaseState.CANCELLED
    assert "The owner of the account has stopped it" in claimant.get(claim_pages.status_path(case)).text
