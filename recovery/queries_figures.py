"""How the recovery desk does, in numbers: one query each. Nothing here names an account.

Times are counted from the story of a case, so that they stay what they were. What lies further back than
`WINDOW` is left out of everything that is about cases which have ended.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import SecurityReport, User
from mfa.models import AuthenticatorApp, RecoveryDevice, SecurityKey
from recovery.assurance import EvidenceClass
from recovery.models import (
    OPEN_STATES,
    REPLY_WITHIN,
    BreakGlass,
    CaseEvent,
    CaseState,
    Evidence,
    NoticeSent,
    RecoveryCase,
    Verdict,
)
from releases.models import Role

WINDOW = timedelta(days=90)
# A letter to an owner that has not left by then is stuck.
LATE_LETTER = timedelta(hours=1)
AGE_BANDS: tuple[tuple[str, timedelta], ...] = (
    ("under a day", timedelta(days=1)),
    ("1 to 3 days", timedelta(days=3)),
    ("3 to 7 days", timedelta(days=7)),
    ("7 to 14 days", timedelta(days=14)),
)
WAITING_STATES = (CaseState.QUEUED, CaseState.IN_REVIEW, CaseState.APPROVED)
# What people of the desk do in a case.
BY_STAFF = (
    "taken", "stolen", "released", "asked", "message", "note", "approved", "reject-proposed", "reject-reason",
    "merged", "settled", "bounced", "unmasked", "glass-asked", "glass-broken",
)  # fmt: skip
# From which line of the story on a case waits for whom.
_WAITS_FOR = {
    "opened": "claimant", "asked": "claimant", "finished": "staff", "answered": "staff", "returned": "staff",
    "reopened": "staff", "decided": "cooling",
}  # fmt: skip
_ENDS = (
    CaseState.CANCELLED, CaseState.DISPUTED, CaseState.SELF_RESOLVED, CaseState.REJECTED, CaseState.EXPIRED,
    CaseState.DUPLICATE, CaseState.WITHDRAWN,
)  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """How a number of lengths of time is spread; None throughout where there is none."""

    count: int
    p50: timedelta | None = None
    p90: timedelta | None = None
    p95: timedelta | None = None
    longest: timedelta | None = None


def spread(lengths: Iterable[timedelta]) -> Spread:
    """By nearest rank, so that every figure is one that somebody waited."""
    ordered = sorted(lengths)
    if not ordered:
        return Spread(0)
    half, most, nearly_all = (_rank(ordered, part) for part in (0.5, 0.9, 0.95))
    return Spread(len(ordered), half, most, nearly_all, ordered[-1])


def _rank(ordered: Sequence[timedelta], part: float) -> timedelta:
    return ordered[max(math.ceil(part * len(ordered)) - 1, 0)]


# -- what there is now ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Standing:
    """Open cases of one state and tier; `bands` as `AGE_BANDS`, and one more for what is older."""

    state: CaseState
    tier: int
    count: int
    bands: tuple[int, ...]

    @property
    def label(self) -> str:
        return str(self.state.label)


def open_cases(at: datetime) -> list[Standing]:
    """By state, tier and age since they were opened."""
    edges = [None, *(at - age for _, age in AGE_BANDS), None]
    bands = {
        f"band{number}": Count("pk", filter=_between(newer, older))
        for number, (newer, older) in enumerate(pairwise(edges))
    }
    rows = RecoveryCase.objects.filter(state__in=[*OPEN_STATES, *_AFTERWARDS]).exclude(opened_at=None)
    found = rows.order_by("state", "tier").values("state", "tier").annotate(count=Count("pk"), **bands)
    return [
        Standing(CaseState(row["state"]), row["tier"], row["count"], tuple(row[name] for name in bands))  # type: ignore[literal-required]
        for row in found
    ]


_AFTERWARDS = (CaseState.EXECUTED, CaseState.HOLD, CaseState.DISPUTED)


def _between(until: datetime | None, since: datetime | None) -> Q:
    found = Q() if until is None else Q(opened_at__lte=until)
    return found if since is None else found & Q(opened_at__gt=since)


def backlog(at: datetime) -> Spread:
    """How long those have waited that wait for the desk now."""
    queued = RecoveryCase.objects.filter(state__in=WAITING_STATES).exclude(queued_at=None).order_by()
    return spread(at - each for each in queued.values_list("queued_at", flat=True) if each is not None)


def overdue(at: datetime) -> int:
    """Cases whose first reply is owed and late."""
    return RecoveryCase.objects.filter(state__in=WAITING_STATES, reply_due_at__lt=at).count()


def letters_stuck(at: datetime) -> dict[str, int]:
    """Letters to owners in open cases: not sent, and come back."""
    letters = NoticeSent.objects.filter(is_owner=True, case__state__in=OPEN_STATES)
    return letters.aggregate(
        unsent=Count("pk", filter=Q(sent_at=None, queued_at__lt=at - LATE_LETTER)),
        returned=Count("pk", filter=Q(bounced_at__isnull=False)),
    )


def coverage() -> dict[str, int]:
    """People with a role on a project: how many have proved recovery codes, and a factor beside the first."""
    user = OuterRef("pk")
    apps = AuthenticatorApp.objects.filter(user=user)
    keys = SecurityKey.objects.filter(user=user)
    rows = User.objects.filter(Exists(Role.objects.filter(user=user)), is_active=True)
    several = Q(has_app=True, has_key=True) | Q(keys__gt=1)
    return (
        rows.annotate(
            has_app=Exists(apps),
            has_key=Exists(keys),
            has_codes=Exists(RecoveryDevice.objects.filter(user=user).exclude(proved_at=None)),
            keys=_count_of(keys),
        )
        .order_by()
        .aggregate(
            people=Count("pk"),
            codes=Count("pk", filter=Q(has_codes=True)),
            several=Count("pk", filter=several),
            keyed=Count("pk", filter=Q(has_key=True)),
        )
    )


def _count_of(rows: QuerySet[Any]) -> Any:
    counted = rows.order_by().values("user").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted), 0)


# -- what came of them ----------------------------------------------------------------------------------------


def flow(at: datetime) -> dict[str, int]:
    """How many were opened, and how many ended or were carried out, in the last 7, 30 and 90 days."""
    counts = {}
    for days in (7, 30, 90):
        since = at - timedelta(days=days)
        counts[f"in{days}"] = Count("pk", filter=Q(opened_at__gt=since))
        over = Q(executed_at__gt=since) | Q(executed_at=None, ended_at__gt=since)
        counts[f"out{days}"] = Count("pk", filter=over)
    return RecoveryCase.objects.exclude(opened_at=None).aggregate(**counts)


def outcomes(at: datetime) -> dict[str, int]:
    """Cases that were carried out or ended: how, and how many without anybody of the staff."""
    touched = CaseEvent.objects.filter(case=OuterRef("pk"), name__in=BY_STAFF)
    done = Q(executed_at__isnull=False)
    counts = {state.value.replace("-", "_"): Count("pk", filter=Q(state=state)) for state in _ENDS}
    return (
        _over(at)
        .annotate(is_touched=Exists(touched))
        .aggregate(
            all=Count("pk"),
            executed=Count("pk", filter=done),
            by_rules=Count("pk", filter=done & Q(approvals_needed=0)),
            without_staff=Count("pk", filter=Q(is_touched=False)),
            **counts,
        )
    )


def _over(at: datetime) -> QuerySet[RecoveryCase]:
    """Opened cases that were carried out, or ended otherwise, within `WINDOW`."""
    since = at - WINDOW
    over = Q(executed_at__gt=since) | Q(executed_at=None, ended_at__gt=since)
    return RecoveryCase.objects.exclude(opened_at=None).filter(over).order_by()


def incidents(at: datetime) -> int:
    """Accounts handed over within `WINDOW` of which somebody then said that it was not them. Should be 0."""
    said = CaseEvent.objects.filter(case=OuterRef("pk"), name="disputed", at__gt=OuterRef("executed_at"))
    reported = SecurityReport.objects.filter(user=OuterRef("user"), reported_at__gt=OuterRef("executed_at"))
    handed_over = RecoveryCase.objects.filter(executed_at__gt=at - WINDOW)
    return handed_over.filter(Exists(said) | Exists(reported)).values("user").distinct().count()


def reopened(at: datetime) -> int:
    """Cases that went on after a mailbox had stopped them."""
    return CaseEvent.objects.filter(name="reopened", at__gt=at - WINDOW).values("case").distinct().count()


def first_replies(at: datetime) -> Spread:
    """From the end of a claimant's evidence to the first words of a person; decisions are no reply."""
    said = CaseEvent.objects.filter(name__in=("asked", "message"), at__gt=at - WINDOW).order_by()
    rows = said.values("case").annotate(first=Min("at"), since=Max("case__finished_at"))
    return spread(row["first"] - row["since"] for row in rows if row["since"] and row["first"] >= row["since"])


