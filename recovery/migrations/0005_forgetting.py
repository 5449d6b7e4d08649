"""What was decided may go two years after the end of a case, and no sooner; and the figures find their lines."""

from dataclasses import replace
from importlib import import_module

from django.db import migrations, models

from indexsite.triggers import Refusal, installing, removing

CASE = "recovery_recoverycase"
KEPT_DAYS = 730
# The row of the case says that it is forgotten, before anything of it goes.
NOT_FORGOTTEN = """
NOT EXISTS (SELECT 1 FROM recovery_recoverycase AS c WHERE c.id = OLD.case_id AND c.forgotten_at IS NOT NULL)
"""
TOO_SOON = {
    "postgresql": f"NEW.forgotten_at < OLD.ended_at + INTERVAL '{KEPT_DAYS} days'",
    "sqlite": f"julianday(NEW.forgotten_at) < julianday(OLD.ended_at) + {KEPT_DAYS}",
}
FORGETS = (
    "NEW.forgotten_at IS DISTINCT FROM OLD.forgotten_at AND (OLD.forgotten_at IS NOT NULL OR NEW.forgotten_at IS NULL "
    "OR OLD.purged_at IS NULL OR OLD.ended_at IS NULL OR {too_soon})"
)

DESK = {each.name: each for each in import_module("recovery.migrations.0002_rules_of_the_desk").REFUSALS}
REPLACED = tuple(DESK[name] for name in ("case_stays", "approval_stays", "glass_stays", "caseevent_stays"))
REFUSALS = (
    replace(DESK["case_stays"], when="OLD.forgotten_at IS NULL OR OLD.executed_at IS NOT NULL"),
    *(replace(DESK[name], when=NOT_FORGOTTEN) for name in ("approval_stays", "glass_stays", "caseevent_stays")),
)
ADDED = (
    Refusal(
        "case_forgotten",
        CASE,
        "UPDATE OF forgotten_at",
        "a case is forgotten once, two years after its end",
        FORGETS.format(too_soon=TOO_SOON["postgresql"]),
        when_sqlite=FORGETS.format(too_soon=TOO_SOON["sqlite"]),
    ),
    Refusal(
        "case_ended",
        CASE,
        "UPDATE OF ended_at",
        "the end of a case does not move back",
        "NEW.ended_at < OLD.ended_at OR NEW.ended_at < OLD.submitted_at "
        "OR (OLD.purged_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at)",
    ),
)


class Migration(migrations.Migration):
    dependencies = [("recovery", "0004_the_desks_console")]

    operations = [
        migrations.AddField("recoverycase", "forgotten_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddIndex("caseevent", models.Index(fields=["name", "at"], name="case_event_name")),
        removing(*REPLACED),
        installing(*REFUSALS, *ADDED),
    ]
