"""Counts downloads without slowing one: noted in memory, handed to the database every few seconds by a thread.

A process that is killed loses its last seconds; nothing is ever counted twice, and nothing here can fail a read.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import DatabaseError, InterfaceError, connection, transaction

from indexsite import clock
from releases.installers import Installer, installer_of
from releases.models import DownloadBatch, DownloadCount, Project

log = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0
# Distinct (project, installer) pairs kept while the database takes nothing; about 10 MB.
MAX_WAITING = 50_000
FOLD_BATCHES = 500
# As long as a process may still believe that a batch of its was not taken.
_KEEP_FOLDED = timedelta(days=1)

type _Counts = Counter[tuple[str, Installer]]


@dataclass(frozen=True)
class _Parcel:
    """A batch on its way. It keeps its id until the database has said that it has it."""

    id: uuid.UUID
    day: date
    counts: _Counts

    def insert(self) -> None:
        rows = [[project, who.name, who.kind, count] for (project, who), count in self.counts.items()]
        DownloadBatch.objects.bulk_create(
            [DownloadBatch(id=self.id, day=self.day, counts=rows)], ignore_conflicts=True
        )


class DownloadCounter:
    """The counts of one process. `note` may be called from any thread; `flush` from one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._noted: _Counts = Counter()
        self._waiting: dict[date, _Counts] = {}
        self._parcel: _Parcel | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="download-counts", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def note(self, project: str, user_agent: str) -> None:
        """Count one download of a file of the project (normalised name)."""
        key = (project, installer_of(user_agent))
        with self._lock:
            if key in self._noted or len(self._noted) < MAX_WAITING:
                self._noted[key] += 1

    def flush(self) -> bool:
        """Hand everything over; False if the database did not take it and it waits for the next time."""
        with self._flushing:
            try:
                self._collect()
                while (parcel := self._next()) is not None:
                    parcel.insert()
                    self._parcel = None
            except (DatabaseError, InterfaceError) as error:
                log.warning("Download counts wait for the database: %s", str(error).strip())
                return False
            finally:
                connection.close()
        return True

    def stop(self) -> None:
        """End the thread and hand over what is left: the last act of a web process."""
        self._stop.set()
        self.flush()

    def _run(self) -> None:
        while not self._stop.wait(FLUSH_SECONDS):
            try:
                self.flush()
            except Exception:  # the thread has to outlive whatever went wrong
                log.exception("Download counts could not be handed over.")

    def _collect(self) -> None:
        day = clock.now().date()
        with self._lock:
            noted, self._noted = self._noted, Counter()
        if not noted:
            return
        waiting = self._waiting.setdefault(day, Counter())
        if len(waiting) < MAX_WAITING:
            waiting.update(noted)

    def _next(self) -> _Parcel | None:
        if self._parcel is None and self._waiting:
            day, counts = self._waiting.popitem()
            self._parcel = _Parcel(uuid.uuid4(), day, counts)
        return self._parcel


_counter: DownloadCounter | None = None


def start() -> None:
    """Begin to count in this process. Called once it will not fork again: threads do not survive a fork."""
    global _counter
    _counter = DownloadCounter()
    _counter.start()


def stop() -> None:
    """Hand over what this process has counted, and stop counting."""
    global _counter
    counter, _counter = _counter, None
    if counter is not None:
        counter.stop()


def note(project: str, user_agent: str) -> None:
    """Count one download, if this process counts."""
    if _counter is not None:
        _counter.note(project, user_agent)


# -- the worker's part --------------------------------------------------------------------------------------

_ADD = f"""
    INSERT INTO {DownloadCount._meta.db_table} (project_id, day, installer, kind, count)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (project_id, day, installer, kind)
    DO UPDATE SET count = {DownloadCount._meta.db_table}.count + excluded.count
"""  # noqa: S608, SLF001 - the names are Django's own


@transaction.atomic
def fold(*, at: datetime) -> int:
    """Add the batches that wait to the sums; returns how many they were.

    Two workers at once wait for each other at the batches, so that each is added once.
    """
    waiting = DownloadBatch.objects.filter(folded_at=None)
    batches = list(waiting.select_for_update().order_by("pk")[:FOLD_BATCHES])
    sums: Counter[tuple[str, date, str, str]] = Counter()
    for batch in batches:
        for project, installer, kind, count in batch.counts:
            sums[project, batch.day, installer, kind] += count
    names = {name for name, *_ in sums}
    # Deleted ones too: should the deletion be undone, nothing is missing.
    ids = dict(Project.with_deleted.filter(normalized_name__in=names).values_list("normalized_name", "pk"))
    rows = [
        (ids[name], day, installer, kind, count)
        for (name, day, installer, kind), count in sorted(sums.items())
        if name in ids
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_ADD, rows)
    DownloadBatch.objects.filter(pk__in=[batch.pk for batch in batches]).update(folded_at=at, counts=[])
    DownloadBatch.objects.filter(folded_at__lt=at - _KEEP_FOLDED).delete()
    return len(batches)
