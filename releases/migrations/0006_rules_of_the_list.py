"""The critical list changes with proposals that two people agreed to, by whatever way it is written."""

from django.db import migrations

from indexsite.triggers import Refusal, installing

LIST, PROPOSAL = "releases_designation", "releases_listproposal"
AGREED = """
EXISTS (SELECT 1 FROM releases_listproposal AS p
        WHERE p.id = NEW.{column} AND p.name = NEW.name AND p.change = '{change}' AND p.state = 'done')
"""

REFUSALS = (
    Refusal(
        "designation_begins",
        LIST,
        "INSERT",
        "a name gets on the list by two",
        f"NEW.ended_with_id IS NOT NULL OR NOT {AGREED.format(column='began_with_id', change='join')}",
    ),
    Refusal(
        "designation_ends",
        LIST,
        "UPDATE",
        "a name gets off the list by two, and what was stays",
        "OLD.ended_with_id IS NOT NULL OR NEW.name <> OLD.name OR NEW.reason <> OLD.reason "
        "OR NEW.began_at <> OLD.began_at OR NEW.began_with_id <> OLD.began_with_id "
        f"OR NOT {AGREED.format(column='ended_with_id', change='leave')}",
    ),
    Refusal("designation_stays", LIST, "DELETE", "what was on the list is never deleted"),
    Refusal(
        "list_proposal_begins",
        PROPOSAL,
        "INSERT",
        "a proposal is not made in the middle",
        "NEW.state <> 'open' OR NEW.second_id IS NOT NULL",
    ),
    Refusal(
        "list_proposal_ends",
        PROPOSAL,
        "UPDATE",
        "a proposal stays what was agreed to",
        "OLD.state <> 'open' OR NEW.name <> OLD.name OR NEW.change <> OLD.change OR NEW.source <> OLD.source "
        "OR NEW.reason <> OLD.reason OR (OLD.first_id IS NOT NULL AND NEW.first_id IS DISTINCT FROM OLD.first_id)",
    ),
    Refusal("list_proposal_stays", PROPOSAL, "DELETE", "proposals are never deleted"),
)


class Migration(migrations.Migration):
    dependencies = [("releases", "0005_critical_list")]

    operations = [installing(*REFUSALS)]
