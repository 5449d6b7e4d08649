"""Two people's yes, or three people's; and the glass that two of them may break.

A yes is to the evidence as it was at that moment: it names its digest and is signed. Other evidence makes it void.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import StaffKind, User
from indexsite import audit, clock, reasons
from indexsite.actors import Actor
from indexsite.audit import recovery as events
from indexsite.errors import Conflict, PermissionRefused
from indexsite.policies import Action, require, require_now
from recovery import bearers, notices
from recovery.actions import assessing, story
from recovery.assurance import Approver, Outcome, Tier
from recovery.assurance_policy import POLICY
from recovery.models import (
    BREAK_GLASS_LIFE,
    BreakGlass,
    CaseApproval,
    CaseState,
    Lease,
    NoticeKind,
    RecoveryCase,
)
from releases.models import are_colleagues

# What each staff role may stand for, the least first.
RANKS = (StaffKind.SUPPORT_1, StaffKind.SUPPORT_2, StaffKind.SECURITY)
# Between the last letter and the execution, whatever else holds.
LAST_NOTICE = timedelta(hours=24)


class EvidenceChanged(Conflict):
    """What was looked at is not what is there."""

    code = "evidence-changed"

    def __init__(self) -> None:
        super().__init__("The evidence has changed since you opened the page; look at it again.")


class ApprovedBefore(Conflict):
    """Two tabs are one person."""

    code = "approved-before"

    def __init__(self) -> None:
        super().__init__("You have approved this case already; somebody else has to.")


class MinimumNotMet(Conflict):
    """What the tier asks for is not there; nobody's yes replaces it."""

    code = "minimum-not-met"

    def __init__(self) -> None:
        super().__init__(
            "The evidence does not meet the minimum of this tier; ask the claimant for more, or reject."
        )


class OwnerNotTold(Conflict):
    """No letter to the owner has left yet, so nothing has begun."""

    code = "owner-not-told"

    def __init__(self) -> None:
        super().__init__("No letter to the owner has left yet; try again in a few minutes.")


def needed_roles(case: RecoveryCase) -> tuple[Approver, ...]:
    """Who has to say yes at the case's tier, in order."""
    return POLICY.tiers[Tier(case.tier)].approvals


def rank_of(user: User) -> int:
    """The place of the person's highest role of the desk in `RANKS`, counted from 1; 0 for none."""
    kinds = set(user.staff_roles.values_list("kind", flat=True)) if user.is_staff and user.is_active else set()
    return max((place for place, kind in enumerate(RANKS, start=1) if kind in kinds), default=0)


def missing(needed: Iterable[Approver], ranks: Iterable[int]) -> list[int]:
    """Ranks that nobody has filled: each approval fills the highest one that it may."""
    left = sorted((list(Approver).index(role) + 1 for role in needed), reverse=True)
    for rank in sorted(ranks, reverse=True):
        fits = next((each for each in left if each <= rank), None)
        if fits is not None:
            left.remove(fits)
    return left


@transaction.atomic
def approve(*, actor: Actor, pk: uuid.UUID, digest: str, reason: str, at: datetime) -> RecoveryCase:
    """Say yes to the evidence with this digest. With the last yes the date is fixed, and its owner told.

    Raises:
        EvidenceChanged, ApprovedBefore, MinimumNotMet, OwnerNotTold: see there.
        PermissionRefused: no such role, no security key just now, too close to the account, or a yes of this
            role adds nothing.
        story.CaseMoved: the case is not in review.
        Conflict: nobody works on it (the first yes comes from whoever does).
    """
    reason = reasons.clean(reason, is_needed=True)
    require(actor, Action.CASE_APPROVE)
    case = story.lock(pk)
    require_now(actor, Action.CASE_APPROVE, case)
    story.insist_on(case, CaseState.IN_REVIEW, CaseState.APPROVED)
    if case.state == CaseState.IN_REVIEW:
        _insist_on_lease(case, actor, at)
    _insist_on_evidence(case, digest, at)
    given = list(case.approvals.filter(void_at=None).select_related("person"))
    if any(each.person_id == actor.person.pk for each in given):
        raise ApprovedBefore
    ranks = [rank_of(each.person) for each in given]
    rank, needed = rank_of(actor.person), needed_roles(case)
    left = missing(needed, [*ranks, rank])
    if len(left) == len(missing(needed, ranks)):
        sentence = "Somebody with a higher staff role has to approve this case now."
        raise PermissionRefused(sentence, code="higher-role-needed")
    _write(case, actor, rank, reason, at)
    if case.state == CaseState.IN_REVIEW:
        story.move(case, CaseState.APPROVED, at=at)
    if not left:
        _decide(case, at)
    return case


