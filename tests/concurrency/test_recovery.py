"""Recoveries at the same moment, on real connections: two tabs, two workers, owner and worker."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import connection

from accounts.models import StaffKind, User
from indexsite import clock
from indexsite.errors import DomainError
from mfa.models import FactorRemoval, has_factor
from recovery.actions import approving, executing, owner
from recovery.models import CaseApproval, CaseState
from tests.support import cast, recovery, recovery_due
from tests.support.races import SURELY, meet, together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owned(db: None) -> User:
    user = recovery.veteran("olga")
    project = cast.ProjectFactory(name="sampleproject", owner=user)
    cast.grant(recovery.veteran("bertil"), project)
    return user


@pytest.fixture
def team(db: None) -> list[User]:
    return [recovery.desk("tina", StaffKind.SUPPORT_1), recovery.desk("theo", StaffKind.SUPPORT_2)]


def outcome(act: object) -> str:
    try:
        return str(act())  # type: ignore[operator]
    except DomainError as error:
        return error.code


def test_case_10_two_workers_carry_it_out_once(
    owned: User, team: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = recovery.due(team)
    meet(monkeypatch, "recovery.actions.story.lock")
    found = together(*[partial(executing.execute, claim.pk, clock.now())] * 2)
    assert found == [CaseState.EXECUTED] * 2
    assert claim.case.events.filter(name="executed").count() == 1
    assert FactorRemoval.objects.filter(case=claim.pk).count() == 1
    assert claim.case.enrolments.count() == 1


def test_case_10_without_the_lock_the_database_still_lets_one_through(
    owned: User, team: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support.races import without_any_lock

    claim = recovery.due(team)
    without_any_lock(monkeypatch)
    meet(monkeypatch, "recovery.actions.executing._hand_over")

    def attempt() -> str:
        try:
            return str(executing.execute(claim.pk, clock.now()))
        except Exception as error:  # noqa: BLE001 - the database says no, in its own words
            return type(error).__name__

    found = together(attempt, attempt)
    assert found.count("executed") == 1, (found, connection.vendor)
    assert FactorRemoval.objects.filter(case=claim.pk).count() == 1


def test_two_workers_share_what_is_due_and_each_case_is_carried_out_once(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    recovery_due.fill(24)
    meet(monkeypatch, "recovery.actions.executing._due", patience=SURELY)

    done = together(*[partial(executing.execute_due, at=clock.now())] * 2)

    assert (sum(done), recovery_due.executed(), recovery_due.faults()) == (24, 24, [])
    # On SQLite whoever comes first may do all of it: only one can write at a time.
    assert connection.vendor == "sqlite" or min(done) > 0


def test_case_12_the_owner_stops_it_in_the_second_it_is_carried_out(
    owned: User, team: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = recovery.due(team)
    token = recovery.link("cancel", "olga@example.org")
    meet(monkeypatch, "recovery.actions.story.lock")
    stop = partial(owner.cancel_by_link, actor=recovery.visitor(), token=token, at=clock.now())
    together(partial(outcome, stop), partial(executing.execute, claim.pk, clock.now()))
    names = set(claim.case.events.values_list("name", flat=True))
    said = set(owned.audit_events.values_list("name", flat=True))
    if claim.state == CaseState.CANCELLED:
        assert has_factor(owned)
        assert ("cancelled" in names, "executed" in names, "recovery.executed" in said) == (True, False, False)
    else:
        assert claim.state == CaseState.EXECUTED
        assert not has_factor(owned)
        assert ("cancelled" in names, "executed" in names, "recovery.cancelled" in said) == (False, True, False)


def test_case_3_two_tabs_are_one_person(owned: User, team: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    claim = recovery.Claim("olga", "olga@example.org").open().offer(recovery.Signal.DEVICE).finish()
    from recovery.actions import desk

    desk.take(actor=recovery.on_duty(team[1]), pk=claim.pk, at=clock.now())
    digest = claim.case.evidence_digest
    meet(monkeypatch, "recovery.actions.story.lock")

    def approve() -> object:
        return approving.approve(
            actor=recovery.on_duty(team[1]), pk=claim.pk, digest=digest, reason="fine", at=clock.now()
        )

    found = sorted(together(partial(outcome, approve), partial(outcome, approve)))
    assert "approved-before" in found
    assert CaseApproval.objects.filter(case=claim.pk).count() == 1
    assert claim.state == CaseState.APPROVED
