"""Questions of the desk's console: the queue and its tabs, one case with all that belongs to it. Masks nothing."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, StringAgg, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat

from accounts.models import User
from recovery.models import (
    COOLING_STATES,
    OPEN_STATES,
    BreakGlass,
    CaseApproval,
    CaseEvent,
    CaseState,
    RecoveryCase,
)
from releases.models import Designation, Project, Role, held_by

DUE_WITHIN = timedelta(hours=24)
UNMASKED_FOR = timedelta(minutes=15)
STORY_SHOWN = 200
# As the index `case_waits` has it.
WAITS_SINCE = Coalesce("queued_at", "opened_at", "submitted_at")
_S = CaseState
# What somebody of the desk can do something about.
_WORK = (_S.QUEUED, _S.IN_REVIEW, _S.APPROVED)
_AFTER = (_S.EXECUTED, _S.HOLD)


@dataclass(frozen=True)
class Tab:
    """One view of the queue. `where` is told who looks, and when."""

    code: str
    title: str
    empty: str
    where: Callable[[User, datetime], Q]
    order: str = "waits_since"


def _free(at: datetime) -> Q:
    return Q(lease__isnull=True) | Q(lease__expires_at__lte=at)


TABS = (
    Tab(
        "unassigned",
        "Unassigned",
        "Nothing waits for anybody. Well done.",
        lambda person, at: Q(state__in=_WORK, user__isnull=False) & _free(at),
    ),
    Tab(
        "mine",
        "Mine",
        "You work on nothing now. Take the next oldest case.",
        lambda person, at: Q(lease__person=person, lease__expires_at__gt=at),
    ),
    Tab(
        "waiting",
        "Waiting on claimant",
        "Nobody was asked for anything.",
        lambda person, at: Q(state__in=(_S.EVIDENCE, _S.NEEDS_INFO), user__isnull=False),
    ),
    Tab(
        "cooling",
        "Cooling",
        "No decided case waits for its date.",
        lambda person, at: Q(state__in=COOLING_STATES),
        order="not_before",
    ),
    Tab(
        "due",
        "Due",
        "Nothing is handed over within a day.",
        lambda person, at: Q(state__in=COOLING_STATES, not_before__lte=at + DUE_WITHIN),
        order="not_before",
    ),
    Tab("disputed", "Disputed", "No dispute is open.", lambda person, at: Q(state=_S.DISPUTED)),
    Tab(
        "after",
        "Handed over",
        "No account is between its recovery and the end of its hold.",
        lambda person, at: Q(state__in=_AFTER),
        order="hold_until",
    ),
    Tab("open", "All open", "No case is open.", lambda person, at: Q(state__in=(*OPEN_STATES, _S.DISPUTED))),
    Tab("all", "Everything", "There has never been a case.", lambda person, at: Q()),
)
# Counted at each look; the last would count every case there ever was.
COUNTED = TABS[:-1]


def tab_of(code: str) -> Tab:
    """The tab with this code; the first where there is none."""
    return next((tab for tab in TABS if tab.code == code), TABS[0])


@dataclass(frozen=True)
class Filters:
    """What the address of a queue says beside its tab; empty is anything."""

    tier: int | None = None
    flag: str = ""
    is_late: bool = False
    text: str = ""


def queue(tab: Tab, filters: Filters, person: User, at: datetime) -> QuerySet[RecoveryCase]:
    """The cases of a tab, the oldest first: to be counted and cut into pages. `lines` has what a page shows."""
    found = RecoveryCase.objects.filter(tab.where(person, at))
    if filters.tier is not None:
        found = found.filter(tier=filters.tier)
    if filters.is_late:
        found = found.filter(reply_due_at__lte=at, waiting_since=None, state__in=_WORK)
    if filters.flag:
        # Both columns are lists of codes as JSON; as text they read the same on both databases.
        quoted = f'"{filters.flag}"'
        found = found.annotate(hard=Cast("flags", TextField()), all_flags=Cast("assessment", TextField()))
        found = found.filter(Q(hard__contains=quoted) | Q(all_flags__contains=quoted))
    if filters.text:
        found = found.filter(_named(filters.text))
    order = WAITS_SINCE if tab.order == "waits_since" else tab.order
    return found.order_by(order, "submitted_at", "pk")


def lines(cases: Iterable[RecoveryCase]) -> list[RecoveryCase]:
    """The same cases in the same order, with all that a line of the queue shows."""
    order = [case.pk for case in cases]
    found = {case.pk: case for case in _as_lines(RecoveryCase.objects.filter(pk__in=order))}
    return [found[pk] for pk in order if pk in found]


def _named(text: str) -> Q:
    # Looked up before, since with a join the database reads every case there is, and its account.
    people = list(User.objects.filter(username=text.lower()).values_list("pk", flat=True))
    where = Q(user__in=people) | Q(claimed=text) | Q(mailbox=text.lower())
    try:
        return where | Q(pk=uuid.UUID(text))
    except ValueError:
        return where


def _as_lines(cases: QuerySet[RecoveryCase]) -> QuerySet[RecoveryCase]:
    others = RecoveryCase.objects.filter(user=OuterRef("user"), state__in=OPEN_STATES, opened_at__isnull=False)
    approvals = CaseApproval.objects.filter(case=OuterRef("pk"), void_at=None).order_by()
    return cases.select_related("user", "lease__person").annotate(
        waits_since=WAITS_SINCE,
        yeses=Coalesce(Subquery(approvals.values("case").annotate(count=Count("pk")).values("count")), 0),
        is_escalated=Exists(CaseEvent.objects.filter(case=OuterRef("pk"), name="escalated")),
        has_rival=Exists(others.exclude(pk=OuterRef("pk"))),
    )


def tab_counts(person: User, at: datetime) -> dict[str, int]:
    """How many cases each tab but the last has, in one question."""
    live = RecoveryCase.objects.filter(state__in=(*OPEN_STATES, _S.DISPUTED, *_AFTER))
    return live.aggregate(**{tab.code: Count("pk", filter=tab.where(person, at)) for tab in COUNTED})


def next_for(person: User, at: datetime) -> QuerySet[RecoveryCase]:
    """What waits longest and nobody works on; not what the person has said yes to already."""
    given = CaseApproval.objects.filter(case=OuterRef("pk"), person=person, void_at=None)
    found = RecoveryCase.objects.filter(TABS[0].where(person, at)).exclude(Exists(given))
    return found.select_related("user").order_by(Coalesce("queued_at", "opened_at"), "submitted_at", "pk")


# -- one case -------------------------------------------------------------------------------------------------


def case(pk: uuid.UUID, at: datetime) -> RecoveryCase | None:
    """With all that one query can bring along."""
    roles = Role.objects.filter(user=OuterRef("user")).order_by().values("user")
    names = roles.annotate(names=StringAgg("project__name", Value(", "))).values("names")
    # Deleted projects stay on the list, and their rows.
    whose: Any = OuterRef(OuterRef("user"))
    held = Project.with_deleted.filter(held_by(whose)).order_by().values("normalized_name")
    listed = Designation.objects.standing().filter(name__in=held).order_by().values(one=Value(1))
    reasons = listed.annotate(lines=StringAgg(Concat("name", Value(": "), "reason"), Value("\n"))).values("lines")
    glass = BreakGlass.objects.filter(case=OuterRef("pk"), confirmed_at=None, expires_at__gt=at).order_by("-pk")
    rows = _as_lines(RecoveryCase.objects.filter(pk=pk)).select_related("merged_into", "user")
    return rows.annotate(
        project_names=Coalesce(Subquery(names, output_field=TextField()), Value(""), output_field=TextField()),
        critical=Coalesce(Subquery(reasons, output_field=TextField()), Value(""), output_field=TextField()),
        glass_pk=Subquery(glass.values("pk")[:1]),
        glass_by=Subquery(glass.values("asked_by__username")[:1]),
        glass_reason=Subquery(glass.values("reason")[:1]),
    ).first()


def approvals(case: RecoveryCase) -> list[CaseApproval]:
    """The yeses that count, the first one first."""
    return list(case.approvals.filter(void_at=None).select_related("person"))


def story(case: RecoveryCase) -> list[CaseEvent]:
    """The latest lines of its story, the first of them first."""
    return list(reversed(case.events.order_by("-pk")[:STORY_SHOWN]))


def is_unmasked_for(lines: list[CaseEvent], person: User, at: datetime) -> bool:
    """Whether the person has asked to read its addresses a moment ago, and said why."""
    return any(
        line.name == "unmasked" and line.actor_id == person.pk and line.at > at - UNMASKED_FOR for line in lines
    )


@dataclass(frozen=True)
class Related:
    """Another case, and what the two have in common."""

    case: RecoveryCase
    ties: tuple[str, ...]
    is_mergeable: bool


RELATED_SHOWN = 20


def related(case: RecoveryCase) -> list[Related]:
    """Cases about the same account, or from the same browser, network or mailbox; the latest first."""
    ties = {
        "same account": ("user_id", case.user_id),
        "same browser": ("device", case.device),
        "same network": ("network", case.network),
        "same mailbox": ("mailbox", case.mailbox),
    }
    where = Q(pk__in=[])
    for name, value in ties.values():
        if value:
            where |= Q(**{name: value})
    rows = RecoveryCase.objects.filter(where).exclude(pk=case.pk).exclude(opened_at=None)
    found = rows.select_related("user").order_by("-submitted_at", "pk")[:RELATED_SHOWN]
    return [
        Related(
            row,
            tuple(words for words, (name, value) in ties.items() if value and getattr(row, name) == value),
            row.user_id is not None and row.user_id == case.user_id and row.is_open,
        )
        for row in found
    ]
