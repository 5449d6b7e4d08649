"""What only tests and attackers do to append-only tables: empty them, and tamper with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.backends.sqlite3.base import DatabaseOperations  # .operations alone imports in a circle

from indexsite.models import AuditEvent, AuditSeal, AuditSealEntry

TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
_sql_flush = DatabaseOperations.sql_flush


def allow_flush() -> None:
    """Let Django empty the tables between tests on SQLite, which deletes row by row where PostgreSQL truncates."""
    DatabaseOperations.sql_flush = _flush  # type: ignore[method-assign]


def _flush(self: DatabaseOperations, style: Any, tables: list[str], **options: Any) -> list[str]:
    triggers = _triggers()
    drop = [f'DROP TRIGGER "{name}"' for name, _ in triggers]
    return [*drop, *_sql_flush(self, style, tables, **options), *(sql for _, sql in triggers)]


def _triggers() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS)
        return list(cursor.fetchall())


@contextmanager
def tampering() -> Iterator[None]:
    """The attacker owns the database and has switched the triggers off. Needs a test with real transactions."""
    before, after = _switches()
    _execute(before)
    try:
        yield
    finally:
        _execute(after)


def _switches() -> tuple[list[str], list[str]]:
    if connection.vendor == "postgresql":
        tables = [model._meta.db_table for model in (AuditEvent, AuditSeal, AuditSealEntry)]
        return (
            [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in tables],
            [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in tables],
        )
    triggers = _triggers()
    return [f'DROP TRIGGER "{name}"' for name, _ in triggers], [sql for _, sql in triggers]


def _execute(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
