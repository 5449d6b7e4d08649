"""The assessment of cases: the table of signals, classes, tiers and flags, row by row."""

from dataclasses import replace
from datetime import timedelta

import pytest

from recovery.assurance import (
    Approver,
    CaseFacts,
    Evidence,
    EvidenceClass,
    HardFlag,
    Outcome,
    Signal,
    SoftFlag,
    Standing,
    Tier,
    assess,
    points_of,
)
from recovery.assurance_policy import POLICY

DAY = timedelta(days=1)
E, K, D, T, P, S, V = EvidenceClass
SECOND = timedelta(seconds=1)

NOTHING = Standing()
SMALL = Standing(projects=1)
SOLE = Standing(projects=1, is_sole_owner=True)
CRITICAL = Standing(projects=1, is_critical=True)


def held(signal, subject="a", age=400 * DAY, **more):
    return Evidence(signal, subject, age, **more)


MAILBOX = held(Signal.MAILBOX, "example.org")
SECOND_MAILBOX = held(Signal.MAILBOX, "example.net")
PASSWORD = held(Signal.PASSWORD)
DEVICE = held(Signal.DEVICE)
TOKEN = held(Signal.USER_TOKEN)
REPOSITORY = held(Signal.REPOSITORY, "forge.example/alice")
SIGNATURE = held(Signal.SIGNATURE)
CO_OWNER = held(Signal.CO_OWNER, "bob")


# --- Points ---


@pytest.mark.parametrize(
    ("evidence", "points"),
    [
        ([MAILBOX], {E: 20}),
        ([MAILBOX, SECOND_MAILBOX], {E: 35}),
        ([MAILBOX, held(Signal.MAILBOX, "example.org", age=100 * DAY)], {E: 20}),
        ([MAILBOX, SECOND_MAILBOX, held(Signal.MAILBOX, "example.com")], {E: 35}),
        ([PASSWORD], {K: 15}),
        ([PASSWORD, PASSWORD], {K: 15}),
        ([DEVICE], {D: 25}),
        ([held(Signal.DEVICE_AT_HOME)], {D: 30}),
        ([DEVICE, held(Signal.DEVICE_AT_HOME)], {D: 30}),
        ([DEVICE, held(Signal.DEVICE, "b")], {D: 25}),
        ([TOKEN], {T: 25}),
        ([held(Signal.PROJECT_TOKEN)], {T: 15}),
        ([TOKEN, held(Signal.PROJECT_TOKEN, "b")], {T: 25}),
        ([REPOSITORY], {P: 20}),
        ([REPOSITORY, held(Signal.REPOSITORY, "forge.example/org")], {P: 40}),
        ([REPOSITORY, REPOSITORY], {P: 20}),
        ([held(Signal.PUBLISHER)], {P: 30}),
        ([held(Signal.PUBLISHER), REPOSITORY], {P: 45}),
        ([held(Signal.PUBLISHER), held(Signal.PUBLISHER, "b")], {P: 30}),
        ([SIGNATURE], {S: 25}),
        ([SIGNATURE, held(Signal.SIGNATURE, "b")], {S: 25}),
        ([CO_OWNER], {V: 20}),
        ([CO_OWNER, held(Signal.CO_OWNER, "carol")], {V: 40}),
        ([CO_OWNER, held(Signal.CO_OWNER, "carol"), held(Signal.CO_OWNER, "dave")], {V: 45}),
        ([held(Signal.ORGANIZATION_OWNER, "bob")], {V: 30}),
        # One person in two capacities is one person.
        ([CO_OWNER, held(Signal.ORGANIZATION_OWNER, "bob")], {V: 30}),
        ([MAILBOX, PASSWORD, DEVICE], {E: 20, K: 15, D: 25}),
    ],
)
def test_what_evidence_is_worth(evidence, points):
    assert points_of(evidence, POLICY) == points
    assert points_of(reversed(evidence), POLICY) == points


@pytest.mark.parametrize(
    ("signal", "min_age", "max_idle"),
    [
        (Signal.MAILBOX, 90, None),
        (Signal.PASSWORD, 30, None),
        (Signal.DEVICE, 30, 180),
        (Signal.DEVICE_AT_HOME, 30, 180),
        (Signal.USER_TOKEN, 30, 365),
        (Signal.PROJECT_TOKEN, 30, 365),
        (Signal.REPOSITORY, 90, None),
        (Signal.PUBLISHER, 30, None),
        (Signal.SIGNATURE, 90, None),
        (Signal.CO_OWNER, 90, None),
        (Signal.ORGANIZATION_OWNER, 90, None),
    ],
)
def test_evidence_too_young_too_stale_or_unsound_is_none(signal, min_age, max_idle):
    good = Evidence(signal, "a", min_age * DAY, idle=(max_idle or 0) * DAY)
    assert points_of([good], POLICY)
    assert points_of([replace(good, age=good.age - SECOND)], POLICY) == {}
    assert points_of([replace(good, is_sound=False)], POLICY) == {}
    if max_idle:
        assert points_of([replace(good, idle=good.idle + SECOND)], POLICY) == {}


