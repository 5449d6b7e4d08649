"""The site's only clock: real time, plus a stored offset on demo databases (`manage.py demo --advance`)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone

OFFSET_FACT = "clock-offset-seconds"
_REFRESH_SECONDS = 1.0  # an advance reaches every process within this time

_offset = timedelta()
_read_at = float("-inf")


def now() -> datetime:
    """The present, aware, in UTC."""
    return timezone.now() + offset()


def written(at: datetime) -> str:
    """A moment as sentences and letters give it: to the minute, and with its zone."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def offset() -> timedelta:
    """How far a demo site's clock runs ahead; always zero in production, without a query."""
    global _offset, _read_at
    if not settings.ENV.allows_demo:
        return timedelta()
    if time.monotonic() - _read_at > _REFRESH_SECONDS:
        from indexsite.models import SiteFact  # models cannot be imported while settings load

        fact = SiteFact.objects.filter(name=OFFSET_FACT).first()
        _offset = timedelta(seconds=float(fact.value)) if fact else timedelta()
        _read_at = time.monotonic()
    return _offset


def advance(by: timedelta) -> timedelta:
    """Move the demo clock forward for every process; returns the new offset."""
    from indexsite.models import SiteFact

    global _read_at
    _read_at = float("-inf")
    total = offset() + by
    SiteFact.objects.update_or_create(name=OFFSET_FACT, defaults={"value": total.total_seconds()})
    _read_at = float("-inf")
    return total
