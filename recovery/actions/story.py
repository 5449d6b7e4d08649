"""What all acts on a case share: its lock, its moves, its story. Nothing here asks a policy."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from typing import Any

from django.db import connection

from accounts.models import User
from indexsite.actors import Actor
from indexsite.errors import Conflict, NotFound
from recovery import bearers
from recovery.models import CaseApproval, CaseEvent, CaseState, Enrolment, Lease, RecoveryCase


class CaseMoved(Conflict):
    """It stands elsewhere by now."""

    code = "case-moved"

    def __init__(self, case: RecoveryCase) -> None:
        super().__init__(
            f"This is not possible in the state '{CaseState(case.state).label}'; look at the case again."
        )


class CaseUnknown(NotFound):
    """There is none, or the asker does not hold its secret: the two look the same."""

    code = "case-unknown"

    def __init__(self) -> None:
        super().__init__("There is no such request, or this is not the browser it was made in.")


def lock(pk: uuid.UUID) -> RecoveryCase:
    """The case, locked until the transaction ends: the account's row first, as everywhere.

    Raises:
        CaseUnknown: there is none.
    """
    found = RecoveryCase.objects.filter(pk=pk).values_list("user", flat=True).first()
    if found is not None:
        User.objects.select_for_update(no_key=True).get(pk=found)
    case = RecoveryCase.objects.select_for_update().filter(pk=pk).first()
    if case is None:
        raise CaseUnknown
    return case


def lock_unless_taken(pk: uuid.UUID) -> bool:
    """Whether the row by which `lock` begins was free, and is locked now. True where the database cannot tell."""
    if not connection.features.has_select_for_update_skip_locked:
        return True
    rows = User.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    return rows.filter(recovery_cases=pk).first() is not None


def of_claimant(pk: uuid.UUID, secret: str) -> RecoveryCase:
    """The case of whoever holds the request secret, locked.

    Raises:
        CaseUnknown: there is none, or that is another secret.
    """
    if not RecoveryCase.objects.filter(pk=pk, secret=bearers.digest(secret)).exists():
        raise CaseUnknown
    return lock(pk)


def insist_on(case: RecoveryCase, *states: CaseState) -> None:
    """Refuse what does not belong to the state.

    Raises:
        CaseMoved: the case is in none of `states`.
    """
    if case.state not in states:
        raise CaseMoved(case)


def move(case: RecoveryCase, to: CaseState, *, at: datetime, **fields: Any) -> None:
    """Let a locked case stand elsewhere; whatever ends it, ends its lease and its links.

    Raises:
        CaseMoved: there is no such move.
    """
    if not case.may_move(to):
        raise CaseMoved(case)
    values = {"state": to, **fields}
    if to in ENDED:
        values.setdefault("ended_at", at)
        Enrolment.objects.filter(case=case, used_at=None, ended_at=None).update(ended_at=at)
    if to not in WITH_LEASE:
        Lease.objects.filter(case=case).delete()
    for name, value in values.items():
        setattr(case, name, value)
    case.save(update_fields=list(values))


ENDED = (
    CaseState.CLOSED,
    CaseState.CANCELLED,
    CaseState.DISPUTED,
    CaseState.SELF_RESOLVED,
    CaseState.REJECTED,
    CaseState.EXPIRED,
    CaseState.DUPLICATE,
    CaseState.WITHDRAWN,
)
WITH_LEASE = (CaseState.IN_REVIEW, CaseState.NEEDS_INFO, CaseState.APPROVED, CaseState.QUEUED)


def tell(
    case: RecoveryCase,
    name: str,
    *,
    by: Actor,
    at: datetime,
    text: str = "",
    is_public: bool = False,
    **data: Any,
) -> CaseEvent:
    """One more line of its story."""
    return CaseEvent.objects.create(
        case=case,
        at=at,
        name=name,
        actor=by.user,
        actor_label=by.label,
        text=text,
        data=data,
        is_public=is_public,
    )


def void_approvals(case: RecoveryCase, at: datetime) -> int:
    """All yeses are to something that is no longer so; returns how many there were."""
    return CaseApproval.objects.filter(case=case, void_at=None).update(void_at=at)


def evidence_digest(case: RecoveryCase) -> str:
    """What approvals sign: every piece of evidence with its verdict, the flags and the tier."""
    lines = [
        f"{row.pk}|{row.signal}|{row.subject}|{row.verdict}|{row.is_sound:d}|{row.void_at is None:d}"
        for row in case.evidence.order_by("pk")
    ]
    text = "\n".join([str(case.pk), str(case.tier), *sorted(case.flags), *lines])
    return hashlib.sha256(text.encode()).hexdigest()