def test_every_signal_has_a_rule_and_every_class_a_cap_and_a_signal():
    assert set(POLICY.signals) == set(Signal)
    assert set(POLICY.caps) == set(EvidenceClass) == {rule.belongs for rule in POLICY.signals.values()}
    assert set(POLICY.tiers) == set(Tier)


# --- Tiers ---


@pytest.mark.parametrize(
    ("standing", "tier"),
    [
        (NOTHING, Tier.I0),
        (Standing(invitations=1), Tier.I1),
        (SMALL, Tier.I1),
        (Standing(projects=1, monthly_downloads=9_999), Tier.I1),
        (Standing(projects=1, monthly_downloads=10_000), Tier.I2),
        (SOLE, Tier.I2),
        (Standing(organizations=1), Tier.I2),
        (Standing(organizations=1, owns_organization=True), Tier.I3),
        (CRITICAL, Tier.I3),
    ],
)
def test_what_is_at_stake_sets_the_tier(standing, tier):
    assert assess(CaseFacts(standing), POLICY).tier is tier


def test_a_tier_never_falls_while_a_case_is_open():
    facts = CaseFacts(SMALL, tier_at_open=Tier.I3)
    assert assess(facts, POLICY).tier is Tier.I3
    assert assess(replace(facts, standing=CRITICAL, tier_at_open=Tier.I1), POLICY).tier is Tier.I3


@pytest.mark.parametrize("flag", HardFlag)
def test_one_hard_flag_makes_it_i3(flag):
    found = assess(CaseFacts(NOTHING, hard=frozenset({flag})), POLICY)
    assert (found.tier, found.outcome) == (Tier.I3, Outcome.PROCEED)


def test_two_hard_flags_make_it_a_dispute():
    facts = CaseFacts(
        NOTHING,
        (MAILBOX, PASSWORD),
        hard=frozenset({HardFlag.TOKEN_LEAKED, HardFlag.CHANGED_RECENTLY}),
    )
    found = assess(facts, POLICY)
    assert found.outcome is Outcome.DISPUTE
    assert not found.may_run_without_staff


@pytest.mark.parametrize("standing", [Standing(is_staff=True), Standing(is_frozen=True)])
def test_staff_and_frozen_accounts_are_refused(standing):
    found = assess(CaseFacts(standing, (MAILBOX, PASSWORD)), POLICY)
    assert found.outcome is Outcome.REFUSE
    assert not found.may_run_without_staff


def test_rivals_make_it_i3():
    found = assess(CaseFacts(NOTHING, (MAILBOX, PASSWORD), has_rival=True), POLICY)
    assert found.tier is Tier.I3
    assert found.outcome is Outcome.PROCEED


@pytest.mark.parametrize(
    ("soft", "tier"),
    [
        ({SoftFlag.DORMANT}, Tier.I1),
        ({SoftFlag.DORMANT, SoftFlag.ROLE_REMOVED}, Tier.I1),
        ({SoftFlag.DORMANT, SoftFlag.ROLE_REMOVED, SoftFlag.CAMPAIGN}, Tier.I2),
        ({SoftFlag.ALTERNATE_MAILBOX}, Tier.I2),
        ({SoftFlag.ALTERNATE_MAILBOX, SoftFlag.DORMANT, SoftFlag.ROLE_REMOVED}, Tier.I3),
        (set(SoftFlag), Tier.I3),
    ],
)
def test_soft_flags_raise_the_tier(soft, tier):
    assert assess(CaseFacts(SMALL, soft=frozenset(soft)), POLICY).tier is tier


# --- Minimums ---


@pytest.mark.parametrize(
    ("standing", "evidence", "is_met"),
    [
        (NOTHING, (), False),
        (NOTHING, (PASSWORD,), False),
        (NOTHING, (MAILBOX,), True),
        (NOTHING, (MAILBOX, PASSWORD), True),
        (SMALL, (MAILBOX, SECOND_MAILBOX), False),
        (SMALL, (MAILBOX, PASSWORD), False),
        (SMALL, (MAILBOX, DEVICE), True),
        (SOLE, (MAILBOX, SECOND_MAILBOX, PASSWORD), False),
        (SOLE, (MAILBOX, PASSWORD, DEVICE), True),
        (SOLE, (DEVICE, SIGNATURE), False),
        (CRITICAL, (MAILBOX, SECOND_MAILBOX, DEVICE, SIGNATURE), False),
        (CRITICAL, (MAILBOX, SECOND_MAILBOX, DEVICE, REPOSITORY), True),
        (CRITICAL, (MAILBOX, SECOND_MAILBOX, DEVICE, CO_OWNER), True),
        (CRITICAL, (MAILBOX, SECOND_MAILBOX, held(Signal.PUBLISHER), REPOSITORY), False),
    ],
)
def test_minimums(standing, evidence, is_met):
    assert assess(CaseFacts(standing, evidence), POLICY).minimum_met is is_met


