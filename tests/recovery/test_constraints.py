"""What no write breaks: each rule against writes past the actions, by the ORM and by SQL, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Membership, MembershipKind, Organization, StaffKind, User
from indexsite import audit, clock
from mfa.models import (
    AuthenticatorApp,
    FactorRemoval,
    RecoveryDevice,
    RemovalGround,
    SecurityKey,
    has_factor,
    remove_factor,
)
from recovery.models import MOVES, BreakGlass, CaseApproval, CaseEvent, CaseState, NoticeKind, RecoveryCase
from tests.support import cast
from tests.support.cast import ProjectFactory
from tests.support.recovery import cooling_case, stored_approval, stored_case, stored_notices

pytestmark = pytest.mark.django_db


@contextmanager
def refused(said: str) -> Iterator[None]:
    with pytest.raises(IntegrityError, match=said), transaction.atomic():
        yield


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.fixture
def tina(db: None) -> User:
    return cast.staff("tina", StaffKind.SUPPORT_1)


@pytest.fixture
def theo(db: None) -> User:
    return cast.staff("theo", StaffKind.SUPPORT_2)


def rows(case: RecoveryCase) -> object:
    return RecoveryCase.objects.filter(pk=case.pk)


# -- the triggers are there ----------------------------------------------------------------------------------


def expected() -> set[str]:
    desk = import_module("recovery.migrations.0002_rules_of_the_desk").REFUSALS
    factors = import_module("mfa.migrations.0007_staff_lose_factors").refusals()
    critical = import_module("releases.migrations.0006_rules_of_the_list").REFUSALS
    signed = import_module("releases.migrations.0012_what_people_have_signed").REFUSALS
    forgetting = import_module("recovery.migrations.0005_forgetting")
    return {
        refusal.name for refusal in (*desk, *factors, *critical, *signed, *forgetting.REFUSALS, *forgetting.ADDED)
    }


def test_every_trigger_is_installed() -> None:
    """SQLite forgets the triggers of a table that a migration rebuilds: this finds out which."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        there = {name for (name,) in cursor.fetchall()}
    assert expected() - there == set()


def test_the_database_knows_the_same_moves_as_the_model() -> None:
    known = import_module("recovery.migrations.0007_only_moves_that_are_made").MOVES
    assert {state.value: {to.value for to in moves} for state, moves in MOVES.items()} == {
        state: set(moves) for state, moves in known.items()
    }


# -- factors ---------------------------------------------------------------------------------------------------


@pytest.fixture
def factors(alice: User) -> list[object]:
    cast.add_key(alice)
    RecoveryDevice.objects.create(user=alice, name="codes", generated_at=clock.now())
    found = [model.objects.get(user=alice) for model in (AuthenticatorApp, SecurityKey, RecoveryDevice)]
    assert len(found) == 3
    return found


def test_factors_are_never_deleted(factors: list) -> None:
    for factor in factors:
        with refused("never deleted"):
            factor.delete()
        with refused("never deleted"):
            sql(f"DELETE FROM {factor._meta.db_table} WHERE id = %s", factor.pk)


def test_a_factor_stops_counting_only_by_a_record(alice: User, factors: list) -> None:
    for factor in factors:
        with refused("record of its removal"):
            type(factor).objects.filter(pk=factor.pk).update(confirmed=False)
        with refused("record of its removal"):
            sql(f"UPDATE {factor._meta.db_table} SET confirmed = %s WHERE id = %s", False, factor.pk)
    assert has_factor(alice)


def test_a_removed_factor_does_not_come_back(alice: User) -> None:
    app = AuthenticatorApp.objects.get(user=alice)
    cast.lose_factors(alice)
    assert not has_factor(alice)
    with refused("does not come back"):
        sql("UPDATE otp_totp_totpdevice SET confirmed = %s WHERE id = %s", True, app.pk)


def test_a_factor_does_not_change_hands_nor_keys(alice: User, bob: User, factors: list) -> None:
    for factor in factors:
        with refused("stays with its owner"):
            sql(f"UPDATE {factor._meta.db_table} SET user_id = %s WHERE id = %s", bob.pk, factor.pk)
    with refused("stays the same one"):
        SecurityKey.objects.filter(user=alice).update(public_key=b"another")


