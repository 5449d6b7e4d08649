"""Evidence comes in: one row a piece, whatever became of it. The checks themselves are elsewhere.

The claimant hears "received", right or wrong; what is right matters once the case is finished.
"""

from __future__ import annotations

from datetime import datetime

from indexsite import audit
from indexsite.actors import VISITOR, Actor
from indexsite.audit import recovery as events
from recovery import notices
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
    if case.user is None:
        case.evidence_digest = story.evidence_digest(case)
        case.save(update_fields=["evidence_digest", "flags"])
        return
    is_proof = row.verdict == Verdict.PASSED and row.is_sound and row.kind != EvidenceClass.MAILBOX.value
    if is_proof and not case.notices.filter(kind=NoticeKind.OPENED).exists():
        requests.announce(case, by=VISITOR, at=at)
    if case.state == CaseState.EVIDENCE:
        # Nothing is weighed yet: that would take time, and tell by it.
        case.evidence_digest = story.evidence_digest(case)
        case.save(update_fields=["evidence_digest", "flags"])
    else:
        assessing.keep(case, assessing.assess(case, at=at))
    if case.state in {CaseState.APPROVED, CaseState.COOLING}:
        requests.back_to_queue(case, "evidence was added", at=at)
    # An owner who has not been told of the case is not told of its evidence either.
    if case.notices.filter(kind=NoticeKind.OPENED).exists():
        kind = EvidenceClass(row.kind).name.lower()
        audit.record(VISITOR, events.RecoveryEvidence(about=case.user, case=str(case.pk), kind=kind))
        notices.tell_owner(case, NoticeKind.EVIDENCE, at=at)
