"""Whole cases, from the form to the end of the hold."""

from __future__ import annotations

import pytest

from accounts.models import User
from indexsite import clock
from indexsite.policies import Action, may
from mfa.models import has_factor
from recovery.assurance import Signal
from recovery.models import CaseState
from tests.support import cast, people
from tests.support.recovery import Calendar, Claim, headlines

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