def test_points_alone_do_not_meet_i2_without_something_that_a_mailbox_does_not_open():
    cheap = replace(POLICY, caps={**POLICY.caps, E: 60})
    rich = replace(
        cheap, signals={**cheap.signals, Signal.MAILBOX: replace(cheap.signals[Signal.MAILBOX], points=60)}
    )
    found = assess(CaseFacts(SOLE, (MAILBOX, PASSWORD)), rich)
    assert found.points == 75
    assert not found.minimum_met


# --- Approvals, clocks, holds ---


@pytest.mark.parametrize(
    ("standing", "evidence", "approvals", "cooling", "tail", "hold"),
    [
        (NOTHING, (MAILBOX, PASSWORD), (), 3 * DAY, 0 * DAY, 1 * DAY),
        (NOTHING, (MAILBOX,), (), 7 * DAY, 0 * DAY, 1 * DAY),
        (SMALL, (MAILBOX, DEVICE), (Approver.TIER_1, Approver.TIER_2), 7 * DAY, 1 * DAY, 3 * DAY),
        (SMALL, (MAILBOX, DEVICE, TOKEN), (Approver.TIER_1, Approver.TIER_2), 3 * DAY, 1 * DAY, 3 * DAY),
        (SOLE, (MAILBOX, DEVICE, TOKEN), (Approver.TIER_1, Approver.TIER_2), 7 * DAY, 2 * DAY, 7 * DAY),
        (
            CRITICAL,
            (MAILBOX, DEVICE, TOKEN, CO_OWNER),
            (Approver.TIER_2, Approver.TIER_2, Approver.SECURITY),
            14 * DAY,
            3 * DAY,
            14 * DAY,
        ),
    ],
)
def test_approvals_clocks_and_holds(standing, evidence, approvals, cooling, tail, hold):
    found = assess(CaseFacts(standing, evidence), POLICY)
    assert found.minimum_met
    assert found.approvals_needed == approvals
    assert (found.cooling, found.tail, found.hold) == (cooling, tail, hold)
    assert found.may_run_without_staff is (approvals == ())
    assert found.needs_security_key is (found.tier >= Tier.I2)
    assert found.stages_first_release is (found.tier is Tier.I3)


@pytest.mark.parametrize(
    ("soft", "cooling"),
    [
        (set(), 3),
        ({SoftFlag.DORMANT}, 7),
        ({SoftFlag.DORMANT, SoftFlag.CONFUSABLE}, 14),
        # The third also makes it I1, which by itself waits a week.
        ({SoftFlag.DORMANT, SoftFlag.CONFUSABLE, SoftFlag.CAMPAIGN}, 28),
        ({SoftFlag.ALTERNATE_MAILBOX}, 14),
    ],
)
def test_each_soft_flag_is_a_step_of_cooling(soft, cooling):
    found = assess(CaseFacts(NOTHING, (MAILBOX, PASSWORD), soft=frozenset(soft)), POLICY)
    assert found.cooling == cooling * DAY


def test_a_notice_that_came_back_adds_a_week():
    found = assess(CaseFacts(NOTHING, (MAILBOX, PASSWORD), has_bounced=True), POLICY)
    assert found.cooling == 10 * DAY


@pytest.mark.parametrize(
    "facts",
    [
        CaseFacts(NOTHING, (MAILBOX, PASSWORD), is_paused=True),
        CaseFacts(NOTHING, (PASSWORD,)),
        CaseFacts(NOTHING, (MAILBOX, PASSWORD), tier_at_open=Tier.I1),
    ],
)
def test_where_it_may_not_run_alone_two_approve_never_one(facts):
    found = assess(facts, POLICY)
    assert not found.may_run_without_staff
    assert len(set(found.approvals_needed)) == 2


def test_the_way_with_one_class_is_a_setting():
    found = assess(CaseFacts(NOTHING, (MAILBOX,)), POLICY.without_single_class())
    assert not found.minimum_met
    assert assess(CaseFacts(NOTHING, (MAILBOX, PASSWORD)), POLICY.without_single_class()).minimum_met


def test_an_assessment_names_its_policy_and_flags():
    facts = CaseFacts(SMALL, hard=frozenset({HardFlag.TOKEN_LEAKED}), soft=frozenset({SoftFlag.DORMANT}))
    found = assess(facts, POLICY)
    assert found.policy_version == POLICY.version
    assert found.flags == ("token-leaked", "dormant")
