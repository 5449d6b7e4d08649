"""Taking one piece of evidence, of whatever kind: counted first, looked at next, judged last."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from indexsite import limits
from indexsite.actors import Actor
from indexsite.errors import Conflict
from indexsite.limits import Limit
from recovery import kinds
from recovery.actions import gathering, story
from recovery.assurance import Signal
from recovery.kinds import Kind
from recovery.models import (
    CHALLENGE_LIFE,
    CancelledBy,
    CaseState,
    Challenge,
    Evidence,
    RecoveryCase,
    Verdict,
)

# What a mailbox has stopped goes on with a better proof, which has to be offered first.
TAKING = (*gathering.TAKES_EVIDENCE, CaseState.CANCELLED)


@dataclass(frozen=True)
class Claim:
    """Who offers something, and in which case: its id and the request secret of the browser it was made in."""

    actor: Actor
    case_id: uuid.UUID
    secret: str
    at: datetime


@dataclass(frozen=True)
class Found:
    """What a look has found; the fields are those of `recovery.models.Evidence`."""

    signal: Signal
    subject: str
    reference: str
    since: datetime
    is_sound: bool
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class Progress:
    """What a claimant has offered of one kind. It says nothing about what came of it."""

    kind: Kind
    offered: int

    @property
    def left(self) -> int:
        return max(self.kind.tries - self.offered, 0)


class TriesUsed(Conflict):
    """Said after as many tries, whatever they were."""

    code = "evidence-tries-used"

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            f"{kind.title}: one request may offer this {kind.tries} times, which it has; offer something else."
        )


def receive(claim: Claim, code: str, look: Callable[[RecoveryCase], Found | None]) -> None:
    """Take what is offered. The try is counted whatever comes of it.

    Args:
        look: finds out, outside any transaction, what the offered thing is worth; None for nothing. It takes as
            long for a case about nobody.

    Raises:
        CaseUnknown: no such case, or another secret.
        CaseMoved: it takes no more evidence.
        TriesUsed: offered often enough.
        LimitReached: too much from this network address.
    """
    limits.consume(Limit.EVIDENCE_ADDRESS, claim.actor.address, at=claim.at)
    row, case = _reserve(claim, _kind(code))
    found = look(case)
    _judge(claim, row, found)


def ask(claim: Claim, code: str, *, target: str = "", mailed: str = "") -> Challenge:
    """Make the nonce that an answer has to show.

    Args:
        mailed: the digest of a token that goes by mail, in place of a nonce to be shown.

    Raises:
        CaseUnknown, CaseMoved, TriesUsed: as for `receive`.
    """
    kind = _kind(code)
    with transaction.atomic():
        case = _open_case(claim)
        if case.challenges.filter(kind=code).count() >= 4 * kind.tries:
            raise TriesUsed(kind)
        return Challenge.objects.create(
            case=case,
            kind=code,
            nonce="" if mailed else secrets.token_hex(16),
            digest=mailed or None,
            target=target,
            made_at=claim.at,
            expires_at=claim.at + CHALLENGE_LIFE,
        )


def standing_nonce(claim: Claim, code: str) -> Challenge:
    """The nonce of this case and kind, made when it is first asked for, good as long as the case is open."""
    with transaction.atomic():
        case = _open_case(claim)
        found = case.challenges.filter(kind=code).first()
    return found if found is not None else ask(claim, code)


def live_challenges(case: RecoveryCase, code: str, at: datetime) -> list[Challenge]:
    return list(case.challenges.filter(kind=code, used_at=None, expires_at__gt=at))


def use(challenge: Challenge, at: datetime) -> bool:
    """Spend it; False where somebody has at the same moment."""
    return bool(Challenge.objects.filter(pk=challenge.pk, used_at=None).update(used_at=at))


def progress_of(case: RecoveryCase) -> list[Progress]:
    """Every kind there is and how often it was offered: what else would help is what is left."""
    offered = list(_offered(case).values_list("signal", flat=True))
    return [Progress(kind, sum(signal in kind.signals for signal in offered)) for kind in kinds.all_kinds()]


def _offered(case: RecoveryCase) -> QuerySet[Evidence]:
    """Without the mailbox that opened the case: only one of the account's own has a row, which would tell."""
    opening = Q(reference=case.mailbox, offered_at=case.opened_at, signal=Signal.MAILBOX.value)
    return case.evidence.exclude(opening)


def _kind(code: str) -> Kind:
    kind = kinds.of_code(code)
    if kind is None:
        raise LookupError(f"no kind of evidence is called {code!r}")
    return kind


def _open_case(claim: Claim) -> RecoveryCase:
    case = story.of_claimant(claim.case_id, claim.secret)
    story.insist_on(case, *TAKING)
    if case.state == CaseState.CANCELLED and case.cancelled_by != CancelledBy.MAILBOX:
        raise story.CaseMoved(case)
    return case


@transaction.atomic
def _reserve(claim: Claim, kind: Kind) -> tuple[Evidence, RecoveryCase]:
    """A row that says nothing yet. Under the lock, so that simultaneous tries do not slip past together."""
    case = _open_case(claim)
    signals = sorted(kind.signals)
    if _offered(case).filter(signal__in=signals).count() >= kind.tries:
        raise TriesUsed(kind)
    row = Evidence.objects.create(case=case, kind=kind.belongs.value, signal=signals[0], offered_at=claim.at)
    return row, case


@transaction.atomic
def _judge(claim: Claim, row: Evidence, found: Found | None) -> None:
    case = story.lock(row.case_id)
    row.checked_at = claim.at
    row.verdict = Verdict.FAILED
    if found is not None and case.user_id is not None and case.state in TAKING:
        row.verdict = Verdict.PASSED
        row.signal, row.subject, row.reference = found.signal.value, found.subject, found.reference
        row.since, row.last_used_at, row.is_sound = found.since, found.last_used_at, found.is_sound
    row.save()
    story.tell(case, "received", by=claim.actor, at=claim.at, is_public=True, kind=row.kind)
    gathering.take_in(case, row, claim.at)
