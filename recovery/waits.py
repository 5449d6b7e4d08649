"""How long getting back in takes, in a few words for the help page: read from the policy. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from recovery.assurance import Policy, Tier, TierRule

STAKES: dict[Tier, str] = {
    Tier.I0: "nothing but the account itself",
    Tier.I1: "projects that others own, too, or that few people use",
    Tier.I2: "a project that is yours alone or much used, or an organization",
    Tier.I3: "what everybody depends on; also whenever something looks wrong",
}


@dataclass(frozen=True)
class Wait:
    """One line. `hold`: how long afterwards nothing can be published or handed on."""

    stake: str
    waiting: str
    people: str
    hold: str


def waits(policy: Policy) -> list[Wait]:
    """The lowest tier first. The waiting is at least as long as said; what is unusual makes it longer."""
    return [_wait(STAKES[tier], policy.tiers[tier]) for tier in Tier]


def _wait(stake: str, rule: TierRule) -> Wait:
    shortest, *longer = sorted({way.cooling for way in rule.ways})
    waiting = f"{in_days(shortest)} to {in_days(longer[-1])}" if longer else in_days(shortest)
    people = f"{len(rule.approvals)} people"
    return Wait(stake, waiting, f"rules, or {people}" if rule.runs_alone else people, in_days(rule.hold))


def in_days(span: timedelta) -> str:
    """Whole days, rounded up: nobody is let in sooner than was said."""
    days = -(-span // timedelta(days=1))
    return "1 day" if days == 1 else f"{days} days"
