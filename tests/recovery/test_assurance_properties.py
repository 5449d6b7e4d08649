"""What must hold of every assessment, whatever the facts; and that a weaker policy shows."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    Way,
    assess,
    points_of,
)
from recovery.assurance_policy import POLICY, loosened

DAYS = st.integers(0, 800).map(lambda days: timedelta(days=days))
EVIDENCE = st.builds(Evidence, st.sampled_from(Signal), st.sampled_from("abcd"), DAYS, DAYS, st.booleans())
STANDINGS = st.builds(
    Standing,
    projects=st.integers(0, 2),
    invitations=st.integers(0, 1),
    organizations=st.integers(0, 1),
    is_sole_owner=st.booleans(),
    owns_organization=st.booleans(),
    monthly_downloads=st.sampled_from([0, 9_999, 10_000]),
    is_critical=st.booleans(),
    is_staff=st.booleans(),
    is_frozen=st.booleans(),
)
FACTS = st.builds(
    CaseFacts,
    STANDINGS,
    st.lists(EVIDENCE, max_size=8).map(tuple),
    st.frozensets(st.sampled_from(HardFlag), max_size=2),
    st.frozensets(st.sampled_from(SoftFlag), max_size=4),
    st.sampled_from(Tier),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


@given(FACTS, EVIDENCE)
def test_more_evidence_never_lowers_points_nor_touches_the_tier(facts, more):
    before, after = assess(facts, POLICY), assess(replace(facts, evidence=(*facts.evidence, more)), POLICY)
    assert after.points >= before.points
    assert after.classes >= before.classes
    assert after.minimum_met >= before.minimum_met
    assert after.tier is before.tier
    assert (after.hold, after.outcome, after.flags) == (before.hold, before.outcome, before.flags)
    assert after.cooling <= before.cooling


@given(FACTS, st.sampled_from([*HardFlag, *SoftFlag, "rival", "bounce", "pause"]))
def test_a_flag_never_shortens_a_clock_nor_eases_anything(facts, flag):
    if isinstance(flag, HardFlag):
        flagged = replace(facts, hard=facts.hard | {flag})
    elif isinstance(flag, SoftFlag):
        flagged = replace(facts, soft=facts.soft | {flag})
    else:
        flagged = replace(
            facts,
            has_rival=facts.has_rival or flag == "rival",
            has_bounced=facts.has_bounced or flag == "bounce",
            is_paused=facts.is_paused or flag == "pause",
        )
    before, after = assess(facts, POLICY), assess(flagged, POLICY)
    assert after.cooling >= before.cooling
    assert after.tail >= before.tail
    assert after.hold >= before.hold
    assert after.tier >= before.tier
    assert after.minimum_met <= before.minimum_met
    assert after.may_run_without_staff <= before.may_run_without_staff
    assert len(after.approvals_needed) >= len(before.approvals_needed)
    assert list(Outcome).index(after.outcome) >= list(Outcome).index(before.outcome)


@given(FACTS)
def test_points_and_flags_are_never_netted(facts):
    found = assess(facts, POLICY)
    assert found.points_by_class == points_of(facts.evidence, POLICY)
    plain = assess(CaseFacts(facts.standing, facts.evidence), POLICY)
    assert found.points_by_class == plain.points_by_class
    everything = tuple(Evidence(signal, subject, timedelta(days=800)) for signal in Signal for subject in "abcd")
    rich = assess(replace(facts, evidence=everything), POLICY)
    assert (rich.hard, rich.soft, rich.tier, rich.outcome) == (found.hard, found.soft, found.tier, found.outcome)


@given(FACTS)
def test_nobody_or_at_least_two_and_caps_hold(facts):
    found = assess(facts, POLICY)
    assert len(found.approvals_needed) != 1
    assert found.may_run_without_staff is (found.approvals_needed == ())
    assert not found.may_run_without_staff or (found.tier is Tier.I0 and found.minimum_met and not found.hard)
    assert all(0 < points <= POLICY.caps[each] for each, points in found.points_by_class.items())
    assert found.tier >= facts.tier_at_open


@given(STANDINGS, st.lists(EVIDENCE, max_size=8), st.data())
def test_order_and_repetition_of_evidence_mean_nothing(standing, evidence, data):
    shuffled = data.draw(st.permutations(evidence + evidence))
    assert assess(CaseFacts(standing, tuple(shuffled)), POLICY) == assess(
        CaseFacts(standing, tuple(evidence)), POLICY
    )


# --- A weaker policy ---


def changed_signal(signal, **changes):
    return replace(POLICY, signals={**POLICY.signals, signal: replace(POLICY.signals[signal], **changes)})


def changed_tier(tier, **changes):
    return replace(POLICY, tiers={**POLICY.tiers, tier: replace(POLICY.tiers[tier], **changes)})


WEAKER = {
    "points": changed_signal(Signal.PASSWORD, points=40),
    "further": changed_signal(Signal.MAILBOX, further=30),
    "age": changed_signal(Signal.CO_OWNER, min_age=timedelta(days=1)),
    "idle": changed_signal(Signal.DEVICE, max_idle=timedelta(days=365)),
    "class": changed_signal(Signal.REPOSITORY, belongs=EvidenceClass.SIGNATURE),
    "cap": replace(POLICY, caps={**POLICY.caps, EvidenceClass.MAILBOX: 60}),
    "minimum": changed_tier(Tier.I2, ways=(Way(40, 2, timedelta(days=7)),)),
    "another way": changed_tier(Tier.I1, ways=(*POLICY.tiers[Tier.I1].ways, Way(20, 1, timedelta(days=7)))),
    "shorter way": changed_tier(Tier.I0, ways=(Way(35, 2, timedelta(days=1)),)),
    "any class": changed_tier(Tier.I3, ways=(Way(80, 3, timedelta(days=14)),)),
    "approvals": changed_tier(Tier.I1, approvals=(Approver.TIER_2,)),
    "lesser approvals": changed_tier(Tier.I3, approvals=(Approver.TIER_1, Approver.TIER_2, Approver.SECURITY)),
    "alone": changed_tier(Tier.I1, runs_alone=True),
    "tail": changed_tier(Tier.I2, tail=timedelta(0)),
    "hold": changed_tier(Tier.I2, hold=timedelta(days=1)),
    "key": changed_tier(Tier.I2, needs_security_key=False),
    "release": changed_tier(Tier.I3, stages_first_release=False),
    "downloads": replace(POLICY, sole_downloads=1_000_000),
    "soft": replace(POLICY, soft_for_tier=5),
    "hard": replace(POLICY, hard_for_dispute=3),
    "steps": replace(POLICY, steps=(timedelta(days=1), timedelta(days=7), timedelta(days=14))),
    "smaller steps": replace(POLICY, steps=(*POLICY.steps, timedelta(days=15))),
    "past": replace(POLICY, step_past=timedelta(days=1)),
    "alternate": replace(POLICY, alternate_floor=timedelta(days=1)),
    "bounce": replace(POLICY, bounce=timedelta(0)),
}


@pytest.mark.parametrize("name", WEAKER)
def test_a_weaker_policy_shows(name):
    assert len(loosened(WEAKER[name])) == 1
    assert WEAKER[name].version != POLICY.version


def test_a_stricter_policy_is_not_called_weaker():
    assert loosened(POLICY) == []
    assert loosened(POLICY.without_single_class()) == []
    approvals = (Approver.TIER_2, Approver.TIER_2, Approver.SECURITY)
    assert loosened(changed_tier(Tier.I1, approvals=approvals)) == []
    assert loosened(changed_signal(Signal.MAILBOX, points=10)) == []


@given(FACTS)
def test_what_a_policy_not_weaker_lets_through_the_standard_does_too(facts):
    strict = changed_signal(Signal.MAILBOX, points=10).without_single_class()
    assert loosened(strict) == []
    theirs, ours = assess(facts, POLICY), assess(facts, strict)
    assert ours.minimum_met <= theirs.minimum_met
    assert ours.may_run_without_staff <= theirs.may_run_without_staff
    # Where the minimum is not met nothing cools yet.
    assert not ours.minimum_met or ours.cooling >= theirs.cooling


def test_the_numbers_in_force_have_a_number_of_their_own():
    # Whoever changes a number raises `number` and writes both down here.
    assert POLICY.version == "1-f905acb720eb"
