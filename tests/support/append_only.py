"""What only tests and attackers do to append-only tables: empty them, and tamper with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.commands import flush
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations as PostgresqlOperations
from django.db.backends.sqlite3.base import DatabaseOperations  # .operations alone imports in a circle

from indexsite.models import AuditEvent, AuditSeal, AuditSealEntry

TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
_sql_flush = DatabaseOperations.sql_flush
_truncate = PostgresqlOperations.sql_flush
# What migrations filled, and no test writes.
STAY = {"django_content_type", "auth_permission"}
# As a replica applies rows, until the commit: no trigger fires, no reference is looked up.
QUIETLY = "SET LOCAL session_replication_role = replica"


def allow_flush() -> None:
    """Let Django empty the tables between tests where triggers refuse to, and without its slowest parts."""
    DatabaseOperations.sql_flush = _flush  # type: ignore[method-assign]
    PostgresqlOperations.sql_flush = _empty  # type: ignore[method-assign]
    # It would write the names of models and permissions again, which stay.
    flush.emit_post_migrate_signal = lambda *args: None


def _empty(self: PostgresqlOperations, style: Any, tables: list[str], **options: Any) -> list[str]:
    """Row by row, as on SQLite: to truncate is to make new files for a hundred tables and all of their indexes."""
    tables = [table for table in tables if table not in STAY]
    if options.get("reset_sequences") or not _is_superuser():
        return _truncate(self, style, tables, **options)
    deletes = "; ".join(f"DELETE FROM {self.quote_name(table)}" for table in tables)
    return [f"{QUIETLY}; {deletes}"]


def _flush(self: DatabaseOperations, style: Any, tables: list[str], **options: Any) -> list[str]:
    tables = [table for table in tables if table not in STAY]
    triggers = _triggers()
    drop = [f'DROP TRIGGER "{name}"' for name, _ in triggers]
    return [*drop, *_sql_flush(self, style, tables, **options), *(sql for _, sql in triggers)]


def _is_superuser() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])


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