def _insist_on_lease(case: RecoveryCase, actor: Actor, at: datetime) -> None:
    lease = Lease.objects.filter(case=case, person=actor.person).first()
    if lease is None or not lease.is_live(at):
        raise Conflict("You do not work on this case any more; take it first.", code="lease-missing")


def _insist_on_evidence(case: RecoveryCase, digest: str, at: datetime) -> None:
    found = assessing.assess(case, at=at)
    before = case.evidence_digest
    if found.outcome is not Outcome.PROCEED or not found.minimum_met:
        raise MinimumNotMet
    if int(found.tier) > case.tier or {flag.value for flag in found.hard} - set(case.flags):
        raise EvidenceChanged
    if digest != before or story.evidence_digest(case) != before:
        raise EvidenceChanged
    if case.notified_at is None:
        raise OwnerNotTold


def _write(case: RecoveryCase, actor: Actor, rank: int, reason: str, at: datetime) -> None:
    role = RANKS[rank - 1].value
    CaseApproval.objects.create(
        case=case,
        person=actor.person,
        role=role,
        evidence_digest=case.evidence_digest,
        signature=signature(case, actor.person.pk, role, case.evidence_digest, at),
        reason=reason,
        approved_at=at,
    )
    story.tell(case, "approved", by=actor, at=at, text=reason, role=role)
    assert case.user is not None  # noqa: S101 - the minimum is never met for nobody
    audit.record(actor, events.RecoveryApproved(about=case.user, case=str(case.pk), reason=reason))
    if bearers.network(actor.address) == case.network and case.network:
        why = "an approver and the claimant come from the same network"
        audit.record(actor, events.RecoveryAlert(about=case.user, case=str(case.pk), why=why))
        story.tell(case, "alert", by=actor, at=at, text=why)
        notices.page_security(case, why)


def signature(case: RecoveryCase, person: int, role: str, digest: str, at: datetime) -> str:
    """Of one approval: a row that was written past this module has another one, or none."""
    return bearers.keyed("recovery approval", f"{case.pk}|{case.round}|{person}|{role}|{digest}|{at.isoformat()}")


def _decide(case: RecoveryCase, at: datetime) -> None:
    found = assessing.assess(case, at=at)
    assert case.notified_at is not None and case.user is not None  # noqa: S101, PT018 - insisted on above
    not_before = max(case.notified_at + found.cooling, at + found.tail, at + LAST_NOTICE)
    fields = {"cooling": found.cooling, "tail": found.tail, "hold": found.hold}
    story.move(case, CaseState.COOLING, at=at, approved_at=at, not_before=not_before, **fields)
    due = clock.written(not_before)
    story.tell(case, "decided", by=Actor(user=None), at=at, text=due)
    audit.record(Actor(user=None), events.RecoveryDated(about=case.user, case=str(case.pk), due=due))
    notices.tell_owner(case, NoticeKind.APPROVED, at=at)
    notices.tell_claimant(case, "a date", f"Your request was decided; it is carried out after {due}.")