@pytest.mark.parametrize("ground", [RemovalGround.REMOVED, RemovalGround.REPLACED, RemovalGround.CLOSED])
def test_the_ground_of_a_removal_is_an_act_of_the_owner_of_its_kind(
    alice: User, sven: User, ground: RemovalGround
) -> None:
    app = AuthenticatorApp.objects.get(user=alice)
    by_staff = audit.record(cast.actor(sven), audit.FactorRemoved(about=alice, factor="app"))
    about_another = audit.record(cast.actor(alice), audit.FactorRemoved(about=sven, factor="app"))
    another_kind = audit.record(cast.actor(alice), audit.SignedOut(about=alice))
    for event in (by_staff, about_another, another_kind):
        with refused("no act of the owner"):
            remove_factor(app, ground, event=event, at=clock.now())
    with refused("factor_removal_has_one_ground|CHECK"):
        remove_factor(app, ground, at=clock.now())
    assert has_factor(alice)


def test_one_act_removes_one_factor(alice: User) -> None:
    cast.add_key(alice)
    cast.add_key(alice, "red")
    event = audit.record(cast.actor(alice), audit.FactorRemoved(about=alice, factor="a key"))
    first, second = SecurityKey.objects.filter(user=alice)
    remove_factor(first, RemovalGround.REMOVED, event=event, at=clock.now())
    with refused("one_factor_removed_by_an_act|UNIQUE"):
        remove_factor(second, RemovalGround.REMOVED, event=event, at=clock.now())


def test_a_recovery_that_is_not_being_carried_out_removes_nothing(
    alice: User, bob: User, tina: User, theo: User
) -> None:
    """Rules 1 and 2, case 9: somebody else's factor goes only with a due case, approved by two."""
    app = AuthenticatorApp.objects.get(user=alice)
    now = clock.now()
    cases = [
        stored_case(alice, state) for state in (CaseState.SUBMITTED, CaseState.QUEUED, CaseState.AUTO_COOLING)
    ]
    cases.append(cooling_case(alice, tina, theo))
    cases.append(cooling_case(bob, tina, theo))
    rows(cases[-1]).update(state=CaseState.EXECUTED, executed_at=now, hold_until=now)
    for case in cases:
        with refused("no recovery that is due"):
            remove_factor(app, RemovalGround.RECOVERY, case_id=case.pk, at=now)
    rows(cases[-2]).update(state=CaseState.EXECUTED, executed_at=now, hold_until=now)
    remove_factor(app, RemovalGround.RECOVERY, case_id=cases[-2].pk, at=now)
    assert not has_factor(alice)


def test_removals_are_append_only(alice: User) -> None:
    cast.lose_factors(alice)
    with refused("append-only"):
        FactorRemoval.objects.update(label="something else")
    with refused("append-only"):
        sql("DELETE FROM mfa_factorremoval")


# -- cases -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["approved", "cooling", "auto-cooling", "executed", "hold"])
def test_a_case_is_not_made_in_the_middle(alice: User, state: str) -> None:
    now = clock.now()
    with refused("made in the middle"):
        RecoveryCase.objects.create(
            user=alice, state=state, secret="a", link="b", submitted_at=now, opened_at=now, notified_at=now,
            approvals_needed=0, not_before=now + timedelta(days=3), executed_at=now + timedelta(days=4),
            hold_until=now + timedelta(days=5),
        )  # fmt: skip


def test_a_superuser_who_edits_state_or_clock_gets_nowhere(alice: User, tina: User, theo: User) -> None:
    """Case 8: the row is saved as an admin's change form would save it."""
    case = stored_case(alice, CaseState.QUEUED)
    case.state, case.executed_at = CaseState.EXECUTED, clock.now()
    with refused("does not move like this|when it is due|told twice|CHECK|case_cools"):
        case.save()
    case = cooling_case(alice, tina, theo)
    case.not_before = case.not_before - timedelta(days=3)
    with refused("cut short only by two"):
        case.save()
    with refused("never deleted"):
        stored_case(alice).delete()


def test_what_has_ended_stays_ended(alice: User) -> None:
    for end in (CaseState.REJECTED, CaseState.EXPIRED, CaseState.WITHDRAWN, CaseState.SELF_RESOLVED):
        case = stored_case(alice, CaseState.EVIDENCE)
        rows(case).update(state=end)
        for back in (CaseState.QUEUED, CaseState.EVIDENCE, CaseState.IN_REVIEW):
            with refused("does not move like this"):
                rows(case).update(state=back)


def test_only_what_a_mailbox_has_cancelled_comes_back(alice: User) -> None:
    case = stored_case(alice, CaseState.QUEUED)
    rows(case).update(state=CaseState.CANCELLED, cancelled_by="session")
    with refused("stays cancelled"):
        rows(case).update(state=CaseState.QUEUED)
    # Nor by way of a dispute.
    rows(case).update(state=CaseState.DISPUTED)
    with refused("stays cancelled"):
        rows(case).update(state=CaseState.QUEUED)
    other = stored_case(alice, CaseState.QUEUED)
    rows(other).update(state=CaseState.CANCELLED, cancelled_by="mailbox")
    rows(other).update(state=CaseState.DISPUTED)
    rows(other).update(state=CaseState.QUEUED)


