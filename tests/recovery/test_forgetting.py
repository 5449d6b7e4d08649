"""Two years after its end: what was decided in a case goes, no sooner, and nothing else can take it away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from indexsite import clock, schedule
from mfa.models import FactorRemoval
from recovery.actions import forgetting
from recovery.assurance import Signal
from recovery.models import CaseApproval, CaseEvent, CaseState, Evidence, NoticeSent, RecoveryCase
from tests.support import recovery
from tests.support.recovery import Calendar, Claim, queued

pytestmark = pytest.mark.django_db

ALMOST, REST = 729, 2


@contextmanager
def refused(said: str) -> Iterator[None]:
    with pytest.raises(IntegrityError, match=said), transaction.atomic():
        yield


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def forget() -> int:
    return forgetting.forget_old(at=clock.now())


def test_it_is_a_job_of_every_day() -> None:
    (job,) = [each for each in schedule.JOBS if each.task == "recovery.tasks.forget_recoveries"]
    assert job.every == timedelta(days=1)


def test_a_rejected_case_goes_whole_after_two_years(olga: User, team: dict[str, User], calendar: Calendar) -> None:
    claim = approved_once(team)
    recovery.requests.withdraw(actor=claim.actor, pk=claim.pk, secret=claim.secret, at=clock.now())
    calendar.jump(days=ALMOST)
    recovery.tend()
    assert claim.case.purged_at is not None
    assert forget() == 0
    assert claim.case.approvals.count() == 1
    calendar.jump(days=REST)
    assert forget() == 1
    assert not RecoveryCase.objects.exists()
    for model in (CaseApproval, CaseEvent, Evidence, NoticeSent):
        assert not model.objects.exists(), model
    assert forget() == 0
    # What happened to the account is the audit trail's, which keeps it.
    assert olga.audit_events.filter(name="recovery.opened").exists()


def approved_once(team: dict[str, User]) -> Claim:
    return queued("olga", Signal.PASSWORD, Signal.USER_TOKEN).approve(team["tina"])


def test_of_an_account_that_was_handed_over_the_bare_row_stays(carla: User, calendar: Calendar) -> None:
    """Removals of factors refer to it: they count as long as their ground is there."""
    claim = queued("carla", Signal.PASSWORD)
    calendar.pass_by(hours=80)
    claim.enrol()
    calendar.pass_by(days=3)
    assert claim.state == CaseState.CLOSED
    calendar.jump(days=ALMOST + REST + 3)
    recovery.tend()
    assert forget() == 1
    case = claim.case
    assert (case.state, case.mailbox, case.claimed, case.flags, case.assessment) == ("closed", "", "", [], {})
    assert case.evidence_digest == ""
    assert FactorRemoval.objects.filter(case=case).exists()
    assert not case.events.exists()
    assert not case.evidence.exists()
    assert forget() == 0
    with refused("never deleted"):
        sql("DELETE FROM recovery_recoverycase WHERE id = %s", key_of(claim))


def test_nothing_of_it_can_be_deleted_sooner(olga: User, team: dict[str, User], calendar: Calendar) -> None:
    """The same deletions as above, by whoever would like a trace to be gone."""
    claim = approved_once(team)
    recovery.requests.withdraw(actor=claim.actor, pk=claim.pk, secret=claim.secret, at=clock.now())
    calendar.jump(days=ALMOST)
    recovery.tend()
    rows = RecoveryCase.objects.filter(pk=claim.pk)
    with refused("forgotten once, two years"):
        rows.update(forgotten_at=clock.now())
    with refused("does not move back"):
        rows.update(ended_at=clock.now() - timedelta(days=800))
    for table in ("recovery_caseapproval", "recovery_caseevent"):
        with refused("never deleted|append-only"):
            sql(f"DELETE FROM {table} WHERE case_id = %s", key_of(claim))
    with refused("never deleted"):
        sql("DELETE FROM recovery_recoverycase WHERE id = %s", key_of(claim))
    calendar.jump(days=REST)
    rows.update(forgotten_at=clock.now())
    with refused("forgotten once, two years"):
        rows.update(forgotten_at=None)
    CaseApproval.objects.all().delete()


def key_of(claim: Claim) -> object:
    return claim.pk if connection.vendor == "postgresql" else claim.pk.hex


def test_a_case_that_is_open_or_not_purged_is_never_forgotten(carla: User, calendar: Calendar) -> None:
    claim = queued("carla", Signal.PASSWORD)
    rows = RecoveryCase.objects.filter(pk=claim.pk)
    with refused("forgotten once, two years"):
        rows.update(forgotten_at=clock.now() + timedelta(days=4000))
    recovery.requests.withdraw(actor=claim.actor, pk=claim.pk, secret=claim.secret, at=clock.now())
    calendar.jump(days=ALMOST + REST)
    assert forget() == 0  # what was shown and typed goes first
    recovery.tend()
    assert forget() == 1


def test_a_duplicate_goes_before_what_it_was_merged_into(
    carla: User, team: dict[str, User], calendar: Calendar
) -> None:
    first = queued("carla", Signal.PASSWORD)
    second = queued("carla", Signal.DEVICE, address="10.0.0.1")
    desk = recovery.desk_acts
    desk.take(actor=recovery.on_duty(team["theo"]), pk=second.pk, at=clock.now())
    actor = recovery.on_duty(team["theo"])
    desk.merge(actor=actor, pk=second.pk, into=first.pk, reason="the same", at=clock.now())
    recovery.requests.withdraw(actor=first.actor, pk=first.pk, secret=first.secret, at=clock.now())
    calendar.jump(days=ALMOST + REST)
    recovery.tend()
    assert forget() == 1
    assert forget() == 1
    assert not RecoveryCase.objects.exists()
