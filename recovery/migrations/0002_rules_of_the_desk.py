"""What no write breaks, by whatever way it comes: the moves of a case, who may approve it, when it is due."""

from django.db import migrations

from indexsite.triggers import Refusal, installing

CASE = "recovery_recoverycase"
APPROVAL = "recovery_caseapproval"
COOLING = "('cooling', 'auto-cooling')"
ENDS = ("cancelled", "disputed", "self-resolved", "rejected", "expired", "duplicate", "withdrawn")
MOVES = {
    "submitted": ("evidence", *ENDS),
    "evidence": ("queued", "auto-cooling", *ENDS),
    "queued": ("in-review", *ENDS),
    "in-review": ("queued", "needs-info", "approved", *ENDS),
    "needs-info": ("queued", "in-review", *ENDS),
    "approved": ("queued", "in-review", "cooling", *ENDS),
    "cooling": ("queued", "executed", *ENDS),
    "auto-cooling": ("queued", "executed", *ENDS),
    "executed": ("hold", "queued", "disputed"),
    "hold": ("closed", "disputed"),
    "cancelled": ("queued",),
    "disputed": ("queued", "rejected"),
}
ALLOWED = ", ".join(f"'{old}>{new}'" for old, targets in MOVES.items() for new in targets)
APPROVED = """
(SELECT COUNT(DISTINCT a.person_id) FROM recovery_caseapproval AS a
 WHERE a.case_id = NEW.id AND a.void_at IS NULL AND a.evidence_digest = NEW.evidence_digest)
"""
TOLD = """
EXISTS (SELECT 1 FROM recovery_noticesent AS n WHERE n.case_id = NEW.id AND n.kind = '{kind}'
        AND {round} AND n.is_owner AND n.sent_at IS NOT NULL)
"""
GLASS = """
EXISTS (SELECT 1 FROM recovery_breakglass AS g WHERE g.case_id = NEW.id AND g.confirmed_by_id IS NOT NULL
        AND g.confirmed_at <= NEW.not_before AND g.expires_at >= NEW.not_before)
"""
SUBJECT = "(SELECT c.user_id FROM recovery_recoverycase AS c WHERE c.id = NEW.case_id)"
# Roles on one project, members of one organisation, or a role on a project of the other's organisation.
COLLEAGUES = f"""
EXISTS (SELECT 1 FROM releases_role AS a JOIN releases_role AS b ON a.project_id = b.project_id
        WHERE a.user_id = NEW.person_id AND b.user_id = {SUBJECT})
OR EXISTS (SELECT 1 FROM accounts_membership AS a JOIN accounts_membership AS b
           ON a.organization_id = b.organization_id
           WHERE a.user_id = NEW.person_id AND b.user_id = {SUBJECT})
OR EXISTS (SELECT 1 FROM releases_role AS r JOIN releases_project AS p ON r.project_id = p.id
           JOIN accounts_membership AS m ON m.organization_id = p.organization_id
           WHERE (r.user_id = NEW.person_id AND m.user_id = {SUBJECT})
           OR (r.user_id = {SUBJECT} AND m.user_id = NEW.person_id))
"""
ON_DESK = """
EXISTS (SELECT 1 FROM accounts_staffrole AS s WHERE s.user_id = {person}
        AND s.kind IN ('support-1', 'support-2', 'security'))
"""

