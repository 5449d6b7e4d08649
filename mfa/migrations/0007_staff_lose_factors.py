"""A fourth ground on which a factor may go: two of the staff said yes about a third, a day ago."""

from importlib import import_module

from django.db import migrations, models

from indexsite.triggers import Refusal, installing, removing

BEFORE = tuple(import_module("mfa.migrations.0006_removals_are_enforced").refusals())
BY_OWNER = """
NEW.event_id IS NOT NULL AND NEW.ground <> 'staff' AND NOT EXISTS (
    SELECT 1 FROM indexsite_auditevent AS e
    WHERE e.id = NEW.event_id AND e.about_id = NEW.user_id AND e.actor_id = NEW.user_id
    AND e.name = CASE NEW.ground
        WHEN 'removed' THEN 'factor.removed' WHEN 'replaced' THEN 'factor.added' WHEN 'closed' THEN 'account.closed'
    END)
"""
# Proposed and confirmed by two who are neither the same nor the person: constraints of the table of proposals say so.
BY_STAFF = """
NEW.ground = 'staff' AND NOT (
    EXISTS (
        SELECT 1 FROM indexsite_auditevent AS e
        WHERE e.id = NEW.event_id AND e.about_id = NEW.user_id AND e.name = 'staff.factors-removed')
    AND EXISTS (
        SELECT 1 FROM accounts_staffchange AS c
        WHERE c.user_id = NEW.user_id AND c.role = 'factors' AND c.state = 'done'
        AND c.ended_at = NEW.removed_at AND c.due_at <= c.ended_at AND c.confirmed_at < c.due_at
        AND EXISTS (
            SELECT 1 FROM indexsite_auditevent AS e
            WHERE e.about_id = c.user_id AND e.actor_id = c.proposed_by_id AND e.name = 'staff.factors-proposed')
        AND EXISTS (
            SELECT 1 FROM indexsite_auditevent AS e
            WHERE e.about_id = c.user_id AND e.actor_id = c.confirmed_by_id AND e.name = 'staff.confirmed')))
"""


def refusals():
    """Those of before, of which one knows the new ground, and one more."""
    for refusal in BEFORE:
        if refusal.name == "mfa_factorremoval_event":
            yield Refusal(refusal.name, refusal.table, refusal.on, refusal.says, BY_OWNER)
        else:
            yield refusal
    table = "mfa_factorremoval"
    yield Refusal(f"{table}_staff", table, "INSERT", "the ground is no proposal that two confirmed", BY_STAFF)


class Migration(migrations.Migration):
    dependencies = [
        ("mfa", "0006_removals_are_enforced"),
        ("accounts", "0007_staff_lose_factors"),
    ]

    operations = [
        # SQLite rebuilds the table, and neither its own triggers nor those that look at it survive that.
        removing(*BEFORE),
        migrations.AlterField(
            model_name="factorremoval",
            name="ground",
            field=models.CharField(
                choices=[
                    ("removed", "Its owner removed it"),
                    ("replaced", "Its owner put another one in its place"),
                    ("closed", "Its owner closed the account"),
                    ("recovery", "A recovery was carried out"),
                    ("staff", "It was lost by somebody on the staff, as two others confirmed"),
                ],
                max_length=16,
            ),
        ),
        migrations.RemoveConstraint(model_name="factorremoval", name="factor_removal_has_one_ground"),
        migrations.AddConstraint(
            model_name="factorremoval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("case__isnull", False), ("event__isnull", True), ("ground", "recovery")),
                    models.Q(
                        ("case__isnull", True),
                        ("event__isnull", False),
                        ("ground__in", ["removed", "replaced", "closed", "staff"]),
                    ),
                    _connector="OR",
                ),
                name="factor_removal_has_one_ground",
            ),
        ),
        installing(*refusals()),
    ]
