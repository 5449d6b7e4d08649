"""Rules that a column or a constraint cannot state, kept by the database itself: triggers, for migrations.

One condition serves both databases, so it is written in what they share. SQLite forgets a table's triggers when a
migration rebuilds the table: such a migration installs them again, and a test lists those that must be there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import migrations

type Step = Callable[[Any, Any], None]


@dataclass(frozen=True)
class Refusal:
    """A trigger that refuses a write.

    Attributes:
        name: of the trigger; on PostgreSQL of its function too.
        on: what is refused, such as "UPDATE" or "UPDATE OF state".
        when: SQL over OLD and NEW: refused where it is true. "" for always.
        says: the message, which raises `django.db.IntegrityError`.
        when_sqlite: the same condition, where the databases do not share the words for it; else "".
    """

    name: str
    table: str
    on: str
    says: str
    when: str = ""
    when_sqlite: str = ""

    def postgresql(self) -> list[str]:
        raised = f"RAISE EXCEPTION '{self.says}' USING ERRCODE = 'check_violation';"
        body = f"IF ({self.when}) THEN {raised} END IF;" if self.when else raised
        result = "OLD" if self.on == "DELETE" else "NEW"
        return [
            f"CREATE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {body} RETURN {result}; END $$",
            f"CREATE TRIGGER {self.name} BEFORE {self.on} ON {self.table} "
            f"FOR EACH ROW EXECUTE FUNCTION {self.name}()",
        ]

    def sqlite(self) -> list[str]:
        condition = self.when_sqlite or self.when
        when = f"WHEN ({condition}) " if condition else ""
        return [
            f"CREATE TRIGGER {self.name} BEFORE {self.on} ON {self.table} {when}"
            f"BEGIN SELECT RAISE(ABORT, '{self.says}'); END"
        ]


def installing(*refusals: Refusal) -> migrations.RunPython:
    """The step of a migration that installs them all."""
    return migrations.RunPython(_install(refusals), _remove(refusals))


def removing(*refusals: Refusal) -> migrations.RunPython:
    """The step that takes them away: before a table is rebuilt that they stand on or look at."""
    return migrations.RunPython(_remove(refusals), _install(refusals))


def unread() -> tuple[migrations.RunPython, migrations.RunPython]:
    """A step before and one after a change that rebuilds a table which triggers of other tables look at.

    SQLite renames the new table in place of the old one, and reads all triggers for it: those that name the table
    are broken for as long as there is none. Triggers on the table itself go with it (see above).
    """
    return migrations.RunPython(_legacy("ON"), _legacy("OFF")), migrations.RunPython(_legacy("OFF"), _legacy("ON"))


def _legacy(state: str) -> Step:
    def switch(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "sqlite":
            schema_editor.execute(f"PRAGMA legacy_alter_table = {state}", params=None)

    return switch


def _install(refusals: Iterable[Refusal]) -> Step:
    def install(apps: Any, schema_editor: Any) -> None:
        for refusal in refusals:
            vendor = schema_editor.connection.vendor
            for statement in refusal.postgresql() if vendor == "postgresql" else refusal.sqlite():
                schema_editor.execute(statement, params=None)

    return install


def _remove(refusals: Iterable[Refusal]) -> Step:
    def remove(apps: Any, schema_editor: Any) -> None:
        for refusal in refusals:
            if schema_editor.connection.vendor == "postgresql":
                schema_editor.execute(f"DROP FUNCTION {refusal.name}() CASCADE", params=None)
            else:
                schema_editor.execute(f"DROP TRIGGER {refusal.name}", params=None)

    return remove
