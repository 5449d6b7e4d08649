"""From rows to facts to an assessment: what is known about a case and its account at this moment."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.models import Membership, MembershipKind, OrganizationInvitation, User
from indexsite import audit
from recovery import assurance, domains, queries
from recovery.actions.story import evidence_digest
from recovery.assurance import Assessment, CaseFacts, HardFlag, Signal, SoftFlag, Standing, Tier
from recovery.assurance_policy import POLICY
from recovery.models import CaseState, Evidence, RecoveryCase
from releases.models import Project, ProjectInvitation, RoleKind
from releases.queries_downloads import downloads_of

_MONTH = timedelta(days=30)
DORMANT_AFTER = timedelta(days=3 * 365)
FAILURES_WITHIN = timedelta(hours=72)
FAILURES = 10
CLAIMS_OF_OTHERS = 2

# Acts after which whoever did them may not be the one who was there before.
_CHANGES = (
    audit.EmailAdded.name,
    audit.EmailVerified.name,
    audit.EmailRemoved.name,
    audit.PrimaryEmailChanged.name,
    audit.PasswordChanged.name,
    audit.PasswordReset.name,
)


def assess(case: RecoveryCase, *, at: datetime) -> Assessment:
    """The case as it is now, under the policy of now."""
    return assurance.assess(facts_of(case, at=at), POLICY)


def facts_of(case: RecoveryCase, *, at: datetime) -> CaseFacts:
    """Everything the assessment looks at, read anew. For a case about nobody: nothing."""
    user = case.user
    if user is None:
        return CaseFacts()
    return CaseFacts(
        standing=standing_of(user, at=at),
        evidence=tuple(_evidence(row, at) for row in case.evidence.counting(at)),
        hard=frozenset({*_hard_flags(case, user, at), *(HardFlag(code) for code in case.flags)}),
        soft=_soft_flags(case, user, at),
        tier_at_open=Tier(case.tier),
        has_rival=bool(queries.rivals(case)) or queries.was_handed_over(case),
        has_bounced=case.notices.filter(is_owner=True).exclude(bounced_at=None).exists(),
        is_paused=queries.is_spike(at),
    )


def standing_of(user: User, *, at: datetime) -> Standing:
    """What is at stake with this account."""
    projects = list(Project.objects.of(user))
    owned = list(Project.objects.of(user, RoleKind.OWNER))
    memberships = Membership.objects.filter(user=user)
    invitations = (
        ProjectInvitation.objects.live(at).for_person(user).count()
        + OrganizationInvitation.objects.live(at).for_person(user).count()
    )
    return Standing(
        projects=len(projects),
        invitations=invitations,
        organizations=memberships.count(),
        is_sole_owner=queries.sole_owner_of(user, owned),
        owns_organization=memberships.filter(kind=MembershipKind.MANAGER).exists(),
        monthly_downloads=sum(
            day.count for project in projects for day in downloads_of(project, at=at, days=_MONTH.days).days
        ),
        is_staff=user.is_staff or user.is_superuser,
        is_frozen=not user.is_active,
    )


def _evidence(row: Evidence, at: datetime) -> assurance.Evidence:
    assert row.since is not None  # noqa: S101 - a constraint of the table
    # Ages are counted to the opening of the case: waiting makes nothing older.
    opened = row.case.opened_at or at
    return assurance.Evidence(
        signal=Signal(row.signal),
        subject=row.subject,
        age=max(opened - row.since, timedelta(0)),
        idle=max(opened - row.last_used_at, timedelta(0)) if row.last_used_at is not None else timedelta(0),
        is_sound=row.is_sound and _still_sound(row, at),
    )


def _still_sound(row: Evidence, at: datetime) -> bool:
    """A domain may lapse between two looks; a look that fails is no yes (rule 12)."""
    if row.signal != Signal.MAILBOX:
        return True
    assert row.since is not None  # noqa: S101 - a constraint of the table
    return _domain_state(row.subject, row.since, at) in {domains.DomainState.HELD, domains.DomainState.UNWATCHED}


def _domain_state(domain: str, since: datetime, at: datetime) -> domains.DomainState:
    return domains.state(domain, since=since, at=at)


def _hard_flags(case: RecoveryCase, user: User, at: datetime) -> set[HardFlag]:
    opened = case.opened_at or at
    found = set()
    # The claim itself is none of these changes: they happened before somebody asked.
    changes = user.audit_events.filter(name__in=_CHANGES, at__gt=opened - _MONTH, at__lt=opened)
    if changes.exists() and user.date_joined < opened - _MONTH:
        found.add(HardFlag.CHANGED_RECENTLY)
    if queries.was_cancelled(user, at - _MONTH):
        found.add(HardFlag.CANCELLED_RECENTLY)
    if queries.accounts_claimed_from(case, at - _MONTH) >= CLAIMS_OF_OTHERS:
        found.add(HardFlag.CLAIMS_OTHERS)
    mailboxes = case.evidence.counting(at).filter(signal=Signal.MAILBOX).exclude(since=None)
    lapsed = domains.DomainState.LAPSED
    if any(_domain_state(row.subject, row.since, at) is lapsed for row in mailboxes if row.since is not None):
        found.add(HardFlag.DOMAIN_LAPSED)
    return found


def _soft_flags(case: RecoveryCase, user: User, at: datetime) -> frozenset[SoftFlag]:
    found = set()
    seen = user.last_login or user.date_joined
    if at - seen >= DORMANT_AFTER:
        found.add(SoftFlag.DORMANT)
    opened = case.opened_at or at
    failed = user.audit_events.filter(
        name=audit.SignInFailed.name, at__gt=opened - FAILURES_WITHIN, at__lte=opened
    )
    if failed.count() >= FAILURES:
        found.add(SoftFlag.FAILED_SIGN_INS)
    if user.audit_events.filter(name=audit.RoleRemoved.name, at__gt=opened - _MONTH).exists():
        found.add(SoftFlag.ROLE_REMOVED)
    if not case.mailbox_is_verified:
        found.add(SoftFlag.ALTERNATE_MAILBOX)
    if queries.was_rejected(user):
        found.add(SoftFlag.REJECTED_BEFORE)
    return frozenset(found)


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
