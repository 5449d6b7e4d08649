"""Who of the desk decides what, with whom and how fast: for security and auditors to look at. One query each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from django.db.models import Count, Q

from recovery.models import LEASE_LIFE, CaseApproval, CaseEvent
from recovery.queries_figures import BY_STAFF, WINDOW

# A yes so soon after the line of the story before it was not looked at for long.
HASTY = timedelta(seconds=60)
_DECIDING = ("taken", "stolen", "approved", "returned", "received", "answered", "reopened", "settled")


@dataclass(frozen=True)
class Pair:
    """Two people who approved the same cases. `share`: of all cases of the one who has fewer, in percent."""

    first: str
    second: str
    count: int
    share: int


def pairs(at: datetime) -> list[Pair]:
    """Who approves together with whom, the most frequent first."""
    given = CaseApproval.objects.filter(approved_at__gt=at - WINDOW).order_by("case")
    people: dict[Any, set[str]] = {}
    for case, username in given.values_list("case", "person__username"):
        people.setdefault(case, set()).add(username)
    own = Counter(username for names in people.values() for username in names)
    both = Counter(pair for names in people.values() for pair in combinations(sorted(names), 2))
    return [
        Pair(first, second, count, round(100 * count / min(own[first], own[second])))
        for (first, second), count in both.most_common()
    ]


@dataclass(frozen=True)
class Hasty:
    """A yes that came sooner than anybody reads."""

    case: Any
    person: str
    after: timedelta
    at: datetime


def hasty(at: datetime) -> list[Hasty]:
    """Each yes within `HASTY` of the line of the story before it, the latest first."""
    lines = CaseEvent.objects.filter(name__in=_DECIDING, at__gt=at - WINDOW).order_by("case", "pk")
    found: list[Hasty] = []
    before: tuple[Any, datetime] | None = None
    for case, name, person, moment in lines.values_list("case", "name", "actor_label", "at"):
        if name == "approved" and before is not None and before[0] == case and moment - before[1] < HASTY:
            found.append(Hasty(case, person, moment - before[1], moment))
        before = (case, moment)
    return sorted(found, key=lambda each: each.at, reverse=True)


@dataclass(frozen=True)
class Person:
    """What one of the desk has decided. `share`: yeses in percent of all."""

    name: str
    approved: int
    rejected: int

    @property
    def share(self) -> int:
        return round(100 * self.approved / (self.approved + self.rejected))


def deciders(at: datetime) -> list[Person]:
    """Yes and no of each."""
    names = ("approved", "reject-proposed", "reject-reason")
    decided = CaseEvent.objects.filter(name__in=names, at__gt=at - WINDOW).order_by("actor_label")
    rows = decided.values("actor_label").annotate(
        yes=Count("pk", filter=Q(name="approved")), no=Count("pk", filter=~Q(name="approved"))
    )
    return [Person(row["actor_label"], row["yes"], row["no"]) for row in rows]


@dataclass(frozen=True)
class Effort:
    """Time on cases: from taking one to the last act of the same person on it, no pause longer than a lease."""

    cases: int
    minutes: int

    @property
    def per_case(self) -> float:
        return round(self.minutes / self.cases, 1) if self.cases else 0


def effort(at: datetime) -> Effort:
    """What the desk has spent within `WINDOW`."""
    acts = CaseEvent.objects.filter(name__in=BY_STAFF, at__gt=at - WINDOW).order_by("case", "pk")
    total, cases = timedelta(0), set()
    earlier: dict[tuple[Any, str], datetime] = {}
    for case, _, moment, person in acts.values_list("case", "name", "at", "actor_label"):
        cases.add(case)
        if (case, person) in earlier:
            total += min(moment - earlier[case, person], LEASE_LIFE)
        earlier[case, person] = moment
    return Effort(len(cases), round(total.total_seconds() / 60))


def unmasked(at: datetime) -> list[tuple[str, int]]:
    """Who has looked at hidden addresses and names, and how often."""
    looks = CaseEvent.objects.filter(name="unmasked", at__gt=at - WINDOW).order_by("actor_label")
    return [(row["actor_label"], row["count"]) for row in looks.values("actor_label").annotate(count=Count("pk"))]