def execute(case: RecoveryCase, **fields: object) -> None:
    now = clock.now()
    values = {"state": CaseState.EXECUTED, "executed_at": now, "hold_until": now, **fields}
    rows(case).update(**values)


def test_it_is_executed_when_it_is_due_and_not_before(alice: User, tina: User, theo: User) -> None:
    case = cooling_case(alice, tina, theo)
    rows(case).update(not_before=clock.now() + timedelta(hours=1))
    with refused("when it is due|case_executed_when_due|CHECK"):
        execute(case)
    with refused("cut short|when it is due"):
        execute(case, not_before=clock.now() - timedelta(hours=1))
    rows(case).update(not_before=clock.now() + timedelta(hours=1))
    execute(case, executed_at=clock.now() + timedelta(hours=2))


def test_one_yes_is_never_enough(alice: User, tina: User, theo: User) -> None:
    """Rule 1: nobody at all, by the rules, or at least two."""
    case = cooling_case(alice, tina)
    with refused("when it is due and approved"):
        execute(case)
    with refused("fewer approvals"):
        rows(case).update(approvals_needed=0)
    with refused("case_zero_humans_or_two|CHECK|fewer"):
        rows(case).update(approvals_needed=1)
    again = cooling_case(alice, tina, theo)
    CaseApproval.objects.filter(case=again, person=theo).update(void_at=clock.now())
    with refused("when it is due and approved"):
        execute(again)


def test_a_yes_to_other_evidence_does_not_count(alice: User, tina: User, theo: User) -> None:
    """Case 11."""
    case = cooling_case(alice, tina, theo)
    rows(case).update(evidence_digest="e" * 64)
    with refused("when it is due and approved"):
        execute(case)


def test_the_highest_tier_takes_three(alice: User) -> None:
    with refused("case_zero_humans_or_two|fewer approvals|CHECK"):
        stored_case(alice, CaseState.QUEUED, tier=3, approvals_needed=2)
    with refused("case_zero_humans_or_two|fewer approvals|CHECK"):
        stored_case(alice, CaseState.QUEUED, tier=1, approvals_needed=0)


def test_a_tier_never_falls(alice: User) -> None:
    case = stored_case(alice, CaseState.QUEUED, tier=2, tier_at_open=1)
    for fields in ({"tier": 1}, {"tier_at_open": 0}, {"tier": 0, "tier_at_open": 0}):
        with refused("does not fall|case_tier_never_falls|CHECK"):
            rows(case).update(**fields)


def test_nobody_is_handed_an_account_whose_owner_was_not_told(alice: User, tina: User, theo: User) -> None:
    """Rule 5, against SQL."""
    case = cooling_case(alice, tina, theo)
    for kind in ("opened", "last-day"):
        with refused("told twice"):
            sql("UPDATE recovery_noticesent SET sent_at = NULL WHERE kind = %s", kind)
            execute(case)
    execute(case)


def test_a_case_stays_about_one_account_and_one_claim(alice: User, bob: User) -> None:
    case = stored_case(alice, CaseState.QUEUED)
    with refused("about the same account"):
        rows(case).update(user=bob)
    with refused("the same claim"):
        rows(case).update(secret="another")
    unknown = stored_case(None, CaseState.EVIDENCE)
    with refused("about the same account"):
        rows(unknown).update(user=bob)


def test_one_account_is_handed_over_once_at_a_time(alice: User, tina: User, theo: User) -> None:
    execute(cooling_case(alice, tina, theo))
    with refused("one_executed_case_per_account|UNIQUE"):
        execute(cooling_case(alice, tina, theo))


# -- approvals -------------------------------------------------------------------------------------------------


def test_nobody_approves_twice(alice: User, tina: User) -> None:
    """Case 3, past the actions."""
    case = stored_case(alice, CaseState.IN_REVIEW)
    stored_approval(case, tina)
    with refused("one_approval_per_person|UNIQUE"):
        stored_approval(case, tina)


def colleague_on_a_project(alice: User, other: User) -> None:
    project = ProjectFactory(owner=alice)
    cast.grant(other, project)


def colleague_in_an_organization(alice: User, other: User) -> None:
    group = Organization.objects.create(name="group", display_name="Group", created_at=clock.now())
    for user in (alice, other):
        Membership.objects.create(organization=group, user=user, kind=MembershipKind.MEMBER, joined_at=clock.now())


