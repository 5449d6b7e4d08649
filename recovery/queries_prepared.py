"""All figures of the desk's page: counted one by one, or as they were counted last."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from recovery import queries_deciders, queries_figures
from recovery.models import DeskFigures

# How long what was counted is shown. The worker counts three times as often.
GOOD_FOR = timedelta(minutes=15)


def count(at: datetime) -> dict[str, Any]:
    """One query each: with many cases a matter of seconds."""
    query, people = queries_figures, queries_deciders
    return {
        "standing": query.open_cases(at),
        "backlog": query.backlog(at),
        "overdue": query.overdue(at),
        "letters": query.letters_stuck(at),
        "flow": query.flow(at),
        "outcomes": query.outcomes(at),
        "incidents": query.incidents(at),
        "reopened": query.reopened(at),
        "replies": query.first_replies(at),
        "owed": query.replies_owed(at),
        "resolved": query.resolved(at),
        "evidence": query.evidence_mix(at),
        "flags": query.flags(at),
        "glass": query.glass(at),
        "pairs": people.pairs(at),
        "hasty": people.hasty(at),
        "deciders": people.deciders(at),
        "effort": people.effort(at),
        "unmasked": people.unmasked(at),
        "coverage": query.coverage(),
    }


def figures(at: datetime) -> tuple[datetime, dict[str, Any]]:
    """When they were counted, and what was counted: the kept ones, or at once where the worker has been away."""
    kept = DeskFigures.objects.filter(at__gt=at - GOOD_FOR, at__lte=at).first()
    return (kept.at, kept.figures) if kept is not None else (at, count(at))
