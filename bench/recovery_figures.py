"""What a simulated stretch of the recovery desk comes to: waiting, work, and who was let in wrongly."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.recovery_load import Desk, Story


def figures(desk: Desk) -> dict[str, Any]:
    """Figures of a run that has ended, by the words under which they are recorded."""
    from recovery.models import RecoveryCase

    for case in RecoveryCase.objects.all():
        story = desk.stories[case.pk]
        story.end, story.queued_at = case.state, case.queued_at
        story.decided_at, story.executed_at = case.approved_at, case.executed_at
    stories = list(desk.stories.values())
    owners = [story for story in stories if not story.is_attack]
    attacks = [story for story in stories if story.is_attack]
    ended = [story for story in owners if story.end not in {"queued", "in-review", "approved", "evidence"}]
    looked = [story for story in stories if story.looks]
    granted = [story for story in owners if story.executed_at is not None]
    return {
        "plan": asdict(desk.plan),
        "requests": len(owners),
        "attacks": len(attacks),
        "ends of requests": dict(sorted(Counter(story.end for story in owners).items())),
        "share without staff": _share(sum(not story.looks for story in ended), len(ended)),
        "staff minutes per case looked at": round(sum(story.minutes for story in looked) / max(len(looked), 1), 1),
        "staff hours per week": round(sum(story.minutes for story in stories) / 60 / (desk.plan.days / 7), 1),
        "days to get back in, by tier": {
            tier: _spread(_days(story.executed_at, story.asked_at) for story in granted if story.tier == tier)
            for tier in ("I0", "I1", "I2", "I3")
        },
        "days of waiting for staff": _spread(
            _days(story.decided_at, story.queued_at) for story in owners if story.looks and story.decided_at
        ),
        "backlog": _spread(float(count) for count in desk.backlog),
        "false grants": sum(story.executed_at is not None for story in attacks),
        "false grants by kind": _by_kind(attacks),
    }


def _by_kind(attacks: list[Story]) -> dict[str, str]:
    tried: dict[str, list[bool]] = defaultdict(list)
    for story in attacks:
        tried[story.kind].append(story.executed_at is not None)
    return {kind: f"{sum(each)} of {len(each)}" for kind, each in sorted(tried.items())}


def _days(late: datetime | None, early: datetime | None) -> float:
    if late is None or early is None:
        raise ValueError("both moments are known where a span is asked for")
    return max((late - early).total_seconds(), 0) / 86_400


def _spread(values: Iterator[float]) -> dict[str, float]:
    found = sorted(values)
    if not found:
        return {}
    half, most = (found[min(int(share * len(found)), len(found) - 1)] for share in (0.5, 0.9))
    return {"count": len(found), "p50": round(half, 1), "p90": round(most, 1), "max": round(found[-1], 1)}


def _share(part: int, whole: int) -> float:
    return round(part / whole, 3) if whole else 0.0
