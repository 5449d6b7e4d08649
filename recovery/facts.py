"""The facts of a case, gathered from the database: what the assessment looks at, and nothing it decides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db.models import Sum

from accounts import places
from accounts.models import Membership, MembershipKind, OrganizationInvitation, SecurityReport, User
from accounts.queries import verified_addresses
from indexsite import audit
from indexsite.audit import organizations, tokens
from recovery import assurance, domains, evidence_now, kinds, queries
from recovery.assurance import CaseFacts, HardFlag, Signal, SoftFlag, Standing, Tier
from recovery.domains import DomainState
from recovery.models import Evidence, NoticeSent, RecoveryCase
from releases.models import (
    DownloadCount,
    Project,
    ProjectInvitation,
    Release,
    Role,
    RoleKind,
    any_critical,
)
from releases.names import confusable_form
from releases.queries_downloads import USE
from tokens.models import LEAKED

RECENT = timedelta(days=30)
DORMANT = timedelta(days=3 * 365)
BURST = timedelta(hours=72)
BURST_SIZE = 10  # failed sign-ins
POPULAR = 1000  # projects
PLACES_KEPT = timedelta(days=2 * 365)
PLACES_LOOKED_AT = 500  # sign-ins
CAMPAIGN_SIZE = 10  # accounts whose owners report something

_MAILBOX_EVENTS = (audit.EmailVerified.name, audit.EmailRemoved.name, audit.PrimaryEmailChanged.name)
_FAILURES = (audit.SignInFailed.name, audit.SecondFactorFailed.name)
_ROLES_LOST = (
    audit.RoleRemoved.name,
    audit.TeamRoleRemoved.name,
    organizations.OrganizationMemberRemoved.name,
)


def facts_of(case: RecoveryCase, *, at: datetime, is_paused: bool | None = None) -> CaseFacts:
    """All facts of a case, as they are now. A case about nobody has none.

    Args:
        is_paused: whether none may run without staff, where the caller has looked already.
    """
    user = case.user
    if user is None:
        return CaseFacts()
    return CaseFacts(
        standing=standing_of(user, at),
        evidence=tuple(_evidence(case, at)),
        # What was raised once stays, whoever has tidied up since.
        hard=frozenset({*_hard_flags(case, user, at), *(HardFlag(code) for code in case.flags)}),
        soft=frozenset(_soft_flags(case, user, at)),
        tier_at_open=Tier(max(case.tier, case.tier_at_open)),
        has_rival=bool(queries.rivals(case)) or queries.was_handed_over(case),
        has_bounced=NoticeSent.objects.filter(case=case, is_owner=True, bounced_at__isnull=False).exists(),
        is_paused=queries.is_spike(at) if is_paused is None else is_paused,
    )


def standing_of(user: User, at: datetime) -> Standing:
    """What is at stake with the account."""
    projects = Project.objects.of(user)
    owned = Project.objects.of(user, RoleKind.OWNER)
    memberships = Membership.objects.filter(user=user)
    return Standing(
        projects=projects.count(),
        invitations=sum(
            model.objects.live(at).for_person(user).count()
            for model in (ProjectInvitation, OrganizationInvitation)
        ),
        organizations=memberships.count(),
        is_sole_owner=queries.sole_owner_of(user, owned),
        owns_organization=memberships.filter(kind=MembershipKind.MANAGER).exists(),
        monthly_downloads=_monthly_downloads(user, at),
        # Also with what was deleted: otherwise a deletion that can be undone would lower the tier meanwhile.
        is_critical=any_critical(Project.with_deleted.of(user)),
        is_staff=user.is_staff or user.is_superuser,
        is_frozen=not user.is_active,
    )


def _monthly_downloads(user: User, at: datetime) -> int:
    """By people and their machines, of all projects the person has a role in."""
    rows = DownloadCount.objects.filter(
        project__in=Project.objects.of(user).values("pk"), day__gt=(at - RECENT).date(), kind__in=USE
    )
    return rows.aggregate(total=Sum("count"))["total"] or 0


# -- evidence ---------------------------------------------------------------------------------------------


def _evidence(case: RecoveryCase, at: datetime) -> Iterator[assurance.Evidence]:
    # Ages are counted to the opening: waiting makes nothing older.
    opened = case.opened_at or at
    for row in case.evidence.counting(at).select_related("case__user"):
        if row.since is None:
            continue
        last_used = row.last_used_at or opened
        yield assurance.Evidence(
            signal=Signal(row.signal),
            subject=row.subject,
            age=max(opened - row.since, timedelta(0)),
            idle=max(opened - last_used, timedelta(0)),
            is_sound=row.is_sound and _still_holds(row, at),
        )


def _still_holds(row: Evidence, at: datetime) -> bool:
    kind = kinds.of_signal(row.signal)
    try:
        return kind is not None and kind.still_holds(row, at)
    except (ValueError, ValidationError):  # a row that names nothing shows nothing
        return False


# -- flags ------------------------------------------------------------------------------------------------


def _hard_flags(case: RecoveryCase, user: User, at: datetime) -> Iterator[HardFlag]:
    opened = case.opened_at or at
    if _has_changed(user, opened):
        yield HardFlag.CHANGED_RECENTLY
    if user.audit_events.filter(
        name=tokens.TokenRevoked.name, data__reason=LEAKED, at__gt=opened - RECENT
    ).exists():
        yield HardFlag.TOKEN_LEAKED
    if queries.was_cancelled(user, at - RECENT):
        yield HardFlag.CANCELLED_RECENTLY
    if queries.accounts_claimed_from(case, at - RECENT) >= 2:
        yield HardFlag.CLAIMS_OTHERS
    if any(_has_lapsed(user, email, at) for email in verified_addresses(user)):
        yield HardFlag.DOMAIN_LAPSED


def _has_changed(user: User, opened: datetime) -> bool:
    """Whether a mailbox, the password or a repository's address is new: whoever changed it may be the claimant."""
    if user.date_joined > opened - RECENT:
        return False  # all of it is new, and none of it counts yet
    names = (*_MAILBOX_EVENTS, *evidence_now.PASSWORD_EVENTS)
    changes = user.audit_events.filter(name__in=names, at__gt=opened - RECENT, at__lte=opened)
    return changes.exists() or any(
        _names_new_repository(project, opened) for project in Project.objects.of(user, RoleKind.OWNER)
    )


