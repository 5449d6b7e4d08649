"""Getting back in: cases and what is offered in them, who decided, who was told, what followed."""

from recovery.models.cases import (
    COOLING_STATES,
    HANDED_OVER_STATES,
    LINK_LIFE,
    MOVES,
    OPEN_STATES,
    REOPENED_WITHIN,
    REPLY_WITHIN,
    UNDECIDED_STATES,
    CancelledBy,
    CaseReason,
    CaseState,
    RecoveryCase,
)
from recovery.models.challenges import CHALLENGE_LIFE, PIN_LIFE, Challenge, VouchPin
from recovery.models.decisions import (
    BREAK_GLASS_LIFE,
    LEASE_LIFE,
    BreakGlass,
    CaseApproval,
    CaseEvent,
    Lease,
    SavedView,
)
from recovery.models.evidence import Evidence, Verdict
from recovery.models.figures import DeskFigures
from recovery.models.outcomes import ENROLMENT_LIFE, PAUSE_LIFE, Enrolment, NoticeKind, NoticeSent, RequestPause

__all__ = [
    "BREAK_GLASS_LIFE",
    "CHALLENGE_LIFE",
    "COOLING_STATES",
    "ENROLMENT_LIFE",
    "HANDED_OVER_STATES",
    "LEASE_LIFE",
    "LINK_LIFE",
    "MOVES",
    "OPEN_STATES",
    "PAUSE_LIFE",
    "PIN_LIFE",
    "REOPENED_WITHIN",
    "REPLY_WITHIN",
    "UNDECIDED_STATES",
    "BreakGlass",
    "CancelledBy",
    "CaseApproval",
    "CaseEvent",
    "CaseReason",
    "CaseState",
    "Challenge",
    "DeskFigures",
    "Enrolment",
    "Evidence",
    "Lease",
    "NoticeKind",
    "NoticeSent",
    "RecoveryCase",
    "RequestPause",
    "SavedView",
    "Verdict",
    "VouchPin",
]
