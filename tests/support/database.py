"""All that the database holds, in a form that compares."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Model

# What looking changes: who is here, when they were last seen, and how often something was tried.
_LOOKING = {"sessions.Session", "usersessions.UserSession", "indexsite.RateBucket"}


def contents() -> dict[str, tuple[int, str]]:
    """For each table, how many rows it has, and a digest of them."""
    return {model._meta.label: _contents(model) for model in apps.get_models(include_auto_created=True)}


def changed_since(before: dict[str, tuple[int, str]]) -> set[str]:
    """Tables that are no longer as they were; those aside that every visit changes."""
    return {label for label, found in contents().items() if found != before[label]} - _LOOKING


@contextmanager
def noting_writes() -> Iterator[list[str]]:
    """Statements that may have changed something: where there are none, `changed_since` need not be asked."""
    noted: list[str] = []
    tables = "|".join(apps.get_model(label)._meta.db_table for label in sorted(_LOOKING))
    harmless = re.compile(rf'SELECT|(RELEASE )?SAVEPOINT|(INSERT INTO|UPDATE|DELETE FROM) "({tables})"')

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if not harmless.match(sql):
            noted.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield noted


def _contents(model: type[Model]) -> tuple[int, str]:
    rows = sorted(map(repr, model._base_manager.order_by().values_list()))
    return len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()