def _names_new_repository(project: Project, opened: datetime) -> bool:
    releases = Release.objects.filter(project=project).order_by("created_at")
    before: set[str] = set()
    lately: set[str] = set()
    for release in releases.filter(created_at__lte=opened):
        (lately if release.created_at > opened - RECENT else before).update(evidence_now.cited_by(release))
    return bool(before) and not lately <= before


def _has_lapsed(user: User, email: str, at: datetime) -> bool:
    since = evidence_now.mailbox_since(user, email)
    if since is None:
        return False
    return domains.state(evidence_now.mailbox_domain(email), since=since, at=at) is DomainState.LAPSED


def _soft_flags(case: RecoveryCase, user: User, at: datetime) -> Iterator[SoftFlag]:
    opened = case.opened_at or at
    if opened - _last_seen(user) >= DORMANT:
        yield SoftFlag.DORMANT
    failed = user.audit_events.filter(name__in=_FAILURES, at__gt=opened - BURST, at__lte=opened)
    if failed.count() >= BURST_SIZE:
        yield SoftFlag.FAILED_SIGN_INS
    if user.audit_events.filter(name__in=_ROLES_LOST, at__gt=opened - RECENT, at__lte=opened).exists():
        yield SoftFlag.ROLE_REMOVED
    if not case.mailbox_is_verified:
        yield SoftFlag.ALTERNATE_MAILBOX
    if queries.was_rejected(user):
        yield SoftFlag.REJECTED_BEFORE
    if _is_confusable(user, at):
        yield SoftFlag.CONFUSABLE
    if _is_from_elsewhere(case, user, opened):
        yield SoftFlag.UNUSUAL_NETWORK
    if _is_campaign(opened, at):
        yield SoftFlag.CAMPAIGN


def _is_from_elsewhere(case: RecoveryCase, user: User, opened: datetime) -> bool:
    """Whether the request came from machines for hire, or from a country in which the account was never used.

    Sign-ins of the last month do not count: they may be those of the claimant. What the database of locations does
    not know is not unusual.
    """
    if places.is_hosted(case.address):
        return True
    country = places.country_of(case.address)
    if not country:
        return False
    before = user.audit_events.filter(
        name=audit.SignedIn.name, at__gt=opened - PLACES_KEPT, at__lte=opened - RECENT
    )
    addresses = set(before.order_by("-pk").values_list("address", flat=True)[:PLACES_LOOKED_AT])
    known = {places.country_of(address) for address in addresses} - {""}
    return bool(known) and country not in known


def _is_campaign(opened: datetime, at: datetime) -> bool:
    """Whether many people said within three days of the request that something in their account was not them."""
    around = SecurityReport.objects.filter(
        reported_at__gt=opened - BURST, reported_at__lte=min(opened + BURST, at)
    )
    return around.order_by().values("user").distinct().count() >= CAMPAIGN_SIZE


def _last_seen(user: User) -> datetime:
    """The last sign-in, or the last use of a token. Not `last_login`: other acts move it, to void mailed links."""
    signed_in = user.audit_events.filter(name=audit.SignedIn.name).values_list("at", flat=True).first()
    used = user.tokens.exclude(last_used_at=None).order_by("-last_used_at").values_list("last_used_at", flat=True)
    return max(moment for moment in (user.date_joined, signed_in, used.first()) if moment is not None)


def _is_confusable(user: User, at: datetime) -> bool:
    """Whether the name looks like that of somebody who owns one of the projects that everybody uses."""
    days = DownloadCount.objects.filter(day__gt=(at - RECENT).date(), kind__in=USE).order_by()
    by_use = days.values("project").annotate(total=Sum("count")).order_by("-total", "project")
    popular = [row["project"] for row in by_use[:POPULAR]]
    owners = Role.objects.filter(project__in=popular, kind=RoleKind.OWNER, user__isnull=False).exclude(user=user)
    mine = confusable_form(user.username)
    return any(confusable_form(name) == mine for name in set(owners.values_list("user__username", flat=True)))
