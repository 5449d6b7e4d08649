"""Questions about cases: whom to tell, who is too close to decide, how fast cases come in."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from statistics import fmean, pstdev

from allauth.account.models import EmailAddress
from django.db.models import Count, Q
from django.db.models.functions import TruncDate

from accounts.models import PAST_ADDRESS_TOLD, Membership, MembershipKind, PastAddress, User
from accounts.queries import verified_addresses
from recovery import bearers
from recovery.models import CaseState, Challenge, Enrolment, NoticeKind, RecoveryCase
from releases.models import Project, RoleKind, people_with

# Fewer cases a day than this are no spike, whatever the days before were like.
SPIKE_FLOOR = 10
SPIKE_DAYS = 30
SPIKE_SIGMAS = 3


def owner_addresses(user: User, at: datetime) -> list[str]:
    """Every address verified now, or removed in the last 180 days. No setting makes this list shorter.

    An account without any verified address is told at those it gave.
    """
    past = PastAddress.objects.filter(user=user, removed_at__gt=at - PAST_ADDRESS_TOLD)
    found = [*verified_addresses(user), *past.values_list("email", flat=True)]
    if not found:
        found = list(
            EmailAddress.objects.filter(user=user).order_by("-primary", "pk").values_list("email", flat=True)
        )
    return list(dict.fromkeys(found))


def co_owners(user: User) -> list[User]:
    """Who owns projects together with the person, or manages an organisation they belong to."""
    found: dict[int, User] = {}
    for project in Project.objects.of(user):
        for owner in people_with(project, RoleKind.OWNER):
            found[owner.pk] = owner
    managing = Membership.objects.filter(
        kind=MembershipKind.MANAGER, organization__memberships__user=user, user__is_active=True
    )
    for membership in managing.select_related("user"):
        found[membership.user_id] = membership.user
    found.pop(user.pk, None)
    return [found[pk] for pk in sorted(found)]


def of_browser(held: Mapping[uuid.UUID, str]) -> list[RecoveryCase]:
    """The cases whose request secrets are held, the latest first. Costs the same whoever they are about."""
    digests = {pk: bearers.digest(secret) for pk, secret in held.items()}
    found = RecoveryCase.objects.filter(pk__in=digests, secret__in=digests.values())
    return [case for case in found if case.secret == digests[case.pk]]


def case_with_link(token: str) -> uuid.UUID | None:
    """Which case a mailed link opens. Whoever asks still has to hold the secret of it."""
    return RecoveryCase.objects.filter(link=bearers.digest(token)).values_list("pk", flat=True).first()


def case_with_mailbox_link(token: str) -> uuid.UUID | None:
    """Which case a link to another mailbox belongs to. As `case_with_link`."""
    return Challenge.objects.filter(digest=bearers.digest(token)).values_list("case", flat=True).first()


def case_with_enrolment_link(token: str) -> uuid.UUID | None:
    """Which case a link to a new factor belongs to, used or not. As `case_with_link`."""
    return Enrolment.objects.filter(link=bearers.digest(token)).values_list("case", flat=True).first()


def rivals(case: RecoveryCase) -> list[RecoveryCase]:
    """Other open cases about the same account whose claimants have shown to read one of its mailboxes."""
    if case.user_id is None:
        return []
    others = RecoveryCase.objects.open().proved().filter(user=case.user_id).exclude(pk=case.pk)
    return list(others.order_by("submitted_at"))


def was_handed_over(case: RecoveryCase) -> bool:
    """Whether the account was just recovered in another case, which is not over yet."""
    states = (CaseState.EXECUTED, CaseState.HOLD)
    return RecoveryCase.objects.filter(user=case.user_id, state__in=states).exclude(pk=case.pk).exists()


def open_cases(user: User) -> list[RecoveryCase]:
    """Cases about the account that its owner has been told of and can stop."""
    return list(RecoveryCase.objects.open().of(user).exclude(opened_at=None).order_by("opened_at"))


def is_told(case: RecoveryCase) -> bool:
    """Whether its owner has heard of it. Else it looks to its claimant like one about nobody."""
    return case.notices.filter(kind=NoticeKind.OPENED).exists()


def proved_since(user: User, since: datetime, *, but: RecoveryCase) -> int:
    """How many cases were opened with a mailbox of the account."""
    return RecoveryCase.objects.proved().of(user).filter(opened_at__gt=since).exclude(pk=but.pk).count()


def accounts_claimed_from(case: RecoveryCase, since: datetime) -> int:
    """How many other accounts this browser or network has asked for."""
    same = Q(pk__in=[])
    if case.network:
        same |= Q(network=case.network)
    if case.device:
        same |= Q(device=case.device)
    others = RecoveryCase.objects.filter(same, submitted_at__gt=since, user__isnull=False)
    return others.exclude(user=case.user_id).exclude(opened_at=None).values("user").distinct().count()


def was_cancelled(user: User, since: datetime) -> bool:
    """Whether somebody has stopped a recovery of the account lately."""
    stopped = Q(state=CaseState.CANCELLED) | ~Q(cancelled_by="")
    return RecoveryCase.objects.filter(stopped, user=user, ended_at__gt=since).exists()


def was_rejected(user: User) -> bool:
    return RecoveryCase.objects.filter(user=user, state=CaseState.REJECTED).exists()


def is_spike(at: datetime) -> bool:
    """Whether so many cases came in within a day that none is decided by the rules alone."""
    opened = RecoveryCase.objects.exclude(opened_at=None)
    today = opened.filter(opened_at__gt=at - timedelta(days=1)).count()
    if today <= SPIKE_FLOOR:
        return False
    before = opened.filter(
        opened_at__gt=at - timedelta(days=SPIKE_DAYS + 1), opened_at__lte=at - timedelta(days=1)
    )
    by_day = before.annotate(day=TruncDate("opened_at")).values("day").annotate(count=Count("pk"))
    counts = [row["count"] for row in by_day]
    counts += [0] * (SPIKE_DAYS - len(counts))
    return bool(today > fmean(counts) + SPIKE_SIGMAS * pstdev(counts))


def sole_owner_of(user: User, projects: Iterable[Project]) -> bool:
    """Whether any of the projects has no other owner with an open account."""
    return any(
        [owner.pk for owner in people_with(project, RoleKind.OWNER)[:2]] == [user.pk] for project in projects
    )
