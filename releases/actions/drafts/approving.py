"""One person's yes to a draft in review, bound to what is in it; and taking it back.

An approval publishes nothing: see `releases.actions.drafts.pressing`.
"""

from __future__ import annotations

from copy import replace
from datetime import datetime

from django.db import transaction

from indexsite import audit
from indexsite.actors import Actor
from indexsite.audit import drafts as events
from indexsite.policies import Action
from releases.actions.drafts.signing import Proof, Signed, insist_current, keep, sign
from releases.actions.drafts.standing import event_of, locked, review_address
from releases.models import Draft, DraftState, SignedAct, SignedStatement
from releases.notices import drafts as notices
from releases.queries_approvals import approvals_of

TAKEN_BACK = "It was taken back."


def approve_draft(*, actor: Actor, draft: Draft, proof: Proof, at: datetime) -> Draft:
    """Agree to the draft as it is now. Whoever has agreed already has agreed once.

    Raises:
        ApprovalStale: draft or rules are not what was signed any more.
        FactorDoesNotCount, KeyNeeded, ChallengeGone: the proof is none for this.
        DomainError: the key's answer or the code is not good.
        PermissionRefused: the actor may not approve it (any more).
    """
    signed = sign(actor, draft, SignedAct.APPROVE, proof, at=at)
    return _approve(replace(actor, factor=signed.device), draft, signed, at)


@transaction.atomic
def _approve(actor: Actor, draft: Draft, signed: Signed, at: datetime) -> Draft:
    draft = locked(actor, Action.DRAFT_APPROVE, draft)
    insist_current(draft, signed)
    before = _approval_of(actor, draft)
    if before is not None and before.policy_version == signed.statement.policy_version:
        return draft
    if before is not None:
        void(actor, draft, before, "It was given again under new rules.", at=at)
    row = keep(actor, draft, signed, at=at)
    event = audit.record(
        actor,
        event_of(
            events.DraftApproved,
            draft,
            digest=row.draft_digest,
            policy_version=row.policy_version,
            evidence=row.evidence_sha256,
        ),
    )
    standing = approvals_of(draft)
    notices.approved(draft, approvals=standing, by=actor, address=review_address(draft), event_id=event.pk, at=at)
    return draft


@transaction.atomic
def withdraw_approval(*, actor: Actor, draft: Draft, at: datetime) -> Draft:
    """Take the actor's own approval back. Safe to repeat; it takes no more than a session, since it opens nothing.

    A time that was set for the release stays: the worker counts again when it comes.

    Raises:
        PermissionRefused: the actor has no role on the project.
    """
    draft = locked(actor, Action.DRAFT_RETURN, draft)
    if draft.state == DraftState.REVIEW and (row := _approval_of(actor, draft)) is not None:
        void(actor, draft, row, TAKEN_BACK, at=at)
    return draft


def void(actor: Actor, draft: Draft, row: SignedStatement, why: str, *, at: datetime) -> None:
    """Let the statement count no more; the caller holds the lock."""
    row.voided_at, row.voided_why = at, why
    row.save(update_fields=["voided_at", "voided_why"])
    if row.act == SignedAct.APPROVE:
        reason = why.rstrip(".")
        audit.record(
            actor, event_of(events.DraftApprovalVoided, draft, reason=reason, evidence=row.evidence_sha256)
        )


def void_all(actor: Actor, draft: Draft, why: str, *, at: datetime) -> None:
    """Let nothing that was signed about the draft count any more; the caller holds the lock."""
    for row in SignedStatement.objects.live().filter(draft=draft):
        void(actor, draft, row, why, at=at)


def _approval_of(actor: Actor, draft: Draft) -> SignedStatement | None:
    live = SignedStatement.objects.live().filter(draft=draft, act=SignedAct.APPROVE, draft_digest=draft.digest)
    return live.filter(person=actor.person).first()
