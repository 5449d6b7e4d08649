"""The numbers by which cases are assessed, and how two sets of them compare. Pure.

A change of a number is a new `number`: cases keep the version they were assessed by.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from recovery.assurance import Approver, EvidenceClass, Policy, Signal, SignalRule, Tier, TierRule, Way

_E, _K, _D, _T, _P, _S, _V = EvidenceClass
_HOURS_72 = timedelta(hours=72)
_DAYS_30 = timedelta(days=30)
_DAYS_90 = timedelta(days=90)
_WEEK = timedelta(days=7)
_TWO_WEEKS = timedelta(days=14)

# What is public proves nothing: an account's age, dates of releases and old addresses are no signals.
POLICY = Policy(
    number=1,
    signals={
        Signal.MAILBOX: SignalRule(_E, 20, further=15, min_age=_DAYS_90),
        Signal.PASSWORD: SignalRule(_K, 15, min_age=_DAYS_30),
        Signal.DEVICE: SignalRule(_D, 25, min_age=_DAYS_30, max_idle=timedelta(days=180)),
        Signal.DEVICE_AT_HOME: SignalRule(_D, 30, min_age=_DAYS_30, max_idle=timedelta(days=180)),
        Signal.USER_TOKEN: SignalRule(_T, 25, min_age=_DAYS_30, max_idle=timedelta(days=365)),
        Signal.PROJECT_TOKEN: SignalRule(_T, 15, min_age=_DAYS_30, max_idle=timedelta(days=365)),
        Signal.REPOSITORY: SignalRule(_P, 20, further=20, min_age=_DAYS_90),
        Signal.PUBLISHER: SignalRule(_P, 30, min_age=_DAYS_30),
        Signal.SIGNATURE: SignalRule(_S, 25, min_age=_DAYS_90),
        Signal.CO_OWNER: SignalRule(_V, 20, further=20, min_age=_DAYS_90),
        Signal.ORGANIZATION_OWNER: SignalRule(_V, 30, further=30, min_age=_DAYS_90),
    },
    caps={_E: 35, _K: 15, _D: 30, _T: 25, _P: 45, _S: 25, _V: 45},
    tiers={
        # Nothing but the account itself is at stake. Where it may not run alone, two approve: never one.
        Tier.I0: TierRule(
            ways=(Way(35, 2, _HOURS_72), Way(20, 1, _WEEK)),
            approvals=(Approver.TIER_1, Approver.TIER_2),
            tail=timedelta(0),
            hold=timedelta(hours=24),
            runs_alone=True,
        ),
        Tier.I1: TierRule(
            ways=(Way(70, 2, _HOURS_72), Way(45, 2, _WEEK)),
            approvals=(Approver.TIER_1, Approver.TIER_2),
            tail=timedelta(hours=24),
            hold=_HOURS_72,
        ),
        Tier.I2: TierRule(
            ways=(Way(60, 2, _WEEK, one_of=(_D, _T, _P, _S, _V)),),
            approvals=(Approver.TIER_1, Approver.TIER_2),
            tail=timedelta(hours=48),
            hold=_WEEK,
            needs_security_key=True,
        ),
        Tier.I3: TierRule(
            ways=(Way(80, 3, _TWO_WEEKS, one_of=(_V, _P)),),
            approvals=(Approver.TIER_2, Approver.TIER_2, Approver.SECURITY),
            tail=_HOURS_72,
            hold=_TWO_WEEKS,
            needs_security_key=True,
            stages_first_release=True,
        ),
    },
    sole_downloads=10_000,
    soft_for_tier=3,
    hard_for_dispute=2,
    steps=(_HOURS_72, _WEEK, _TWO_WEEKS),
    step_past=_WEEK,
    alternate_floor=_TWO_WEEKS,
    bounce=_WEEK,
)


def loosened(policy: Policy, standard: Policy = POLICY) -> list[str]:
    """Every place where `policy` is easier than `standard`; none if it is at least as strict everywhere."""
    return [
        *_signals(policy, standard),
        *(f"{each} is capped higher" for each in EvidenceClass if policy.caps[each] > standard.caps[each]),
        *(line for tier in Tier for line in _tier(tier, policy.tiers[tier], standard.tiers[tier])),
        *_thresholds(policy, standard),
    ]


def _signals(policy: Policy, standard: Policy) -> Iterator[str]:
    for signal in Signal:
        ours, theirs = policy.signals[signal], standard.signals[signal]
        if ours.belongs is not theirs.belongs:
            yield f"{signal} moved to another class"
        if ours.points > theirs.points or ours.further > theirs.further:
            yield f"{signal} is worth more"
        if ours.min_age < theirs.min_age or ours.max_idle > theirs.max_idle:
            yield f"{signal} may be younger or older"


def _tier(tier: Tier, ours: TierRule, theirs: TierRule) -> Iterator[str]:
    for way in ours.ways:
        if not any(_is_as_strict(way, other) for other in theirs.ways):
            yield f"{tier.name} may be met with {way.points}/{way.classes}"
    if not _are_as_many(ours.approvals, theirs.approvals):
        yield f"{tier.name} asks for fewer or lesser approvals"
    if ours.runs_alone and not theirs.runs_alone:
        yield f"{tier.name} runs without staff"
    if ours.tail < theirs.tail or ours.hold < theirs.hold:
        yield f"{tier.name} waits or holds less"
    if ours.needs_security_key < theirs.needs_security_key:
        yield f"{tier.name} asks for no security key"
    if ours.stages_first_release < theirs.stages_first_release:
        yield f"{tier.name} lets the first release through"


def _is_as_strict(way: Way, other: Way) -> bool:
    is_narrow = not other.one_of or (bool(way.one_of) and set(way.one_of) <= set(other.one_of))
    return (
        way.points >= other.points and way.classes >= other.classes and way.cooling >= other.cooling and is_narrow
    )


def _are_as_many(ours: tuple[Approver, ...], theirs: tuple[Approver, ...]) -> bool:
    rank = list(Approver).index
    ranked = zip(sorted(map(rank, ours), reverse=True), sorted(map(rank, theirs), reverse=True), strict=False)
    return len(ours) >= len(theirs) and all(mine >= other for mine, other in ranked)


def _thresholds(policy: Policy, standard: Policy) -> Iterator[str]:
    for name in ("sole_downloads", "soft_for_tier", "hard_for_dispute"):
        if getattr(policy, name) > getattr(standard, name):
            yield f"{name} is higher"
    for name in ("step_past", "alternate_floor", "bounce"):
        if getattr(policy, name) < getattr(standard, name):
            yield f"{name} is shorter"
    if any(ours < theirs for ours, theirs in zip(policy.steps, standard.steps, strict=False)):
        yield "steps are shorter"
    # A missing step is jumped over, which is longer; more steps than the standard's make each of them smaller.
    if len(policy.steps) > len(standard.steps):
        yield "steps are smaller"