@dataclass(frozen=True)
class Owed:
    """First replies that the desk owed within `WINDOW`: how many came late, or not at all until it was too late.

    `worst`: by how much, at most. A case that was decided in time, without words before, was answered by that.
    """

    count: int
    late: int
    never: int
    worst: timedelta


def replies_owed(at: datetime) -> Owed:
    """Of cases whose claimants finished within `WINDOW`, in the queue of the desk."""
    said = CaseEvent.objects.filter(
        case=OuterRef("pk"), name__in=("asked", "message"), at__gte=OuterRef("finished_at")
    )
    cases = RecoveryCase.objects.filter(finished_at__gt=at - WINDOW, queued_at__isnull=False, user__isnull=False)
    rows = cases.order_by().values_list(
        "finished_at", Subquery(said.order_by("at").values("at")[:1]), Coalesce("approved_at", "ended_at")
    )
    count, late, never, worst = 0, 0, 0, timedelta(0)
    for finished, words, decided in rows:
        count += 1
        answered = min((moment for moment in (words, decided) if moment is not None), default=None)
        over = (answered or at) - finished - REPLY_WITHIN
        if over > timedelta(0):
            late, never, worst = late + (answered is not None), never + (answered is None), max(worst, over)
    return Owed(count, late, never, worst)