REFUSALS = (
    Refusal(
        "case_begins",
        CASE,
        "INSERT",
        "a case is not made in the middle",
        "NEW.state IN ('approved', 'cooling', 'auto-cooling', 'executed', 'hold')",
    ),
    Refusal(
        "case_moves",
        CASE,
        "UPDATE OF state",
        "a case does not move like this",
        f"OLD.state <> NEW.state AND (OLD.state || '>' || NEW.state) NOT IN ({ALLOWED})",
    ),
    Refusal("case_stays", CASE, "DELETE", "cases are never deleted"),
    Refusal(
        "case_subject",
        CASE,
        "UPDATE OF user_id",
        "a case stays about the same account",
        "NEW.user_id IS DISTINCT FROM OLD.user_id AND (OLD.user_id IS NOT NULL OR OLD.state <> 'submitted')",
    ),
    Refusal(
        "case_secret", CASE, "UPDATE OF secret", "a case stays the same claim", "NEW.secret <> OLD.secret"
    ),
    Refusal(
        "case_approvals_needed",
        CASE,
        "UPDATE OF approvals_needed",
        "fewer approvals than before only where the rules decide alone",
        "NEW.approvals_needed < OLD.approvals_needed "
        "AND NOT (OLD.state = 'evidence' AND NEW.state = 'auto-cooling')",
    ),
    Refusal(
        "case_tier", CASE, "UPDATE OF tier, tier_at_open", "a tier does not fall once it stood",
        "OLD.opened_at IS NOT NULL AND (NEW.tier < OLD.tier OR NEW.tier_at_open < OLD.tier_at_open)",
    ),
    Refusal(
        "case_clock",
        CASE,
        "UPDATE",
        "waiting is cut short only by two people who break the glass",
        f"OLD.state IN {COOLING} AND NEW.state IN ('cooling', 'auto-cooling', 'executed') "
        f"AND (NEW.not_before IS NULL OR NEW.not_before < OLD.not_before) AND NOT {GLASS}",
    ),
    Refusal(
        "case_due",
        CASE,
        "UPDATE OF state",
        "a case is executed when it is due and approved, and not before",
        "NEW.state = 'executed' AND OLD.state <> 'executed' "
        f"AND (NEW.executed_at < OLD.not_before OR {APPROVED} < NEW.approvals_needed)",
    ),
    Refusal(
        "case_told",
        CASE,
        "UPDATE OF state",
        "a case is executed only after its owner was told twice",
        "NEW.state = 'executed' AND OLD.state <> 'executed' "
        f"AND NOT ({TOLD.format(kind='opened', round='n.round >= 0')} "
        f"AND {TOLD.format(kind='last-day', round='n.round = NEW.round')})",
    ),
    Refusal(
        "case_reopened",
        CASE,
        "UPDATE OF state",
        "what a session has cancelled stays cancelled",
        "OLD.state = 'cancelled' AND NEW.state <> 'cancelled' AND OLD.cancelled_by <> 'mailbox'",
    ),
    Refusal(
        "approval_by_staff",
        APPROVAL,
        "INSERT",
        "only the desk approves",
        f"NOT {ON_DESK.format(person='NEW.person_id')}",
    ),
    Refusal(
        "approval_without_interest",
        APPROVAL,
        "INSERT",
        "nobody approves a case of their own or of a colleague",
        f"NEW.person_id = {SUBJECT} OR {COLLEAGUES}",
    ),
    Refusal(
        "approval_in_review",
        APPROVAL,
        "INSERT",
        "a case is approved while it is in review",
        "NOT EXISTS (SELECT 1 FROM recovery_recoverycase AS c WHERE c.id = NEW.case_id "
        "AND c.state IN ('in-review', 'approved') AND c.evidence_digest = NEW.evidence_digest)",
    ),
    Refusal(
        "approval_kept",
        APPROVAL,
        "UPDATE",
        "an approval is only ever voided, and once",
        "OLD.void_at IS NOT NULL OR NEW.void_at IS NULL OR NEW.case_id <> OLD.case_id "
        "OR NEW.person_id <> OLD.person_id OR NEW.role <> OLD.role OR NEW.reason <> OLD.reason "
        "OR NEW.evidence_digest <> OLD.evidence_digest OR NEW.signature <> OLD.signature "
        "OR NEW.approved_at <> OLD.approved_at",
    ),
    Refusal("approval_stays", APPROVAL, "DELETE", "approvals are never deleted"),
    Refusal(
        "glass_begins",
        "recovery_breakglass",
        "INSERT",
        "one person asks for it, on the desk, and another confirms",
        f"NEW.confirmed_by_id IS NOT NULL OR NOT {ON_DESK.format(person='NEW.asked_by_id')}",
    ),
    Refusal(
        "glass_confirmed",
        "recovery_breakglass",
        "UPDATE",
        "it is confirmed once, by security, in time",
        "OLD.confirmed_by_id IS NOT NULL OR NEW.asked_by_id <> OLD.asked_by_id OR NEW.case_id <> OLD.case_id "
        "OR NEW.confirmed_at > OLD.expires_at OR NOT EXISTS (SELECT 1 FROM accounts_staffrole AS s "
        "WHERE s.user_id = NEW.confirmed_by_id AND s.kind = 'security')",
    ),
    Refusal("glass_stays", "recovery_breakglass", "DELETE", "broken glass is never deleted"),
    Refusal(
        "caseevent_kept",
        "recovery_caseevent",
        "UPDATE",
        "the story of a case is append-only",
        "NEW.case_id <> OLD.case_id OR NEW.at <> OLD.at OR NEW.name <> OLD.name "
        "OR NEW.actor_label <> OLD.actor_label OR NEW.actor_id IS DISTINCT FROM OLD.actor_id "
        "OR (NEW.text <> OLD.text AND NEW.text <> '') OR NOT EXISTS (SELECT 1 FROM recovery_recoverycase AS c "
        "WHERE c.id = NEW.case_id AND c.purged_at IS NOT NULL)",
    ),
    Refusal("caseevent_stays", "recovery_caseevent", "DELETE", "the story of a case is append-only"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("recovery", "0001_initial"),
        ("accounts", "0006_recovery"),
        ("releases", "0004_what_quarantine_interrupts"),
    ]

    operations = [installing(*REFUSALS)]
