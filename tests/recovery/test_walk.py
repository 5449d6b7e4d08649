"""Whole cases, from the form to the end of the hold."""

from __future__ import annotations

import pytest
from django.core.mail.backends.locmem import EmailBackend

from accounts.models import User
from indexsite import clock
from indexsite.policies import Action, may
from mfa.models import has_factor
from recovery.actions import executing
from recovery.assurance import Signal
from recovery.models import CaseState
from tests.support import cast, claim_pages, people
from tests.support.recovery import Calendar, Claim, headlines
from tests.support.worker import run_queued

pytestmark = pytest.mark.django_db


def test_a_case_without_staff(carla: User, calendar: Calendar) -> None:
    claim = Claim("carla", "carla@example.org").open().offer(Signal.PASSWORD).finish()
    assert claim.state == CaseState.AUTO_COOLING
    calendar.pass_by(hours=71)
    assert claim.state == CaseState.AUTO_COOLING
    assert has_factor(carla)
    calendar.pass_by(hours=9)
    assert claim.state == CaseState.EXECUTED
    assert not has_factor(carla)
    claim.enrol()
    assert claim.state == CaseState.HOLD
    carla.refresh_from_db()
    assert has_factor(carla)
    people.sign_in(people.browser(), carla, password=people.NEW_PASSWORD)
    refused = may(cast.actor(carla), Action.TOKEN_CREATE)
    assert (bool(refused), getattr(refused, "code", "")) == (False, "on-hold")
    calendar.pass_by(hours=25)
    assert claim.state == CaseState.CLOSED
    carla.refresh_from_db()
    assert carla.hold_until is None
    assert may(cast.actor(carla, at=clock.now()), Action.TOKEN_CREATE)
    assert headlines("carla@example.org") == [
        "somebody asks to recover your account",
        "evidence was added",
        "the recovery of your account has a date",
        "half of the waiting is over",
        "one day is left",
        "your account was recovered",
        "the hold is over",
    ]


def test_a_case_approved_by_two(olga: User, team: dict[str, User], calendar: Calendar) -> None:
    claim = Claim("olga", "olga@example.org").open().offer(Signal.DEVICE).finish()
    assert claim.state == CaseState.QUEUED
    claim.approve(team["tina"])
    assert claim.state == CaseState.APPROVED
    claim.approve(team["theo"])
    assert claim.state == CaseState.COOLING
    calendar.pass_by(days=6)
    assert claim.state == CaseState.COOLING
    calendar.pass_by(days=1.5)
    assert claim.state == CaseState.EXECUTED
    claim.enrol()
    calendar.pass_by(days=3.5)
    assert claim.state == CaseState.CLOSED
    assert "somebody asks to recover the account olga" in headlines("bertil@example.org")
    assert "the account olga was recovered" in headlines("bertil@example.org")


def test_a_letter_that_never_leaves_brings_the_case_before_people(
    carla: User, team: dict[str, User], calendar: Calendar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a finished case would wait for its mail server for ever, where nobody looks."""
    client = people.browser()
    case = claim_pages.open_request(client, "carla", "carla@example.org")
    monkeypatch.setattr(EmailBackend, "send_messages", unreachable)
    client.post(claim_pages.evidence_path(case, "password"), {"password": cast.PASSWORD})
    client.post(claim_pages.status_path(case), {"act": "finish"})
    for hours, state in ((23, CaseState.EVIDENCE), (2, CaseState.QUEUED)):
        calendar.jump(hours=hours)
        executing.tend(at=clock.now())
        run_queued(raise_failures=False)
        case.refresh_from_db()
        assert (case.state, case.notified_at) == (state, None)
    assert case.approvals_needed == 2
    tina, page = people.browser(team["tina"]), f"/admin/recovery/case/{case.pk}/"
    tina.post(f"{page}take/")
    assert "no letter to the owner has left in a day" in tina.get(page).text
    answer = tina.post(f"{page}approve/", {"reason": "Sure.", "digest": case.evidence_digest})
    assert "No letter to the owner has left yet" in answer.text
    assert not case.approvals.exists()


def unreachable(backend: EmailBackend, letters: object) -> int:
    raise OSError("no route to the mail server")
