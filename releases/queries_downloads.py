"""How often a project was downloaded lately, as a chart and as the same numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from releases.installers import DownloadKind
from releases.models import DownloadCount, Project

DAYS = 30
MAX_DAYS = 366
# Copies for somebody else's cache, and programs that only look, are no use of the project.
USE = (DownloadKind.INSTALLER, DownloadKind.BROWSER, DownloadKind.OTHER)

_SLOT, _BAR, _HEIGHT = 10, 7, 100


@dataclass(frozen=True)
class Day:
    """One day's downloads, and its bar in a picture `Downloads.width` wide and `Downloads.height` high."""

    date: date
    count: int
    x: int
    height: int

    @property
    def y(self) -> int:
        return _HEIGHT - self.height


@dataclass(frozen=True)
class Family:
    """One family of programs over the whole time."""

    installer: str
    kind: str
    count: int


@dataclass(frozen=True)
class Downloads:
    """`days`, `total` and `busiest` count people and their machines; mirrors and scanners stand by themselves."""

    days: list[Day]
    families: list[Family]
    mirrors: int
    scanners: int

    height = _HEIGHT
    bar = _BAR

    @property
    def total(self) -> int:
        return sum(day.count for day in self.days)

    @property
    def width(self) -> int:
        return len(self.days) * _SLOT

    @property
    def busiest(self) -> Day:
        return max(self.days, key=lambda day: day.count)


def downloads_of(project: Project, *, at: datetime, days: int = DAYS) -> Downloads:
    """The last `days` days (UTC) up to today. One query."""
    first = at.date() - timedelta(days=days - 1)
    rows = DownloadCount.objects.filter(project=project, day__gte=first, day__lte=at.date()).order_by()
    by_day: Counter[date] = Counter()
    by_family: Counter[tuple[str, str]] = Counter()
    by_kind: Counter[str] = Counter()
    for day, installer, kind, count in rows.values_list("day", "installer", "kind", "count"):
        by_family[installer, kind] += count
        by_kind[kind] += count
        if kind in USE:
            by_day[day] += count
    most = max(by_day.values(), default=0) or 1
    return Downloads(
        days=[
            Day(day, by_day[day], number * _SLOT, -(-_HEIGHT * by_day[day] // most))
            for number in range(days)
            for day in [first + timedelta(days=number)]
        ],
        families=[Family(*family, count) for family, count in by_family.most_common()],
        mirrors=by_kind[DownloadKind.MIRROR],
        scanners=by_kind[DownloadKind.SCANNER],
    )
