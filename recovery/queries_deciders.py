"""Who of the desk decides what, with whom and how fast: for security and auditors to look at. One query each."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import Length

from recovery.models import LEASE_LIFE, CaseApproval, CaseEvent
from recovery.queries_figures import BY_STAFF, WINDOW

# What a look at the evidence takes, and a fast reader (300 words a minute) in a second.
HASTY = timedelta(seconds=60)
READ_IN_A_SECOND = 25  # characters
# A pair is looked at from here on, if it is two standard deviations more often together than by chance.
PAIRS_FROM, DEVIATIONS = 5, 2
_DECISIONS = ("approved", "reject-proposed")
_DECIDING = (
    "reject-proposed",
    "taken",
    "stolen",
    "approved",
    "returned",
    "received",
    "answered",
    "reopened",
    "settled",
)


@dataclass(frozen=True)
class Pair:
    """Two people who approved the same cases.

    Attributes:
        share: of all cases of the one who has fewer, in percent.
        expected: how many they would share if cases were given out by lot.
        is_unusual: more than chance explains; with few people on the desk, being often together is none.
    """

    first: str
    second: str
    count: int
    share: int
    expected: float
    is_unusual: bool


def pairs(at: datetime) -> list[Pair]:
    """Who approves together with whom, the most frequent first.

    By lot, of `n` cases that two or more have approved, two people with `a` and `b` of them share `ab/n`, spread
    as a binomial distribution is.
    """
    given = CaseApproval.objects.filter(approved_at__gt=at - WINDOW).order_by("case")
    people: dict[Any, set[str]] = {}
    for case, username in given.values_list("case", "person__username"):
        people.setdefault(case, set()).add(username)
    shared = [names for names in people.values() if len(names) > 1]
    own = Counter(username for names in people.values() for username in names)
    among = Counter(username for names in shared for username in names)
    both = Counter(pair for names in shared for pair in combinations(sorted(names), 2))
    found = []
    for (first, second), count in both.most_common():
        expected = among[first] * among[second] / len(shared)
        deviation = math.sqrt(expected * (1 - expected / len(shared)))
        is_unusual = count >= PAIRS_FROM and count - expected > DEVIATIONS * deviation
        share = round(100 * count / min(own[first], own[second]))
        found.append(Pair(first, second, count, share, round(expected, 1), is_unusual))
    return found


@dataclass(frozen=True)
class Hasty:
    """A decision that came sooner than anybody reads; `needed`: what reading takes at least."""

    case: Any
    person: str
    after: timedelta
    needed: timedelta
    at: datetime


def hasty(at: datetime) -> list[Hasty]:
    """Each decision that came too soon after the act before it, the latest first.

    Reading takes `HASTY` for the evidence, and for all words in the story of the case as long as they are.
    """
    lines = CaseEvent.objects.filter(Q(name__in=_DECIDING) | ~Q(text=""), at__gt=at - WINDOW).order_by(
        "case", "pk"
    )
    rows = lines.annotate(length=Length("text")).values_list("case", "name", "actor_label", "at", "length")
    found: list[Hasty] = []
    here, before, words = None, None, 0
    for case, name, person, moment, length in rows:
        if case != here:
            here, before, words = case, None, 0
        needed = HASTY + timedelta(seconds=words // READ_IN_A_SECOND)
        if name in _DECISIONS and before is not None and moment - before < needed:
            found.append(Hasty(case, person, moment - before, needed, moment))
        before = moment if name in _DECIDING else before
        words += length
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
