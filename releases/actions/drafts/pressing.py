"""Pressing Release: a person with a key publishes what others have agreed to, now or at a time they sign for.

All is asked again under the lock of the project's row, in the transaction that publishes: rights, factors, the
approvals, the digest and the rules. At a time that was signed for, the worker asks all of it once more.
"""

from __future__ import annotations

from copy import replace
from datetime import datetime

from django.db import transaction

from indexsite import audit, clock
from indexsite.actors import SITE, Actor
from indexsite.audit import drafts as events
from indexsite.errors import Conflict, DomainError, InvalidInput
from indexsite.policies import Action, require
from releases.actions import tombstones
from releases.actions.drafts.approving import void
from releases.actions.drafts.publishing import give_back, publish_locked
from releases.actions.drafts.signing import (
    ApprovalStale,
    FactorDoesNotCount,
    Proof,
    Signed,
    insist_current,
    keep,
    sign,
)
from releases.actions.drafts.standing import event_of, lock, locked, review_address
from releases.models import FARTHEST, Draft, DraftState, SignedAct, SignedStatement
from releases.notices import drafts as notices
from releases.queries_approvals import Approvals, approvals_of, as_person, factor_refusal

SCHEDULED = "scheduled release"


class ApprovalsMissing(Conflict):
    """Not as many people have agreed as the project asks for."""

    code = "approval-required"

    def __init__(self, approvals: Approvals) -> None:
        super().__init__(
            f"{approvals.given} of {approvals.needed} approvals are there; it can be released once all are."
        )


def check_time(publish_at: datetime, *, at: datetime) -> None:
    """Whether a release may be bound to this time.

    Raises:
        InvalidInput: it is over, or too far away.
    """
    if not at < publish_at <= at + FARTHEST:
        raise InvalidInput(
            f"Choose a time in the next {FARTHEST.days} days, in UTC; it is {at:%Y-%m-%d %H:%M} now.",
            code="time-unusable",
        )


def release_draft(*, actor: Actor, draft: Draft, proof: Proof, at: datetime) -> Draft:
    """Publish a draft that enough people have approved, or let the worker do so at the time signed for.

    Safe to repeat: what was published is answered as it is.

    Raises:
        ApprovalsMissing: too few approvals count at this moment.
        ApprovalStale: draft or rules are not what was signed any more.
        DraftClosed, FilenameConflict, InvalidInput: it cannot be published (now).
        ChallengeGone, FactorDoesNotCount, KeyNeeded: the proof is none for this.
        PermissionRefused: the actor may not release it (any more).
    """
    signed = sign(actor, draft, SignedAct.RELEASE, proof, at=at)
    if signed.publish_at is not None:
        check_time(signed.publish_at, at=at)
    return _release(replace(actor, factor=signed.device), draft, signed, at)


@transaction.atomic
def _release(actor: Actor, draft: Draft, signed: Signed, at: datetime) -> Draft:
    draft = locked(actor, Action.DRAFT_RELEASE, draft)
    if draft.state == DraftState.PUBLISHED and draft.digest == signed.statement.draft_digest:
        return draft
    insist_current(draft, signed)
    approvals = approvals_of(draft)
    if not approvals.are_enough:
        raise ApprovalsMissing(approvals)
    if (before := _release_of(draft)) is not None:
        void(actor, draft, before, "Another release was signed.", at=at)
    row = keep(actor, draft, signed, at=at)
    if signed.publish_at is None:
        _publish(actor, draft, row, approvals, at)
    else:
        _schedule(actor, draft, row, at)
    return draft


def _publish(actor: Actor, draft: Draft, row: SignedStatement, approvals: Approvals, at: datetime) -> None:
    audit.record(
        actor,
        event_of(
            events.DraftReleased,
            draft,
            digest=row.draft_digest,
            policy_version=row.policy_version,
            evidence=row.evidence_sha256,
            approvals=[each.statement.evidence_sha256 for each in approvals.approvals if each.counts],
        ),
    )
    publish_locked(actor, draft, approvals=approvals.given, at=at)


def _schedule(actor: Actor, draft: Draft, row: SignedStatement, at: datetime) -> None:
    assert row.publish_at is not None  # noqa: S101 - that is why we are here
    draft.publish_at = row.publish_at
    draft.save(update_fields=["publish_at"])
    event = audit.record(
        actor,
        event_of(
            events.DraftScheduled,
            draft,
            digest=row.draft_digest,
            policy_version=row.policy_version,
            publish_at=clock.written(row.publish_at),
            evidence=row.evidence_sha256,
        ),
    )
    notices.scheduled(
        draft,
        publish_at=row.publish_at,
        by=actor,
        address=review_address(draft),
        event_id=event.pk,
        at=at,
    )


@transaction.atomic
def unschedule_release(*, actor: Actor, draft: Draft, at: datetime) -> Draft:
    """Let nothing be published by itself; the draft stays in review, with its approvals. Safe to repeat.

    Raises:
        PermissionRefused: the actor has no role on the project; to stop something takes no more.
    """
    draft = locked(actor, Action.DRAFT_RETURN, draft)
    if draft.state == DraftState.REVIEW and draft.publish_at is not None:
        _forget_time(actor, draft, at)
    return draft


def _forget_time(actor: Actor, draft: Draft, at: datetime) -> None:
    if (row := _release_of(draft)) is not None:
        void(actor, draft, row, "The time was taken back.", at=at)
    draft.publish_at = None
    draft.save(update_fields=["publish_at"])
    audit.record(actor, event_of(events.DraftUnscheduled, draft))


def _release_of(draft: Draft) -> SignedStatement | None:
    live = SignedStatement.objects.live().select_related("person")
    return live.filter(draft=draft, act=SignedAct.RELEASE).first()


# -- what the worker does ---------------------------------------------------------------------------------------


def publish_due(*, at: datetime) -> int:
    """Publish what somebody has signed for this time; how many. The others are returned, with a letter."""
    due = Draft.objects.due(at).order_by("publish_at", "pk").values_list("pk", flat=True)
    return sum(_publish_due(pk, at) for pk in list(due))


@transaction.atomic
def _publish_due(pk: int, at: datetime) -> bool:
    draft = Draft.objects.filter(pk=pk, project__isnull=False).first()
    if draft is None:
        return False
    draft = lock(draft)
    # Asked again under the lock: it may have been released, returned or taken back.
    if draft.state != DraftState.REVIEW or draft.publish_at is None or draft.publish_at > at:
        return False
    try:
        with transaction.atomic():
            _publish_as_signed(draft, at)
    except DomainError as error:
        draft = lock(draft)
        give_back(SITE, draft, f"It was not published at its time: {error.sentence}"[:500], at=at)
        return False
    return True


def _publish_as_signed(draft: Draft, at: datetime) -> None:
    """Everything that pressing the button asks for, of the person who has pressed it before."""
    row, project = _release_of(draft), draft.project
    if row is None or project is None:
        raise ApprovalStale(draft)
    actor = replace(as_person(row.person, label=SCHEDULED), factor=row.device)
    require(actor, Action.DRAFT_RELEASE, draft)
    if project.deletion_id is not None:
        tombstones.check_may_take_up(actor, project, project.name)
    if (row.draft_digest, row.policy_version) != (draft.digest, project.policy_version):
        raise ApprovalStale(draft)
    if refusal := factor_refusal(project, row.factor, row.device):
        raise FactorDoesNotCount(refusal)
    approvals = approvals_of(draft)
    if not approvals.are_enough:
        raise ApprovalsMissing(approvals)
    _publish(actor, draft, row, approvals, at)
