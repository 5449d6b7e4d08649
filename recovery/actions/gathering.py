"""Evidence comes in: one row a piece, whatever became of it. The checks themselves are elsewhere.

The claimant hears "received", right or wrong; what is right matters once the case is finished.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.tasks import task

from indexsite import audit, clock
from indexsite.actors import VISITOR, Actor
from indexsite.audit import recovery as events
from recovery import notices, queries
from recovery.actions import assessing, requests, story
from recovery.assurance import EvidenceClass, HardFlag, Signal
from recovery.assurance_policy import POLICY
from recovery.models import UNDECIDED_STATES, CaseState, Evidence, NoticeKind, RecoveryCase, Verdict

# While it stands here, evidence may be added; what was decided before is then void.
TAKES_EVIDENCE = (*UNDECIDED_STATES, CaseState.APPROVED, CaseState.COOLING)


def add(
    case: RecoveryCase,
    *,
    by: Actor,
    signal: Signal,
    subject: str,
    reference: str,
    has_passed: bool,
    at: datetime,
    since: datetime | None = None,
    last_used_at: datetime | None = None,
    is_sound: bool = True,
    expires_at: datetime | None = None,
    flags: frozenset[HardFlag] = frozenset(),
) -> Evidence:
    """Write down what was offered in a case that the caller has locked, and what a check made of it.

    Args:
        subject: the independent boundary; the same one counts once.
        reference: what a second look needs; never a secret.
        flags: what the check has noticed that speaks for a takeover.

    Raises:
        story.CaseMoved: it is too late for evidence.
    """
    story.insist_on(case, *TAKES_EVIDENCE)
    belongs = POLICY.signals[signal].belongs
    row = Evidence.objects.create(
        case=case,
        kind=belongs.value,
        signal=signal.value,
        subject=subject,
        reference=reference,
        offered_at=at,
        checked_at=at,
        verdict=Verdict.PASSED if has_passed and since is not None else Verdict.FAILED,
        since=since,
        last_used_at=last_used_at,
        is_sound=is_sound,
        expires_at=expires_at,
    )
    case.flags = sorted({*case.flags, *(flag.value for flag in flags)})
    story.tell(case, "received", by=by, at=at, is_public=True, kind=belongs.value)
    take_in(case, row, at)
    return row


def take_in(case: RecoveryCase, row: Evidence, at: datetime) -> None:
    """Let a judged row have its effects: on what was decided, and on what the owner is told."""
    is_told = queries.is_told(case)
    if case.state == CaseState.EVIDENCE or not is_told:
        # Nothing is weighed: that would take time, and tell by it. `tend` does where it is needed.
        case.evidence_digest = story.evidence_digest(case)
        case.assessment = case.assessment if case.state == CaseState.EVIDENCE else {}
        case.save(update_fields=["evidence_digest", "flags", "assessment"])
    else:
        assessing.keep(case, assessing.assess(case, at=at))
    if not is_told:
        # Whatever was offered, and about whomever: the letters of a right one must not take the answer's time.
        look_at_proof.enqueue(case=str(case.pk))
    if case.state in {CaseState.APPROVED, CaseState.COOLING}:
        requests.back_to_queue(case, "evidence was added", at=at)
    # An owner who has not been told of the case is not told of its evidence either.
    if is_told:
        _tell_owner(case, row, at)


def _tell_owner(case: RecoveryCase, row: Evidence, at: datetime) -> None:
    assert case.user is not None  # noqa: S101 - nobody else is told of a case
    kind = EvidenceClass(row.kind).name.lower()
    audit.record(VISITOR, events.RecoveryEvidence(about=case.user, case=str(case.pk), kind=kind))
    notices.tell_owner(case, NoticeKind.EVIDENCE, at=at)


@task()
def look_at_proof(*, case: str) -> None:
    """Tell the owner of a case of which they were not told, once it has a proof that only they could give."""
    at = clock.now()
    with transaction.atomic():
        found = story.lock(uuid.UUID(case))
        proofs = found.evidence.counting(at).filter(is_sound=True).exclude(kind=EvidenceClass.MAILBOX.value)
        if found.state not in TAKES_EVIDENCE or found.user is None or queries.is_told(found):
            return
        if (proof := proofs.first()) is not None:
            requests.announce(found, by=VISITOR, at=at)
            _tell_owner(found, proof, at)
