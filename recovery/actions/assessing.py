"""From rows to an assessment: what follows from what is known about a case and its account at this moment."""

from __future__ import annotations

from datetime import datetime

from recovery import assurance
from recovery.actions.story import evidence_digest
from recovery.assurance import Assessment
from recovery.assurance_policy import POLICY
from recovery.facts import facts_of
from recovery.models import CaseState, RecoveryCase


def assess(case: RecoveryCase, *, at: datetime) -> Assessment:
    """The case as it is now, under the policy of now."""
    return assurance.assess(facts_of(case, at=at), POLICY)


def keep(case: RecoveryCase, found: Assessment) -> None:
    """Write what was found into the locked case. Tier and flags only grow, and so do the approvals.

    A case that cools by the rules alone, and may no longer, is written by the move that takes it back:
    the database knows no such case in between.
    """
    case.policy_version = found.policy_version
    case.tier = max(case.tier, int(found.tier))
    case.points = found.points
    case.flags = sorted({*case.flags, *(flag.value for flag in found.hard)})
    case.cooling, case.tail, case.hold = found.cooling, found.tail, found.hold
    roles = [role.value for role in found.approvals_needed]
    case.approver_roles = roles
    case.approvals_needed = max(case.approvals_needed, len(roles))
    case.assessment = {
        "tier": found.tier.name,
        "points": {kind.value: points for kind, points in found.points_by_class.items()},
        "flags": list(found.flags),
        "minimum_met": found.minimum_met,
        "outcome": found.outcome.value,
        "may_run_without_staff": found.may_run_without_staff,
        "needs_security_key": found.needs_security_key,
    }
    case.evidence_digest = evidence_digest(case)
    if case.state != CaseState.AUTO_COOLING or found.may_run_without_staff:
        case.save(update_fields=KEPT)


KEPT = [
    "policy_version",
    "tier",
    "points",
    "flags",
    "cooling",
    "tail",
    "hold",
    "approver_roles",
    "approvals_needed",
    "assessment",
    "evidence_digest",
]
