"""How many recoveries there are and how long they take, for everybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from recovery.models import COOLING_STATES, RecoveryCase
from recovery.queries_figures import WAITING_STATES, WINDOW, outcomes, spread

# Below that nothing is said: one person's case could be watched.
FEW = 5


@dataclass(frozen=True)
class PublicFigures:
    """None where there were fewer than `FEW`."""

    waiting: int | None
    cooling: int | None
    opened: int | None
    over: int | None
    executed: int | None
    stopped: int | None
    percent_without_staff: int | None
    decision_p50: timedelta | None
    decision_p90: timedelta | None
    at: datetime


def public_figures(at: datetime) -> PublicFigures:
    """Counts and waiting times for the public page; three queries."""
    now = RecoveryCase.objects.exclude(opened_at=None).aggregate(
        waiting=Count("pk", filter=Q(state__in=WAITING_STATES)),
        cooling=Count("pk", filter=Q(state__in=COOLING_STATES)),
        opened=Count("pk", filter=Q(opened_at__gt=at - WINDOW)),
    )
    done = outcomes(at)
    decided = RecoveryCase.objects.filter(approved_at__gt=at - WINDOW, finished_at__isnull=False).order_by()
    rows = decided.values_list("approved_at", "finished_at")
    waits = spread(yes - since for yes, since in rows if yes is not None and since is not None and yes > since)
    is_enough = waits.count >= FEW
    return PublicFigures(
        **{name: _unless_few(count) for name, count in now.items()},
        over=_unless_few(done["all"]),
        executed=_unless_few(done["executed"]),
        stopped=_unless_few(done["cancelled"] + done["disputed"]),
        percent_without_staff=round(100 * done["without_staff"] / done["all"]) if done["all"] >= FEW else None,
        decision_p50=waits.p50 if is_enough else None,
        decision_p90=waits.p90 if is_enough else None,
        at=at,
    )


def _unless_few(count: int) -> int | None:
    return count if count >= FEW else None
