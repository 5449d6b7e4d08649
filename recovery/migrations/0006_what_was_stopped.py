"""What was stopped can be disputed afterwards, and a claimant who asked to go on hears an end."""

from dataclasses import replace
from importlib import import_module

from django.db import migrations

from indexsite.triggers import installing, removing

BEFORE = import_module("recovery.migrations.0002_rules_of_the_desk")
MOVES = {**BEFORE.MOVES, "cancelled": ("queued", "disputed", "rejected", "withdrawn")}
ALLOWED = ", ".join(f"'{old}>{new}'" for old, targets in MOVES.items() for new in targets)

DESK = {each.name: each for each in BEFORE.REFUSALS}
REPLACED = (DESK["case_moves"], DESK["case_reopened"])
REFUSALS = (
    replace(
        DESK["case_moves"], when=f"OLD.state <> NEW.state AND (OLD.state || '>' || NEW.state) NOT IN ({ALLOWED})"
    ),
    # Neither at once nor by way of a dispute.
    replace(
        DESK["case_reopened"],
        when="NEW.state = 'queued' AND (OLD.cancelled_by = 'session' "
        "OR (OLD.state = 'cancelled' AND OLD.cancelled_by <> 'mailbox'))",
    ),
)


class Migration(migrations.Migration):
    dependencies = [("recovery", "0005_forgetting")]

    operations = [removing(*REPLACED), installing(*REFUSALS)]