def holds(case: RecoveryCase) -> bool:
    """Whether the approvals of a case still do, read anew: people, roles, ties, digest, signatures."""
    given = list(case.approvals.filter(void_at=None).select_related("person"))
    ranks = []
    for each in given:
        right = signature(case, each.person_id, each.role, each.evidence_digest, each.approved_at)
        if each.signature != right or each.evidence_digest != case.evidence_digest:
            return False
        assert case.user is not None  # noqa: S101 - it cools
        if each.person == case.user or are_colleagues(each.person, case.user):
            return False
        ranks.append(rank_of(each.person))
    people = {each.person_id for each in given}
    return len(people) >= max(case.approvals_needed, 2) and not missing(needed_roles(case), ranks)


# -- the glass ------------------------------------------------------------------------------------------------


@transaction.atomic
def ask_for_glass(*, actor: Actor, pk: uuid.UUID, reason: str, at: datetime) -> BreakGlass:
    """One of the desk asks to end the waiting of an approved case, because every hour counts. Security is paged.

    Raises:
        PermissionRefused: not of tier 2 or security, or too close to the account.
        story.CaseMoved: it does not wait.
    """
    reason = reasons.clean(reason, is_needed=True)
    require(actor, Action.CASE_BREAK_GLASS)
    case = story.lock(pk)
    require_now(actor, Action.CASE_BREAK_GLASS, case)
    story.insist_on(case, CaseState.COOLING)
    glass = BreakGlass.objects.create(
        case=case, asked_by=actor.person, asked_at=at, reason=reason, expires_at=at + BREAK_GLASS_LIFE
    )
    assert case.user is not None  # noqa: S101 - it cools
    audit.record(actor, events.GlassAsked(about=case.user, case=str(case.pk), reason=reason))
    story.tell(case, "glass-asked", by=actor, at=at, text=reason)
    notices.page_security(case, f"{actor.label} asks to end the waiting of a recovery")
    return glass


@transaction.atomic
def break_glass(*, actor: Actor, glass_pk: int, at: datetime) -> RecoveryCase:
    """Somebody else, of security, confirms within half an hour. The last letter goes out now, and so does another.

    Raises:
        Conflict: there is nothing to confirm any more.
        PermissionRefused: it is the same person, or not security.
    """
    require(actor, Action.CASE_CONFIRM_GLASS)
    glass = BreakGlass.objects.filter(pk=glass_pk).first()
    if glass is None:
        raise story.CaseUnknown
    case = story.lock(glass.case_id)
    glass = BreakGlass.objects.select_for_update().get(pk=glass_pk)
    require_now(actor, Action.CASE_CONFIRM_GLASS, case)
    story.insist_on(case, CaseState.COOLING)
    if glass.confirmed_by_id is not None or glass.expires_at <= at:
        raise Conflict("This was confirmed already, or its half hour is over; ask again.", code="glass-gone")
    if glass.asked_by_id == actor.person.pk:
        raise PermissionRefused("Somebody else has to confirm what you asked for.", code="second-person-needed")
    glass.confirmed_by, glass.confirmed_at = actor.person, at
    glass.expires_at = at + BREAK_GLASS_LIFE
    glass.save(update_fields=["confirmed_by", "confirmed_at", "expires_at"])
    # A minute, so that the letters have left; the worker takes it from here.
    case.not_before = min(case.not_before or at, at + timedelta(minutes=1))
    case.save(update_fields=["not_before"])
    assert case.user is not None  # noqa: S101 - it cools
    audit.record(actor, events.GlassBroken(about=case.user, case=str(case.pk), reason=glass.reason))
    story.tell(case, "glass-broken", by=actor, at=at, text=glass.reason)
    notices.tell_owner(case, NoticeKind.GLASS, at=at)
    notices.tell_owner(case, NoticeKind.LAST_DAY, at=at)
    notices.page_security(case, f"{actor.label} has ended the waiting of a recovery")
    return case
