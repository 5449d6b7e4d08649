"""Every move of every case, noted by the database itself, whichever act it came from. Rolled back with a test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.db import connection

_NOTED = "INSERT INTO moves_noted (pk, before, after) VALUES (NEW.id, OLD.state, NEW.state)"
_SQLITE = (
    "CREATE TEMP TABLE moves_noted (n INTEGER PRIMARY KEY AUTOINCREMENT, pk TEXT, before TEXT, after TEXT)",
    "CREATE TEMP TRIGGER note_move AFTER UPDATE OF state ON main.recovery_recoverycase "
    f"WHEN OLD.state <> NEW.state BEGIN {_NOTED}; END",
)
_POSTGRESQL = (
    "CREATE TABLE moves_noted (n serial PRIMARY KEY, pk uuid, before text, after text)",
    "CREATE FUNCTION note_move() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN IF OLD.state <> NEW.state THEN {_NOTED}; END IF; RETURN NULL; END $$",
    "CREATE TRIGGER note_move AFTER UPDATE OF state ON recovery_recoverycase "
    "FOR EACH ROW EXECUTE FUNCTION note_move()",
)


class Moves:
    """What has moved since the last look. A move that was rolled back has not been."""

    def __init__(self) -> None:
        self._seen = 0
        with connection.cursor() as cursor:
            for statement in _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE:
                cursor.execute(statement)

    def since_last(self) -> Iterator[tuple[uuid.UUID, str, str]]:
        """Case, from where, whereto; in order, each once."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT n, pk, before, after FROM moves_noted WHERE n > %s ORDER BY n", [self._seen])
            rows = cursor.fetchall()
        for number, pk, before, after in rows:
            self._seen = number
            yield pk if isinstance(pk, uuid.UUID) else uuid.UUID(pk), before, after
