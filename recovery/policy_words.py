"""The policy of recoveries in plain words and as JSON, made from the table by which cases are assessed.

The table is the same for everybody and no secret: the software is public. Nothing here is about one account, and
nothing says by what an unusual network or a dormant account is told. What the table asks for and the site does
not do yet (`stages_first_release`) is promised to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from recovery.assurance import Approver, EvidenceClass, Policy, Signal, SignalRule, Tier, TierRule, Way

CLASSES: dict[EvidenceClass, str] = {
    EvidenceClass.MAILBOX: "Mailboxes",
    EvidenceClass.PASSWORD: "Password",
    EvidenceClass.DEVICE: "Browsers",
    EvidenceClass.TOKEN: "API tokens",
    EvidenceClass.PUBLISHING: "Where you publish from",
    EvidenceClass.SIGNATURE: "Signatures",
    EvidenceClass.VOUCH: "People who know you",
}
SIGNALS: dict[Signal, str] = {
    Signal.MAILBOX: "a verified e-mail address whose domain is in order",
    Signal.PASSWORD: "the current password",
    Signal.DEVICE: "a browser that was signed in with a second factor",
    Signal.DEVICE_AT_HOME: "the same browser, from a network it is usually in",
    Signal.USER_TOKEN: "a token of the whole account, proved without showing it",
    Signal.PROJECT_TOKEN: "a token of one project, proved without showing it",
    Signal.REPOSITORY: "a branch in a repository that releases have named",
    Signal.PUBLISHER: "a trusted publisher of the project",
    Signal.SIGNATURE: "a signature by an SSH or OpenPGP key of the account",
    Signal.CO_OWNER: "a co-owner who speaks for you",
    Signal.ORGANIZATION_OWNER: "a manager of your organization who speaks for you",
}
TIERS: dict[Tier, str] = {
    Tier.I0: "The account has no project, no organization and no open invitation.",
    Tier.I1: "The account has a role on projects that others own as well, or that few people use.",
    Tier.I2: "The account alone owns a project, or belongs to an organization, or its projects are much used.",
    Tier.I3: "Everybody depends on it: a project of the critical list, or an organization that it manages. "
    "Also whatever looks like a takeover, and whatever two people claim at once.",
}
APPROVERS: dict[Approver, str] = {
    Approver.TIER_1: "support",
    Approver.TIER_2: "senior support",
    Approver.SECURITY: "security",
}


@dataclass(frozen=True)
class SignalWords:
    """One line of what counts. `limits`: how old or how recently used it has to be."""

    text: str
    points: int
    further: int
    limits: str


@dataclass(frozen=True)
class ClassWords:
    title: str
    cap: int
    signals: tuple[SignalWords, ...]


@dataclass(frozen=True)
class TierWords:
    """One tier. `ways`: each alone is enough; `who`: who decides; `extras`: what else is asked for."""

    name: str
    meaning: str
    ways: tuple[str, ...]
    who: str
    tail: str
    hold: str
    extras: tuple[str, ...]


@dataclass(frozen=True)
class PolicyWords:
    number: int
    version: str
    classes: tuple[ClassWords, ...]
    tiers: tuple[TierWords, ...]
    bounce: str
    alternate_floor: str
    much_used: int
    unusual_for_tier: int
    signs_for_dispute: int


def in_words(policy: Policy) -> PolicyWords:
    """The whole table, for people."""
    return PolicyWords(
        number=policy.number,
        version=policy.version,
        classes=tuple(_class(each, policy) for each in EvidenceClass),
        tiers=tuple(_tier(tier, policy) for tier in Tier),
        bounce=length(policy.bounce),
        alternate_floor=length(policy.alternate_floor),
        much_used=policy.sole_downloads,
        unusual_for_tier=policy.soft_for_tier,
        signs_for_dispute=policy.hard_for_dispute,
    )


def _class(belongs: EvidenceClass, policy: Policy) -> ClassWords:
    rules = [(signal, rule) for signal, rule in policy.signals.items() if rule.belongs is belongs]
    lines = tuple(SignalWords(SIGNALS[signal], rule.points, rule.further, _limits(rule)) for signal, rule in rules)
    return ClassWords(CLASSES[belongs], policy.caps[belongs], lines)


def _limits(rule: SignalRule) -> str:
    parts = []
    if rule.min_age:
        parts.append(f"yours for at least {length(rule.min_age)}")
    if rule.max_idle != timedelta.max:
        parts.append(f"used in the last {length(rule.max_idle)}")
    return ", ".join(parts)


def _tier(tier: Tier, policy: Policy) -> TierWords:
    rule = policy.tiers[tier]
    return TierWords(
        name=tier.name,
        meaning=TIERS[tier],
        ways=tuple(_way(way) for way in rule.ways),
        who=_who(rule),
        tail=length(rule.tail) if rule.tail else "",
        hold=length(rule.hold),
        extras=_extras(rule),
    )


def _way(way: Way) -> str:
    kinds = "one kind" if way.classes == 1 else f"{way.classes} different kinds"
    among = f", one of them among {_either(way.one_of)}" if way.one_of else ""
    return f"{way.points} points from {kinds}{among}: {length(way.cooling)} of waiting"


def _either(classes: tuple[EvidenceClass, ...]) -> str:
    names = [CLASSES[each].lower().replace("api", "API") for each in classes]
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def _who(rule: TierRule) -> str:
    roles = [APPROVERS[each] for each in rule.approvals]
    people = f"{len(roles)} different people ({', '.join(roles)})"
    return f"the rules alone; where they may not, {people}" if rule.runs_alone else people


def _extras(rule: TierRule) -> tuple[str, ...]:
    return ("The new second factor has to be a security key or passkey.",) if rule.needs_security_key else ()


def length(span: timedelta) -> str:
    """A length of time as people say it: up to three days in hours, longer ones in days."""
    hours = int(span.total_seconds() // 3600)
    if hours > 72 and hours % 24 == 0:
        return f"{hours // 24} days"
    return f"{hours} hours"


def as_json(policy: Policy) -> dict[str, Any]:
    """The whole table, for programs; lengths of time in seconds."""
    return {
        "number": policy.number,
        "version": policy.version,
        "evidence": {
            signal.value: {
                "class": CLASSES[rule.belongs],
                "points": rule.points,
                "points_further": rule.further,
                "min_age_seconds": _seconds(rule.min_age),
                "max_idle_seconds": None if rule.max_idle == timedelta.max else _seconds(rule.max_idle),
            }
            for signal, rule in policy.signals.items()
        },
        "class_caps": {CLASSES[each]: cap for each, cap in policy.caps.items()},
        "tiers": {tier.name: _tier_json(rule) for tier, rule in policy.tiers.items()},
        "letter_came_back_adds_seconds": _seconds(policy.bounce),
        "unknown_mailbox_waits_at_least_seconds": _seconds(policy.alternate_floor),
    }


def _tier_json(rule: TierRule) -> dict[str, Any]:
    return {
        "ways": [
            {
                "points": way.points,
                "classes": way.classes,
                "one_of": [CLASSES[each] for each in way.one_of],
                "waiting_seconds": _seconds(way.cooling),
            }
            for way in rule.ways
        ],
        "approvals": [each.value for each in rule.approvals],
        "rules_alone": rule.runs_alone,
        "after_last_approval_seconds": _seconds(rule.tail),
        "hold_seconds": _seconds(rule.hold),
        "needs_security_key": rule.needs_security_key,
    }


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
