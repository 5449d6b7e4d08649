"""Two acts at the same moment, on real connections."""

from __future__ import annotations

import pkgutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, connections
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.models import QuerySet

from releases.models import Project, ProjectQuerySet


def together[T](*acts: Callable[[], T]) -> list[T]:
    """Run all acts at once, each in a thread with a database connection of its own."""

    def run(act: Callable[[], T]) -> T:
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


SURELY = 60.0  # seconds: where nothing keeps both from coming, however busy the machine is


def meet(patch: pytest.MonkeyPatch, *targets: str, parties: int = 2, patience: float = 1.0) -> None:
    """Make `parties` threads wait for each other in front of the functions or methods `targets`.

    Where a lock lets only one of them come so far, it goes on alone after `patience` seconds. With `SURELY` each
    waits once: what it does after they have met is its own.
    """
    barrier = threading.Barrier(parties)
    have_met: set[int] = set()

    def after_the_others(original: Callable[..., Any]) -> Callable[..., Any]:
        def waiting(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() not in have_met:
                with suppress(threading.BrokenBarrierError):
                    barrier.wait(timeout=patience)
                if patience == SURELY:
                    have_met.add(threading.get_ident())
            return original(*args, **kwargs)

        return waiting

    for target in targets:
        patch.setattr(target, after_the_others(pkgutil.resolve_name(target)))


def without_locks(patch: pytest.MonkeyPatch) -> None:
    """Take away what makes uploads to one project wait for each other.

    PostgreSQL: the row lock. SQLite: the write lock that each transaction takes when it begins.
    """
    patch.setattr(ProjectQuerySet, "locked", lambda self, pk: self.get(pk=pk))
    _unlock_uploads_and_begin(patch)


def without_any_lock(patch: pytest.MonkeyPatch) -> None:
    """The same for all rows: people and organisations too."""
    patch.setattr(QuerySet, "select_for_update", lambda self, **options: self)
    _unlock_uploads_and_begin(patch)


def _unlock_uploads_and_begin(patch: pytest.MonkeyPatch) -> None:
    # Its statement was composed before this test, with the lock.
    patch.setattr("releases.actions.naming.lock_project", lambda pk: Project.with_deleted.get(pk=pk))
    if connection.vendor == "sqlite":
        patch.setattr(
            DatabaseWrapper,
            "_start_transaction_under_autocommit",
            lambda self: self.cursor().execute("BEGIN DEFERRED"),
        )
