"""The whole audit trail as auditors search it: page by page from the newest, each at a bounded cost.

Pages go on from an event's number. Who, about whom and on which project has an index; for everything else a page
looks at `WINDOW` events and says how far it looked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from accounts import places
from accounts.models import User
from indexsite import audit
from indexsite.models import AuditEvent

if TYPE_CHECKING:
    from django.db.models import QuerySet

PAGE_LENGTH = 50
WINDOW = 20_000
EXPORT_LENGTH = 50_000
# An event is timed when it is written and numbered when the database likes; none is this far from its neighbours.
SLACK = 1000


@dataclass(frozen=True)
class Search:
    """What is looked for; an empty field restricts nothing. Days are UTC, both inclusive."""

    event: str = ""
    actor: str = ""
    about: str = ""
    project: str = ""
    address: str = ""
    since: date | None = None
    until: date | None = None

    def __str__(self) -> str:
        """As the trail keeps it, such as "event token, about alice"."""
        said = [f"{name} {value}" for name, value in vars(self).items() if value]
        return ", ".join(said) or "everything"

    def rows(self) -> tuple[QuerySet[AuditEvent], bool]:
        """What matches, the newest first, and whether an index leads to it."""
        rows, is_indexed = AuditEvent.objects.order_by("-pk"), not (self.event or self.address)
        for name in ("actor", "about"):
            if wanted := getattr(self, name):
                user = User.objects.filter(username=wanted).first()
                rows = rows.filter(**({name: user} if user is not None else {f"{name}_label": wanted}))
                is_indexed = user is not None
        if self.project:
            rows, is_indexed = rows.filter(project=self.project), True
        if self.event:
            is_kind = "." not in self.event
            rows = rows.filter(**({"name__startswith": f"{self.event}."} if is_kind else {"name": self.event}))
        if self.address:
            rows = rows.filter(address=self.address)
        return self._within_days(rows), is_indexed

    def _within_days(self, rows: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        if self.since is not None:
            start = datetime.combine(self.since, time(), UTC)
            rows = rows.filter(at__gte=start, pk__gte=_number_at(start) - SLACK)
        if self.until is not None:
            end = datetime.combine(self.until, time(), UTC) + timedelta(days=1)
            rows = rows.filter(at__lt=end, pk__lt=_number_at(end) + SLACK)
        return rows


@dataclass(frozen=True)
class Page:
    """Some events. `older`: the number before which the next page begins, None at the end; `looked_at`: how many
    events were, where not all that are older were."""

    rows: list[AuditEvent]
    older: int | None
    looked_at: int | None = None


def find(search: Search, *, before: int | None = None) -> Page:
    """The newest events that match, of those numbered below `before`."""
    rows, is_indexed = search.rows()
    top = before if before is not None else _newest() + 1
    rows = rows.filter(pk__lt=top)
    end = 0 if is_indexed else top - WINDOW
    if end > 0:
        rows = rows.filter(pk__gte=end)
    found = list(rows[: PAGE_LENGTH + 1])
    if len(found) > PAGE_LENGTH:
        return Page(found[:PAGE_LENGTH], found[PAGE_LENGTH - 1].pk)
    return Page(found, end if end > 1 else None, WINDOW if end > 1 else None)


def export(search: Search) -> Iterator[AuditLine]:
    """Everything that matches, the newest first; a last line says so where there is more than `EXPORT_LENGTH`."""
    before, count = None, 0
    while True:
        page = find(search, before=before)
        yield from (line(row) for row in page.rows)
        count += len(page.rows)
        before = page.older
        if before is None:
            return
        if count >= EXPORT_LENGTH:
            yield AuditLine(event="export.cut", sentence="There are more events; choose fewer days.")
            return


@dataclass(frozen=True, kw_only=True)
class AuditLine:
    """One event as an export has it. Addresses are neighbourhoods."""

    number: int = 0
    at: datetime | str = ""
    event: str = ""
    sentence: str = ""
    actor: str = ""
    credential: str = ""
    factor: str = ""
    about: str = ""
    project: str = ""
    place: str = ""
    client: str = ""
    data: dict[str, Any] = field(default_factory=dict)


def line(row: AuditEvent) -> AuditLine:
    """The event, its address made coarse."""
    return AuditLine(
        number=row.pk,
        at=row.at,
        event=row.name,
        sentence=audit.sentence(row),
        actor=row.actor_label,
        credential=row.credential_label,
        factor=row.factor,
        about=row.about_label,
        project=row.project,
        place=places.coarse(row.address) if row.address else "",
        client=row.client,
        data=row.data,
    )


def event_of(number: int) -> AuditEvent | None:
    return AuditEvent.objects.select_related("about").filter(pk=number).first()


def kinds() -> list[str]:
    """The first words of all events, such as "token"."""
    return sorted({name.partition(".")[0] for name in audit.VOCABULARY})


def _newest() -> int:
    return AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _number_at(moment: datetime) -> int:
    """About the number of the first event from then on; `at` has no index, but grows with the numbers."""
    low, high = 0, _newest() + 1
    while low < high:
        middle = (low + high) // 2
        found = AuditEvent.objects.filter(pk__gte=middle).order_by("pk").values_list("at", flat=True).first()
        if found is None or found >= moment:
            high = middle
        else:
            low = middle + 1
    return low