@dataclass(frozen=True)
class Resolved:
    """How long cases took from their opening until they were carried out or ended, and for whom they waited."""

    whole: Spread
    staff: Spread
    claimant: Spread
    cooling: Spread


def resolved(at: datetime) -> Resolved:
    """Of cases that were over within `WINDOW`."""
    lines = CaseEvent.objects.filter(case__in=_over(at).values("pk")).order_by("case", "pk")
    rows = lines.values_list("case", "name", "at", "case__approvals_needed")
    waits: dict[str, list[timedelta]] = {name: [] for name in ("whole", "staff", "claimant", "cooling")}
    for story in _by_case(rows):
        for name, length in _waited(story).items():
            waits[name].append(length)
    return Resolved(**{name: spread(lengths) for name, lengths in waits.items()})


def _by_case(rows: Iterable[tuple[Any, ...]]) -> list[list[tuple[Any, ...]]]:
    stories: dict[Any, list[tuple[Any, ...]]] = {}
    for row in rows:
        stories.setdefault(row[0], []).append(row)
    return list(stories.values())


def _waited(story: Sequence[tuple[Any, ...]]) -> dict[str, timedelta]:
    """For whom the case waited how long, until it was over."""
    waits = dict.fromkeys(("whole", "staff", "claimant", "cooling"), timedelta(0))
    waits_for, since = "", None
    for _, name, at, approvals_needed in story:
        if since is not None and waits_for:
            waits[waits_for] += at - since
            waits["whole"] += at - since
        since = at
        if name == "executed" or name in _ENDS:
            break
        waits_for = _WAITS_FOR.get(name, waits_for)
        if name == "finished" and approvals_needed == 0:
            waits_for = "cooling"
    return waits


def evidence_mix(at: datetime) -> list[tuple[str, int, int]]:
    """Class, how often it was offered, how often it passed."""
    offered = Evidence.objects.filter(offered_at__gt=at - WINDOW).order_by("kind").values("kind")
    rows = offered.annotate(all=Count("pk"), passed=Count("pk", filter=Q(verdict=Verdict.PASSED)))
    return [(EvidenceClass(row["kind"]).name.lower(), row["all"], row["passed"]) for row in rows]


def flags(at: datetime) -> list[tuple[str, int]]:
    """Hard flags raised in cases of the window, the most frequent first."""
    raised = RecoveryCase.objects.filter(opened_at__gt=at - WINDOW).exclude(flags=[]).order_by()
    return Counter(flag for found in raised.values_list("flags", flat=True) for flag in found).most_common()


def glass(at: datetime) -> dict[str, int]:
    """How often the waiting was cut short, or somebody asked for it."""
    asked = BreakGlass.objects.filter(asked_at__gt=at - WINDOW)
    return asked.aggregate(asked=Count("pk"), broken=Count("pk", filter=~Q(confirmed_at=None)))
