"""How sure a case is that the claimant is the owner, and what that allows. Pure: plain values only.

Two axes that are never netted: points, which evidence earns, and flags, which raise the tier and lengthen the
clocks. No amount of the one buys off the other. The numbers are a `Policy` (see `recovery.assurance_policy`).

Source: NIST SP 800-63B-4, 4.2.1, its clause on documented risk analysis for methods other than the four named.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from enum import IntEnum, StrEnum


class EvidenceClass(StrEnum):
    """What kind of thing is held. Two proofs of one class are less than two of two classes."""

    MAILBOX = "E"
    PASSWORD = "K"  # noqa: S105 - the name of a class
    DEVICE = "D"
    TOKEN = "T"  # noqa: S105 - the name of a class
    PUBLISHING = "P"
    SIGNATURE = "S"
    VOUCH = "V"


class Signal(StrEnum):
    """One way to earn points; `SignalRule` says in which class and how many."""

    MAILBOX = "mailbox"
    PASSWORD = "password"  # noqa: S105 - the name of a signal
    DEVICE = "device"
    # The same browser, asking from a network or country it is usually in.
    DEVICE_AT_HOME = "device-at-home"
    USER_TOKEN = "user-token"  # noqa: S105 - the name of a signal
    PROJECT_TOKEN = "project-token"  # noqa: S105 - the name of a signal
    REPOSITORY = "repository"
    # An identity token of a trusted publisher, or the nonce in a staged upload made by it.
    PUBLISHER = "publisher"
    SIGNATURE = "signature"
    CO_OWNER = "co-owner"
    ORGANIZATION_OWNER = "organization-owner"


class HardFlag(StrEnum):
    """A sign of a takeover. One makes the case I3, two make it a dispute."""

    DOMAIN_LAPSED = "domain-lapsed"  # expired, or registered anew after the address was verified
    CHANGED_RECENTLY = "changed-recently"  # mailbox, password or a repository's address
    TOKEN_LEAKED = "token-leaked"  # noqa: S105 - the name of a flag
    CANCELLED_RECENTLY = "cancelled-recently"
    CLAIMS_OTHERS = "claims-others"  # this browser or network address in cases about two other accounts


class SoftFlag(StrEnum):
    """Something unusual. Each makes waiting longer, three together raise the tier."""

    UNUSUAL_NETWORK = "unusual-network"
    DORMANT = "dormant"
    FAILED_SIGN_INS = "failed-sign-ins"
    CONFUSABLE = "confusable"
    ROLE_REMOVED = "role-removed"
    ALTERNATE_MAILBOX = "alternate-mailbox"
    REJECTED_BEFORE = "rejected-before"
    CAMPAIGN = "campaign"


class Tier(IntEnum):
    """What is at stake, from an account with nothing in it to one on which everybody depends."""

    I0 = 0
    I1 = 1
    I2 = 2
    I3 = 3


class Outcome(StrEnum):
    """Whether the case may go on at all."""

    PROCEED = "proceed"
    DISPUTE = "dispute"
    REFUSE = "refuse"


class Approver(StrEnum):
    """The least staff role that may give one of the approvals; the values are those of the staff roles."""

    TIER_1 = "support-1"
    TIER_2 = "support-2"
    SECURITY = "security"


@dataclass(frozen=True)
class Evidence:
    """One thing that was checked and held.

    Attributes:
        subject: what makes it one: registrable domain, device, token, boundary (host and owner), key, person.
        age: how long it has belonged to the account.
        idle: how long ago it was last used; zero where that says nothing.
        is_sound: whether everything else was in order (domain healthy, token unleaked, factor fresh). A check
            that could not be made is no evidence, so it is False then.
    """

    signal: Signal
    subject: str
    age: timedelta
    idle: timedelta = timedelta(0)
    is_sound: bool = True


@dataclass(frozen=True)
class Standing:
    """What the account is, as it is now. Nothing in it proves anything."""

    projects: int = 0
    invitations: int = 0
    organizations: int = 0
    is_sole_owner: bool = False
    owns_organization: bool = False
    monthly_downloads: int = 0
    is_critical: bool = False
    is_staff: bool = False
    is_frozen: bool = False


@dataclass(frozen=True)
class CaseFacts:
    """All that an assessment looks at.

    Attributes:
        tier_at_open: the tier counted when the case was opened; it never falls below.
        has_rival: another claimant who proved a mailbox has an open case about the account.
        has_bounced: a notice to the owner came back.
        is_paused: cases come in so fast that none may run without staff.
    """

    standing: Standing = Standing()
    evidence: tuple[Evidence, ...] = ()
    hard: frozenset[HardFlag] = frozenset()
    soft: frozenset[SoftFlag] = frozenset()
    tier_at_open: Tier = Tier.I0
    has_rival: bool = False
    has_bounced: bool = False
    is_paused: bool = False


@dataclass(frozen=True)
class SignalRule:
    """What one signal is worth.

    Attributes:
        points: for the first subject.
        further: for each other subject.
        min_age, max_idle: beyond these it is worth nothing.
    """

    belongs: EvidenceClass
    points: int
    further: int = 0
    min_age: timedelta = timedelta(0)
    max_idle: timedelta = timedelta.max


@dataclass(frozen=True)
class Way:
    """One way to meet a tier's minimum, and how long the case cools when it is met this way.

    Attributes:
        one_of: classes of which one must be among the evidence; empty for no such demand.
    """

    points: int
    classes: int
    cooling: timedelta
    one_of: tuple[EvidenceClass, ...] = ()

    def is_met(self, points: Mapping[EvidenceClass, int]) -> bool:
        return (
            sum(points.values()) >= self.points
            and len(points) >= self.classes
            and (not self.one_of or any(each in points for each in self.one_of))
        )


@dataclass(frozen=True)
class TierRule:
    """What a tier demands.

    Attributes:
        approvals: in this order, each by somebody else.
        tail: at least this long between the last approval and the execution.
        hold: how long the account can change nothing afterwards.
        runs_alone: whether the rules may decide, with nobody approving. `approvals` holds where they may not.
        needs_security_key: whether only a security key ends the recovery.
        stages_first_release: whether the first release afterwards waits for a second person.
    """

    ways: tuple[Way, ...]
    approvals: tuple[Approver, ...]
    tail: timedelta
    hold: timedelta
    runs_alone: bool = False
    needs_security_key: bool = False
    stages_first_release: bool = False

    def cooling(self, points: Mapping[EvidenceClass, int]) -> timedelta:
        met = [way.cooling for way in self.ways if way.is_met(points)]
        return min(met) if met else max(way.cooling for way in self.ways)


@dataclass(frozen=True)
class Policy:
    """Every number of the assessment. Configuration: `version` is stored with each case.

    Attributes:
        caps: the most that one class may add.
        sole_downloads: downloads in a month from which an account is I2.
        soft_for_tier: this many soft flags raise the tier by one.
        hard_for_dispute: this many hard flags end the matter between claimant and rules.
        steps: the lengths of cooling; a soft flag moves to the next longer one, past the last by `step_past`.
        alternate_floor: the least cooling where an address that the account never had is to get the link.
        bounce: what a notice that came back adds to cooling.
    """

    number: int
    signals: Mapping[Signal, SignalRule]
    caps: Mapping[EvidenceClass, int]
    tiers: Mapping[Tier, TierRule]
    sole_downloads: int
    soft_for_tier: int
    hard_for_dispute: int
    steps: tuple[timedelta, ...]
    step_past: timedelta
    alternate_floor: timedelta
    bounce: timedelta

    @property
    def version(self) -> str:
        """The number and a digest of all the rest: a row changed in silence shows."""
        text = json.dumps(asdict(self), sort_keys=True, default=timedelta.total_seconds)
        return f"{self.number}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def without_single_class(self) -> Policy:
        """The same without the ways that ask for one class of evidence only."""
        tiers = {
            tier: replace(rule, ways=tuple(way for way in rule.ways if way.classes > 1))
            for tier, rule in self.tiers.items()
        }
        return replace(self, tiers=tiers)


@dataclass(frozen=True)
class Assessment:
    """What follows from the facts.

    Attributes:
        points: what each class adds, after its cap; classes that add nothing are left out.
        approvals_needed: one entry for each approval, in order; empty where nobody need approve.
        cooling: from the first notice that reached the owner.
        tail: from the last approval.
        hold: from the execution.
    """

    policy_version: str
    outcome: Outcome
    tier: Tier
    points_by_class: Mapping[EvidenceClass, int]
    hard: frozenset[HardFlag]
    soft: frozenset[SoftFlag]
    minimum_met: bool
    approvals_needed: tuple[Approver, ...]
    cooling: timedelta
    tail: timedelta
    hold: timedelta
    may_run_without_staff: bool
    needs_security_key: bool
    stages_first_release: bool

    @property
    def points(self) -> int:
        return sum(self.points_by_class.values())

    @property
    def classes(self) -> frozenset[EvidenceClass]:
        return frozenset(self.points_by_class)

    @property
    def flags(self) -> tuple[str, ...]:
        """The codes of all flags, hard ones first."""
        return (*sorted(self.hard), *sorted(self.soft))


def assess(facts: CaseFacts, policy: Policy) -> Assessment:
    """What these facts allow under this policy."""
    points = points_of(facts.evidence, policy)
    base = _tier_of(facts.standing, policy)
    tier = max(_raised(base, facts, policy), facts.tier_at_open)
    rule = policy.tiers[tier]
    outcome = _outcome(facts, policy)
    is_met = any(way.is_met(points) for way in rule.ways)
    alone = rule.runs_alone and is_met and outcome is Outcome.PROCEED and not (facts.hard or facts.is_paused)
    passed = [policy.tiers[each] for each in Tier if base <= each <= tier]
    return Assessment(
        policy_version=policy.version,
        outcome=outcome,
        tier=tier,
        points_by_class=points,
        hard=facts.hard,
        soft=facts.soft,
        minimum_met=is_met,
        approvals_needed=() if alone else rule.approvals,
        # A higher tier never waits less than a lower one on the same evidence would.
        cooling=_lengthened(max(each.cooling(points) for each in passed), facts, policy),
        tail=timedelta(0) if alone else max(each.tail for each in passed),
        hold=max(each.hold for each in passed),
        may_run_without_staff=alone,
        needs_security_key=rule.needs_security_key,
        stages_first_release=rule.stages_first_release,
    )


def points_of(evidence: Iterable[Evidence], policy: Policy) -> dict[EvidenceClass, int]:
    """What each class adds. A subject counts once in a class, as what it is worth most as."""
    best: dict[tuple[EvidenceClass, str], Signal] = {}
    for item in evidence:
        rule = policy.signals[item.signal]
        if not item.is_sound or item.age < rule.min_age or item.idle > rule.max_idle:
            continue
        key = (rule.belongs, item.subject)
        if key not in best or policy.signals[best[key]].points < rule.points:
            best[key] = item.signal
    points: dict[EvidenceClass, int] = {}
    met: set[Signal] = set()
    for (belongs, _), signal in best.items():
        rule = policy.signals[signal]
        earned = rule.further if signal in met else rule.points
        met.add(signal)
        points[belongs] = min(points.get(belongs, 0) + earned, policy.caps[belongs])
    return points


def _tier_of(standing: Standing, policy: Policy) -> Tier:
    if standing.is_critical or standing.owns_organization:
        return Tier.I3
    is_busy = standing.monthly_downloads >= policy.sole_downloads
    if standing.is_sole_owner or standing.organizations or is_busy:
        return Tier.I2
    return Tier.I1 if standing.projects or standing.invitations else Tier.I0


def _raised(base: Tier, facts: CaseFacts, policy: Policy) -> Tier:
    if facts.hard or facts.has_rival:
        return Tier.I3
    raised = int(base)
    raised += len(facts.soft) >= policy.soft_for_tier
    raised += SoftFlag.ALTERNATE_MAILBOX in facts.soft
    return Tier(min(raised, Tier.I3))


def _outcome(facts: CaseFacts, policy: Policy) -> Outcome:
    if facts.standing.is_staff or facts.standing.is_frozen:
        return Outcome.REFUSE
    return Outcome.DISPUTE if len(facts.hard) >= policy.hard_for_dispute else Outcome.PROCEED


def _lengthened(cooling: timedelta, facts: CaseFacts, policy: Policy) -> timedelta:
    for _ in facts.soft:
        longer = [step for step in policy.steps if step > cooling]
        cooling = min(longer) if longer else cooling + policy.step_past
    if SoftFlag.ALTERNATE_MAILBOX in facts.soft:
        cooling = max(cooling, policy.alternate_floor)
    return cooling + policy.bounce if facts.has_bounced else cooling
