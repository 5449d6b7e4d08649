"""The database knows no move any more that no act makes: ten thousand random steps have found the table too wide."""

from dataclasses import replace
from importlib import import_module

from django.db import migrations

from indexsite.triggers import installing, removing

STOPPED = ("cancelled", "disputed", "self-resolved", "rejected", "withdrawn")
MOVES = {
    "submitted": ("evidence", "disputed", "expired", "withdrawn"),
    "evidence": ("queued", "auto-cooling", "expired", *STOPPED),
    "queued": ("in-review", "duplicate", *STOPPED),
    "in-review": ("queued", "needs-info", "approved", "duplicate", *STOPPED),
    "needs-info": ("queued", "expired", "duplicate", *STOPPED),
    "approved": ("queued", "cooling", "duplicate", *STOPPED),
    "cooling": ("queued", "executed", *STOPPED),
    "auto-cooling": ("queued", "executed", *STOPPED),
    "executed": ("hold", "queued", "disputed"),
    "hold": ("closed", "disputed"),
    "cancelled": ("queued", "disputed", "rejected", "withdrawn"),
    "disputed": ("queued", "rejected"),
}
ALLOWED = ", ".join(f"'{old}>{new}'" for old, targets in MOVES.items() for new in targets)

STOPPING = {each.name: each for each in import_module("recovery.migrations.0006_what_was_stopped").REFUSALS}
REPLACED = STOPPING["case_moves"]
REFUSAL = replace(
    REPLACED, when=f"OLD.state <> NEW.state AND (OLD.state || '>' || NEW.state) NOT IN ({ALLOWED})"
)


class Migration(migrations.Migration):
    dependencies = [("recovery", "0006_what_was_stopped")]

    operations = [removing(REPLACED), installing(REFUSAL)]