def colleague_by_a_project_of_the_organization(alice: User, other: User) -> None:
    group = Organization.objects.create(name="group", display_name="Group", created_at=clock.now())
    Membership.objects.create(organization=group, user=alice, kind=MembershipKind.MEMBER, joined_at=clock.now())
    cast.grant(other, ProjectFactory(organization=group))


@pytest.mark.parametrize(
    "befriend",
    [
        colleague_on_a_project,
        colleague_in_an_organization,
        colleague_by_a_project_of_the_organization,
    ],
)
def test_nobody_approves_a_colleague(alice: User, tina: User, befriend: Callable[[User, User], None]) -> None:
    """Case 4, past the actions."""
    befriend(alice, tina)
    case = stored_case(alice, CaseState.IN_REVIEW)
    with refused("of their own or of a colleague"):
        stored_approval(case, tina)


def test_nobody_approves_their_own_case(tina: User) -> None:
    with refused("of their own or of a colleague"):
        stored_approval(stored_case(tina, CaseState.IN_REVIEW), tina)


@pytest.mark.parametrize("kinds", [(), (StaffKind.MODERATOR, StaffKind.CURATOR, StaffKind.AUDITOR)])
def test_only_the_desk_approves_and_a_superuser_is_not_on_it(alice: User, kinds: tuple[StaffKind, ...]) -> None:
    """Rule 2."""
    root = cast.staff("root", *kinds, is_superuser=True)
    with refused("only the desk approves"):
        stored_approval(stored_case(alice, CaseState.IN_REVIEW), root)


def test_what_is_not_in_review_is_not_approved(alice: User, tina: User) -> None:
    for state in (CaseState.SUBMITTED, CaseState.EVIDENCE, CaseState.QUEUED, CaseState.AUTO_COOLING):
        with refused("while it is in review"):
            stored_approval(stored_case(alice, state), tina)


def test_an_approval_is_only_ever_voided(alice: User, tina: User, theo: User) -> None:
    approval = stored_approval(stored_case(alice, CaseState.IN_REVIEW), tina)
    mine = CaseApproval.objects.filter(pk=approval.pk)
    for fields in ({"person": theo}, {"reason": "other"}, {"evidence_digest": "e" * 64}, {"role": "security"}):
        with refused("only ever voided"):
            mine.update(**fields)
    mine.update(void_at=clock.now())
    with refused("only ever voided"):
        mine.update(void_at=None)
    with refused("never deleted"):
        sql("DELETE FROM recovery_caseapproval")


# -- the glass, the story ------------------------------------------------------------------------------------


def test_one_person_breaks_no_glass(alice: User, tina: User, theo: User, sven: User) -> None:
    case = cooling_case(alice, tina, theo)
    rows(case).update(not_before=clock.now() + timedelta(days=1))
    now = clock.now()
    values = {"case": case, "asked_at": now, "reason": "abused now", "expires_at": now + timedelta(minutes=30)}
    with refused("another confirms"):
        BreakGlass.objects.create(asked_by=theo, confirmed_by=sven, confirmed_at=now, **values)
    with refused("another confirms"):
        BreakGlass.objects.create(asked_by=alice, **values)
    glass = BreakGlass.objects.create(asked_by=sven, **values)
    mine = BreakGlass.objects.filter(pk=glass.pk)
    with refused("glass_needs_two|CHECK"):
        mine.update(confirmed_by=sven, confirmed_at=now)
    with refused("by security"):
        mine.update(confirmed_by=theo, confirmed_at=now)
    with refused("in time"):
        mine.update(confirmed_by=theo, confirmed_at=now + timedelta(hours=1))
    with refused("cut short only by two"):
        rows(case).update(not_before=now)
    good = BreakGlass.objects.create(asked_by=theo, **values)
    BreakGlass.objects.filter(pk=good.pk).update(confirmed_by=sven, confirmed_at=now)
    rows(case).update(not_before=now)


def test_the_story_of_a_case_is_append_only_until_it_is_purged(alice: User) -> None:
    case = stored_case(alice, CaseState.QUEUED)
    CaseEvent.objects.create(case=case, at=clock.now(), name="noted", actor_label="tina", text="their words")
    with refused("append-only"):
        CaseEvent.objects.update(text="")
    with refused("append-only"):
        sql("DELETE FROM recovery_caseevent")
    rows(case).update(purged_at=clock.now())
    with refused("append-only"):
        CaseEvent.objects.update(text="other words")
    CaseEvent.objects.update(text="")


def test_a_letter_goes_to_an_address_once_a_round(alice: User) -> None:
    case = stored_case(alice, CaseState.QUEUED)
    stored_notices(case, NoticeKind.OPENED)
    with refused("one_notice_of_a_kind|UNIQUE"):
        stored_notices(case, NoticeKind.OPENED)
