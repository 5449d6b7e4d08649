"""Histories: the audit trail of one project or person, filtered, as lines to read or to take away."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from indexsite import audit

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from indexsite.models import AuditEvent

    type Rows = QuerySet[AuditEvent]
    type ToEntry = Callable[[AuditEvent], HistoryEntry]

# Who did what is done for the site; no account can have this name.
STAFF = "staff"
# What a spreadsheet would take for the beginning of a formula (OWASP, CSV Injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class HistoryEntry:
    """One line of a history, as one particular reader may see it.

    Attributes:
        event: the event's stable name, such as "file.published".
        actor: who did it; "" where nobody had been identified yet.
        address, client: where it was done from and with which program; "" where that is not the reader's to know.
    """

    at: datetime
    event: str
    sentence: str
    actor: str
    credential: str
    address: str
    client: str


@dataclass(frozen=True)
class HistoryFilter:
    """What of a history is wanted; an empty field restricts nothing. Days are UTC, both inclusive."""

    kind: str = ""
    person: str = ""
    since: date | None = None
    until: date | None = None

    def of(self, rows: Rows) -> Rows:
        """The rows that pass."""
        if self.kind:
            rows = rows.filter(name__startswith=f"{self.kind}.")
        if self.person == STAFF:
            rows = rows.filter(name__in=audit.acts_of_staff())
        elif self.person:
            # Whom a line does not name, no filter finds.
            rows = rows.filter(actor_label=self.person).exclude(name__in=audit.acts_of_staff())
        if self.since is not None:
            rows = rows.filter(at__gte=datetime.combine(self.since, time(), UTC))
        if self.until is not None:
            rows = rows.filter(at__lt=datetime.combine(self.until, time(), UTC) + timedelta(days=1))
        return rows


def kinds(rows: Rows) -> list[tuple[str, str]]:
    """The kinds of events among the rows, each with the words for it, in the order of the words."""
    names = rows.order_by().values_list("name", flat=True).distinct()
    nouns = {name.partition(".")[0] for name in names}
    return sorted(((noun, noun.replace("-", " ").capitalize()) for noun in nouns), key=lambda kind: kind[1])


def entry(row: AuditEvent, *, with_actor: bool = True, with_place: bool) -> HistoryEntry:
    """One row as a line.

    Args:
        with_actor: whether somebody did it; a failed sign-in has nobody.
        with_place: whether the reader may know the network address and the program.
    """
    if row.name in audit.acts_of_staff():
        return HistoryEntry(row.at, row.name, audit.sentence(row), STAFF, credential="", address="", client="")
    return HistoryEntry(
        at=row.at,
        event=row.name,
        sentence=audit.sentence(row),
        actor=row.actor_label if with_actor else "",
        credential=row.credential_label if with_actor else "",
        address=row.address if with_place else "",
        client=row.client if with_place else "",
    )


def as_csv(entries: Iterable[Any], *, kind: type[Any] = HistoryEntry) -> Iterator[str]:
    """RFC 4180 with a header line, one line at a time; no cell is one that a spreadsheet would calculate.

    Args:
        kind: the dataclass whose fields are the columns.
    """
    yield _csv_line([field.name for field in fields(kind)])
    for line in entries:
        yield _csv_line([_inert(_plain(value)) for value in _exported(line, kind).values()])


def as_json(entries: Iterable[Any], *, kind: type[Any] = HistoryEntry) -> Iterator[str]:
    """One JSON array of objects, one object a line; `kind` as in `as_csv`."""
    separator = "[\n"
    for line in entries:
        values = {
            name: value if isinstance(value, dict | int) else _plain(value)
            for name, value in _exported(line, kind).items()
        }
        yield separator + json.dumps(values, ensure_ascii=False)
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _exported(line: Any, kind: type[Any]) -> dict[str, Any]:
    # What a page adds to its lines is for the page alone.
    return {field.name: getattr(line, field.name) for field in fields(kind)}


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def _csv_line(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerow(cells)
    return buffer.getvalue()
