"""Several claims to one account, and what its owner or only its mailbox stops (case 22)."""

from __future__ import annotations

import pytest

from accounts.models import User
from indexsite import clock
from indexsite.errors import InvalidInput
from recovery.actions import desk, owner, requests, resuming, story
from recovery.assurance import Signal
from recovery.models import CaseState
from tests.support import cast, people, recovery
from tests.support.recovery import Calendar, Claim, headlines, link, on_duty, queued

pytestmark = pytest.mark.django_db


def test_case_22_two_claimants_and_both_are_decided_at_the_highest_tier(
    carla: User, team: dict[str, User], calendar: Calendar
) -> None:
    first = queued("carla", Signal.PASSWORD)
    assert first.state == CaseState.AUTO_COOLING
    second = queued("carla", Signal.DEVICE, address="10.0.0.1")
    assert (first.state, first.case.tier) == (CaseState.QUEUED, 3)
    assert (second.state, second.case.tier) == (CaseState.QUEUED, 3)
    desk.take(actor=on_duty(team["theo"]), pk=second.pk, at=clock.now())
    desk.merge(actor=on_duty(team["theo"]), pk=second.pk, into=first.pk, reason="the same", at=clock.now())
    assert second.state == CaseState.DUPLICATE
    assert set(second.case.evidence.values_list("signal", flat=True)) == {"mailbox", "device"}
    assert set(first.case.evidence.values_list("signal", flat=True)) == {"mailbox", "password"}
    assert first.case.events.filter(name="merged", data__duplicate=str(second.pk)).exists()


def test_merging_is_no_way_around_the_second_reader(
    carla: User, team: dict[str, User], calendar: Calendar
) -> None:
    ended = queued("carla", Signal.PASSWORD)
    requests.withdraw(actor=ended.actor, pk=ended.pk, secret=ended.secret, at=clock.now())
    rivals = [queued("carla", Signal.DEVICE, address=f"10.0.{net}.1") for net in (1, 2)]
    nobodies = [Claim(name, "them@example.net", address="10.0.3.1").open().finish() for name in ("who", "what")]
    for claim, into in ((rivals[0], ended), nobodies):
        desk.take(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
        before = (claim.state, claim.case.events.count())
        with pytest.raises(InvalidInput, match="another open case about the same account"):
            desk.merge(actor=on_duty(team["tina"]), pk=claim.pk, into=into.pk, reason="the same", at=clock.now())
        assert (claim.state, claim.case.events.count(), into.case.merged.count()) == (*before, 0)


def test_an_alternate_mailbox_is_silent_until_something_the_owner_alone_has(
    carla: User, calendar: Calendar
) -> None:
    first = queued("carla", Signal.PASSWORD)
    claim = Claim("carla", "stranger@example.net", address="10.0.0.1").open()
    before = headlines("carla@example.org")
    claim.offer(Signal.DEVICE, passed=False)
    assert headlines("carla@example.org") == before
    assert first.state == CaseState.AUTO_COOLING  # and pulls nobody's case up
    assert people.events(carla).count("recovery.opened") == 1
    claim.offer(Signal.PASSWORD)
    assert people.events(carla).count("recovery.opened") == 2
    assert claim.case.notified_at is not None


def test_what_a_mailbox_stops_goes_on_with_stronger_evidence_and_no_other_way(
    carla: User, team: dict[str, User], calendar: Calendar
) -> None:
    weak = Claim("carla", "carla@example.org").open()
    owner.cancel_by_link(actor=recovery.visitor(), token=link("cancel", "carla@example.org"), at=clock.now())
    with pytest.raises(resuming.NothingToGoOnWith):
        resuming.reopen(actor=weak.actor, pk=weak.pk, secret=weak.secret, at=clock.now())
    strong = queued("carla", Signal.DEVICE, Signal.PASSWORD, address="10.0.0.1")
    assert strong.case.tier == 3  # stopped once within 30 days
    owner.cancel_by_link(actor=recovery.visitor(), token=link("cancel", "carla@example.org"), at=clock.now())
    assert strong.state == CaseState.CANCELLED
    resuming.reopen(actor=strong.actor, pk=strong.pk, secret=strong.secret, at=clock.now())
    assert strong.state == CaseState.CANCELLED  # the worker looks, so that no answer takes longer
    recovery.tend()
    assert (strong.state, strong.case.tier, strong.case.approvals_needed) == (CaseState.QUEUED, 3, 3)


def test_what_the_owner_stops_in_a_session_stays_stopped(carla: User, calendar: Calendar) -> None:
    claim = queued("carla", Signal.DEVICE)
    owner.cancel_by_session(actor=cast.actor(carla), pk=claim.pk, at=clock.now())
    with pytest.raises(story.CaseMoved):
        resuming.reopen(actor=claim.actor, pk=claim.pk, secret=claim.secret, at=clock.now())


def test_nobody_stops_the_case_of_somebody_else_in_a_session(carla: User, olga: User, calendar: Calendar) -> None:
    claim = queued("carla", Signal.DEVICE)
    for act in (owner.cancel_by_session, owner.dispute_by_session):
        with pytest.raises(story.CaseUnknown):
            act(actor=cast.actor(olga), pk=claim.pk, at=clock.now())
