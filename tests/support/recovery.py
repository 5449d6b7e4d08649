"""Cases as tests want them: written row by row through the moves that the database lets through."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from accounts.models import User
from indexsite import clock
from recovery.models import CaseApproval, CaseState, NoticeKind, NoticeSent, RecoveryCase

DIGEST = "d" * 64
PATHS = {
    CaseState.SUBMITTED: (),
    CaseState.EVIDENCE: (CaseState.EVIDENCE,),
    CaseState.QUEUED: (CaseState.EVIDENCE, CaseState.QUEUED),
    CaseState.IN_REVIEW: (CaseState.EVIDENCE, CaseState.QUEUED, CaseState.IN_REVIEW),
    CaseState.APPROVED: (CaseState.EVIDENCE, CaseState.QUEUED, CaseState.IN_REVIEW, CaseState.APPROVED),
    CaseState.AUTO_COOLING: (CaseState.EVIDENCE, CaseState.AUTO_COOLING),
}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def stored_case(
    user: User | None, state: CaseState = CaseState.SUBMITTED, *, at: datetime | None = None, **fields: object
) -> RecoveryCase:
    """A row in this state, without letters, evidence or history."""
    at = at or clock.now()
    case = RecoveryCase.objects.create(
        user=user,
        claimed=user.username if user is not None else "nobody",
        mailbox=user.email if user is not None else "nobody@example.org",
        mailbox_is_verified=user is not None,
        secret=digest(secrets.token_hex()),
        link=digest(secrets.token_hex()),
        evidence_digest=DIGEST,
        submitted_at=at,
    )
    for step in PATHS[state]:
        extra: dict[str, object] = {"opened_at": at} if step == CaseState.EVIDENCE else {}
        if step == CaseState.AUTO_COOLING:
            extra |= {"approvals_needed": 0, "notified_at": at, "not_before": at + timedelta(hours=72)}
        RecoveryCase.objects.filter(pk=case.pk).update(state=step, **extra)
    if fields:
        RecoveryCase.objects.filter(pk=case.pk).update(**fields)
    case.refresh_from_db()
    return case


def stored_approval(case: RecoveryCase, person: User, **fields: object) -> CaseApproval:
    values = {
        "role": "support-1",
        "evidence_digest": case.evidence_digest,
        "signature": "s" * 64,
        "reason": "checked",
        "approved_at": clock.now(),
        **fields,
    }
    return CaseApproval.objects.create(case=case, person=person, **values)


def stored_notices(case: RecoveryCase, *kinds: NoticeKind, at: datetime | None = None) -> None:
    at = at or clock.now()
    for kind in kinds:
        NoticeSent.objects.create(
            case=case, kind=kind, round=case.round, address=case.mailbox, queued_at=at, sent_at=at
        )


def cooling_case(user: User, *approvers: User, at: datetime | None = None) -> RecoveryCase:
    """Approved by these people, told twice, and due since an hour."""
    at = at or clock.now()
    case = stored_case(user, CaseState.IN_REVIEW, at=at - timedelta(days=8))
    for person in approvers:
        stored_approval(case, person)
    due = {"notified_at": at - timedelta(days=8), "not_before": at - timedelta(hours=1)}
    rows = RecoveryCase.objects.filter(pk=case.pk)
    rows.update(state=CaseState.APPROVED, **due)
    rows.update(state=CaseState.COOLING)
    case.refresh_from_db()
    stored_notices(case, NoticeKind.OPENED, NoticeKind.LAST_DAY, at=at - timedelta(days=2))
    return case
