"""The desk's own work: taking cases over, clocks, reminders, second readers, disputes and what is left behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import User
from indexsite import clock
from indexsite.errors import Conflict
from indexsite.policies import Action, may
from recovery.actions import desk, owner, requests
from recovery.assurance import Signal
from recovery.models import CaseState
from tests.support import cast, people, recovery
from tests.support.recovery import Calendar, Claim, headlines, link, on_duty, queued

pytestmark = pytest.mark.django_db


def test_a_colleague_takes_a_case_over_with_a_reason(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE)
    desk.take(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
    with pytest.raises(desk.LeaseTaken):
        desk.take(actor=on_duty(team["tom"]), pk=claim.pk, at=clock.now())
    calendar.jump(minutes=20)
    desk.heartbeat(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
    calendar.jump(minutes=20)
    with pytest.raises(desk.LeaseTaken):
        desk.take(actor=on_duty(team["tom"]), pk=claim.pk, at=clock.now())
    desk.take(actor=on_duty(team["tom"]), pk=claim.pk, at=clock.now(), reason="she is ill")
    with pytest.raises(desk.LeaseMissing):
        desk.heartbeat(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
    with pytest.raises(Conflict):
        claim.approve(team["tina"])
    assert claim.case.events.get(name="stolen").data == {"earlier": "tina"}


def test_the_reply_clock_stands_while_the_claimant_is_asked(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE)
    due = claim.case.reply_due_at
    desk.take(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
    desk.ask(actor=on_duty(team["tina"]), pk=claim.pk, text="Which project?", at=clock.now())
    assert claim.state == CaseState.NEEDS_INFO
    calendar.jump(days=5)
    requests.reply(actor=claim.actor, pk=claim.pk, secret=claim.secret, text="sampleproject", at=clock.now())
    assert (claim.state, claim.case.reply_due_at) == (CaseState.QUEUED, due + timedelta(days=1) * 5)


def test_an_unanswered_question_ends_the_case_after_two_weeks(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE)
    desk.take(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
    desk.ask(actor=on_duty(team["tina"]), pk=claim.pk, text="Which project?", at=clock.now())
    calendar.jump(days=15)
    recovery.tend()
    assert claim.state == CaseState.EXPIRED


def test_reminders_come_on_days_3_7_and_12_and_the_end_on_day_14(carla: User, calendar: Calendar) -> None:
    claim = Claim("carla", "carla@example.org").open()
    reminded = []
    for day in range(1, 16):
        before = len(people.letters_to("carla@example.org"))
        calendar.pass_by(hours=24, step=timedelta(days=1))
        new = people.letters_to("carla@example.org")[before:]
        reminded += [day for letter in new if "waits for you" in letter.subject]
    assert reminded == [3, 7, 12]
    assert claim.state == CaseState.EXPIRED


def test_rejecting_at_the_highest_tier_takes_a_second_reader(
    carla: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("carla", Signal.PASSWORD)
    queued("carla", Signal.DEVICE, address="10.0.0.1")
    desk.take(actor=on_duty(team["theo"]), pk=claim.pk, at=clock.now())
    with pytest.raises(desk.SecondReaderNeeded):
        desk.reject(actor=on_duty(team["theo"]), pk=claim.pk, reason="no", at=clock.now())
    desk.take(actor=on_duty(team["theo"]), pk=claim.pk, at=clock.now())
    with pytest.raises(desk.SecondReaderNeeded):
        desk.reject(actor=on_duty(team["theo"]), pk=claim.pk, reason="no", at=clock.now())
    desk.take(actor=on_duty(team["thea"]), pk=claim.pk, at=clock.now())
    desk.reject(actor=on_duty(team["thea"]), pk=claim.pk, reason="no", at=clock.now())
    assert claim.state == CaseState.REJECTED


def test_this_was_not_me_freezes_and_pages_security_until_it_is_settled(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.DEVICE).approve(team["tina"], team["theo"])
    co_owner = link("cancel", "bertil@example.org")
    seen = owner.look(token=co_owner, at=clock.now())
    assert (seen.can_cancel, seen.can_dispute) == (False, True)
    for _ in range(2):
        owner.dispute_by_link(actor=recovery.visitor(), token=co_owner, at=clock.now())
    assert claim.state == CaseState.DISPUTED
    olga.refresh_from_db()
    assert getattr(may(cast.actor(olga), Action.TOKEN_CREATE), "code", "") == "edits-frozen"
    assert any("co-owner says" in letter.subject for letter in people.letters_to("sven@example.org"))
    assert people.events(olga).count("recovery.disputed") == 1
    calendar.pass_by(days=4, step=timedelta(hours=1))
    olga.refresh_from_db()
    assert olga.edits_frozen_until > clock.now()
    desk.settle(actor=on_duty(team["sven"]), pk=claim.pk, goes_on=True, reason="a joke", at=clock.now())
    assert (claim.state, claim.case.tier, claim.case.approvals_needed) == (CaseState.QUEUED, 3, 3)


def test_the_owner_wants_no_requests_for_a_month(carla: User, calendar: Calendar) -> None:
    owner.pause(actor=cast.actor(carla), at=clock.now())
    claim = Claim("carla", "carla@example.org").open()
    assert claim.case.user is None
    assert headlines("carla@example.org") == ["no requests for a while"]
    calendar.jump(days=31)
    assert Claim("carla", "carla@example.org").open().case.user == carla


def test_a_link_that_ran_out_leads_back_to_the_queue_and_the_account_stays_shut(
    carla: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("carla", Signal.PASSWORD, Signal.DEVICE)
    calendar.pass_by(hours=80)
    assert claim.state == CaseState.EXECUTED
    calendar.pass_by(hours=25)
    assert claim.state == CaseState.QUEUED
    carla.refresh_from_db()
    assert carla.recovering_since is not None
    desk.take(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
