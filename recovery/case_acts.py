"""The acts of the desk on a case, as a table: what each is called, what follows, the form, the one action."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.forms import PageForm
from indexsite import clock
from indexsite.actors import Actor
from indexsite.errors import Conflict
from indexsite.policies import Action
from recovery import queries_console
from recovery.actions import approving, desk, owner
from recovery.forms_console import (
    ApproveForm,
    BounceForm,
    CaseForm,
    MergeForm,
    NoForm,
    SettleForm,
    TakeForm,
    WordsForm,
)
from recovery.models import HANDED_OVER_STATES, OPEN_STATES, CaseState, RecoveryCase

_S = CaseState
_WORKED_ON = (_S.QUEUED, _S.IN_REVIEW, _S.NEEDS_INFO, _S.APPROVED)
_REVIEWED = (_S.IN_REVIEW, _S.NEEDS_INFO, _S.APPROVED)
_READ_BY_DESK = "Colleagues read it, and the record keeps it."
_READ_BY_OWNER = "The owner of the account reads it in their history, and colleagues do."
_READ_BY_CLAIMANT = "The claimant reads it. Say nothing of which proof was good or bad, and ask for no secret."

type Data = dict[str, Any]


@dataclass(frozen=True)
class CaseAct:
    """One act of the desk.

    Attributes:
        code: in addresses. `title` and `button`: what it is called.
        states: of a case, for the act to be offered; the action decides.
        call: the one action; a sentence it returns replaces `done`.
        means: what will happen, a line each.
        needs_lease: whoever works on the case does it.
        leaves: afterwards there is nothing more to do with the case, and the queue is shown.
    """

    code: str
    title: str
    button: str
    action: Action
    states: Collection[CaseState]
    call: Callable[[Actor, uuid.UUID, Data, datetime], str | None]
    done: str
    means: tuple[str, ...]
    form: Callable[..., PageForm] = CaseForm
    said_to: str = _READ_BY_DESK
    needs_lease: bool = False
    is_danger: bool = False
    leaves: bool = False


# -- what each of them calls ----------------------------------------------------------------------------------


def _take(actor: Actor, pk: uuid.UUID, data: Data, at: datetime) -> None:
    desk.take(actor=actor, pk=pk, reason=data["reason"], at=at)


def _release(actor: Actor, pk: uuid.UUID, data: Data, at: datetime) -> None:
    desk.release(actor=actor, pk=pk, at=at)


def _reject(actor: Actor, pk: uuid.UUID, data: Data, at: datetime) -> str | None:
    try:
        desk.reject(actor=actor, pk=pk, reason=data["reason"], at=at)
    except desk.SecondReaderNeeded as noted:
        return noted.sentence  # the word is kept, and somebody else's is awaited
    return None


def _merge(actor: Actor, pk: uuid.UUID, data: Data, at: datetime) -> None:
    desk.merge(actor=actor, pk=pk, into=uuid.UUID(data["into"]), reason=data["reason"], at=at)


def _bounce(actor: Actor, pk: uuid.UUID, data: Data, at: datetime) -> str:
    count = desk.note_bounce(actor=actor, pk=pk, email=data["email"], at=at)
    return "Noted; the waiting is longer." if count else "It was noted before."


def _approve(actor: Actor, pk: uuid.UUID, data: Data, at: datetime) -> str:
    case = approving.approve(actor=actor, pk=pk, digest=data["digest"], reason=data["reason"], at=at)
    if case.state == _S.COOLING and case.not_before is not None:
        return f"Approved. It was the last yes: not handed over before {clock.written(case.not_before)}."
    return "Approved. Somebody else has to look at it now."


def _settle(actor: Actor, pk: uuid.UUID, data: Data, at: datetime) -> None:
    desk.settle(actor=actor, pk=pk, goes_on=data["goes_on"] == "yes", reason=data["reason"], at=at)


def _confirm_glass(actor: Actor, pk: uuid.UUID, data: Data, at: datetime) -> None:
    approving.break_glass(actor=actor, glass_pk=_open_glass(pk, at), at=at)


def _open_glass(pk: uuid.UUID, at: datetime) -> int:
    found = queries_console.case(pk, at)
    if found is None or found.glass_pk is None:  # type: ignore[attr-defined]
        raise Conflict("There is nothing to confirm any more; ask again.", code="glass-gone")
    return int(found.glass_pk)  # type: ignore[attr-defined]


def _with_reason(act: Callable[..., object]) -> Callable[[Actor, uuid.UUID, Data, datetime], None]:
    def call(actor: Actor, pk: uuid.UUID, data: Data, at: datetime) -> None:
        act(actor=actor, pk=pk, reason=data["reason"], at=at)

    return call


def _with_text(act: Callable[..., object]) -> Callable[[Actor, uuid.UUID, Data, datetime], None]:
    def call(actor: Actor, pk: uuid.UUID, data: Data, at: datetime) -> None:
        act(actor=actor, pk=pk, text=data["text"], at=at)

    return call


def _plain(*args: Any, said_to: str = "", **kwargs: Any) -> PageForm:
    return NoForm(*args, **kwargs)


def _bounced(*args: Any, said_to: str = "", **kwargs: Any) -> PageForm:
    return BounceForm(*args, **kwargs)


# -- the table ------------------------------------------------------------------------------------------------

TAKE = CaseAct(
    "take",
    "Take the case",
    "Take it",
    Action.CASE_WORK,
    _WORKED_ON,
    _take,
    "You work on this case now.",
    (
        "It is yours for half an hour, and longer while its page is open.",
        "If a colleague has it, say why you take it over; they and everybody read it.",
    ),
    form=TakeForm,
)
RELEASE = CaseAct(
    "release",
    "Give the case back",
    "Give it back",
    Action.CASE_WORK,
    _WORKED_ON,
    _release,
    "The case waits for whoever comes next.",
    ("It goes back to the queue, in its old place.",),
    form=_plain,
    needs_lease=True,
    leaves=True,
)
ASK = CaseAct(
    "ask",
    "Ask the claimant for more",
    "Send the question",
    Action.CASE_WORK,
    (_S.IN_REVIEW,),
    _with_text(desk.ask),
    "Asked. The clock stands until they answer.",
    (
        "The claimant gets a letter and reads it on their page.",
        "The clock of the reply stands; after 14 days without an answer the case runs out.",
    ),
    form=WordsForm,
    said_to=_READ_BY_CLAIMANT,
    needs_lease=True,
)
MESSAGE = CaseAct(
    "message",
    "Write to the claimant",
    "Send the message",
    Action.CASE_WORK,
    _WORKED_ON,
    _with_text(desk.message),
    "Sent. The clock of the reply has ended.",
    ("The claimant gets a letter and reads it on their page.", "The case stays where it is."),
    form=WordsForm,
    said_to=_READ_BY_CLAIMANT,
    needs_lease=True,
)
NOTE = CaseAct(
    "note",
    "Write an internal note",
    "Add the note",
    Action.CASE_WORK,
    tuple(_S),
    _with_text(desk.note),
    "Noted.",
    ("Only people of the desk read it, never the claimant or the owner.",),
    form=WordsForm,
    said_to="Colleagues read it, nobody else.",
)
APPROVE = CaseAct(
    "approve",
    "Approve",
    "Approve with your security key",
    Action.CASE_APPROVE,
    (_S.IN_REVIEW, _S.APPROVED),
    _approve,
    "Approved.",
    (
        "You say that the claimant is the owner, going by the evidence as this page shows it. You sign that.",
        "Nothing is handed over now: others have to say yes, too; then the waiting runs, then the site does it.",
        "Any further evidence makes your yes void.",
        "You cannot take it back; a colleague can still reject, and the owner can stop it.",
    ),
    form=ApproveForm,
    said_to=_READ_BY_OWNER,
)
REJECT = CaseAct(
    "reject",
    "Reject",
    "Reject the request",
    Action.CASE_REJECT,
    _REVIEWED,
    _reject,
    "Rejected. The claimant and the owner are told.",
    (
        "The case ends. Nothing changes in the account.",
        "The claimant hears that we could not be sure, and nothing of the evidence.",
        "At the highest tier your word is noted, and a second reader has to reject it, too.",
    ),
    said_to="Colleagues read it; the claimant does not.",
    needs_lease=True,
    is_danger=True,
    leaves=True,
)
ESCALATE = CaseAct(
    "escalate",
    "Hand it on to security",
    "Hand it on",
    Action.CASE_WORK,
    _REVIEWED,
    _with_reason(desk.escalate),
    "Security is told. The case is back in the queue, marked.",
    ("Everybody of the security role gets a letter with your reason.", "You do not work on it any more."),
    needs_lease=True,
    leaves=True,
)
MERGE = CaseAct(
    "merge",
    "Merge into another case",
    "Close it as a duplicate",
    Action.CASE_WORK,
    _REVIEWED,
    _merge,
    "Closed as a duplicate.",
    (
        "This case ends; its evidence and its story stay with it, and the other one names it.",
        "The claimant of this case hears that it ended.",
    ),
    form=MergeForm,
    needs_lease=True,
    leaves=True,
)
BOUNCE = CaseAct(
    "bounce",
    "A letter came back",
    "Note it",
    Action.CASE_WORK,
    OPEN_STATES,
    _bounce,
    "Noted.",
    ("An owner who is not reached has less time: the waiting becomes seven days longer.",),
    form=_bounced,
)
UNMASK = CaseAct(
    "unmask",
    "Read the addresses",
    "Show them to me",
    Action.CASE_UNMASK,
    tuple(_S),
    _with_reason(desk.unmask),
    "You read the addresses for a quarter of an hour.",
    (
        "Mailboxes and network addresses of this case are shown to you in full, for 15 minutes.",
        "That you did, and why, stands in the history of the account, where its owner reads it.",
    ),
    said_to=_READ_BY_OWNER,
)
SETTLE = CaseAct(
    "settle",
    "Settle the dispute",
    "Settle it",
    Action.CASE_SETTLE,
    (_S.DISPUTED,),
    _settle,
    "Settled.",
    (
        "Rejected: the claim ends. It goes on: back to the queue, at the highest tier, for three people.",
        "The freeze of the account ends by itself, or when its owner lifts it.",
    ),
    form=SettleForm,
    said_to=_READ_BY_OWNER,
)
DISPUTE = CaseAct(
    "dispute",
    "Stop it as disputed",
    "Stop it and freeze the account",
    Action.CASE_SETTLE,
    (*OPEN_STATES, *HANDED_OVER_STATES, _S.CANCELLED),
    _with_reason(owner.dispute_by_security),
    "Stopped. Settle it when you know more.",
    (
        "All approvals are void. Nothing that opens or hands on the account changes, and nothing is uploaded.",
        "The owner and the co-owners are told; all of security is.",
    ),
    said_to=_READ_BY_OWNER,
    is_danger=True,
)
ASK_GLASS = CaseAct(
    "glass",
    "End the waiting (break the glass)",
    "Ask a second person",
    Action.CASE_BREAK_GLASS,
    (_S.COOLING,),
    _with_reason(approving.ask_for_glass),
    "Asked. Somebody of security has half an hour to confirm it.",
    (
        "Only where every hour counts. Somebody else, of security, has to confirm it within half an hour.",
        "It makes the waiting shorter and nothing else: approvals, checks and letters stay.",
        "All of security is paged now; the owner is told when it is confirmed.",
    ),
    said_to=_READ_BY_OWNER,
    is_danger=True,
)
CONFIRM_GLASS = CaseAct(
    "confirm-glass",
    "Confirm the end of the waiting",
    "Confirm with your security key",
    Action.CASE_CONFIRM_GLASS,
    (_S.COOLING,),
    _confirm_glass,
    "Confirmed. The site hands the account over as soon as the last letters have left.",
    (
        "A colleague asks for it; you are the second person. Both names stand in the owner's history.",
        "The owner gets the last letters at once. The site checks everything anew and hands the account over.",
    ),
    form=_plain,
    is_danger=True,
)
ACTS = (
    TAKE, RELEASE, APPROVE, ASK, MESSAGE, NOTE, REJECT, ESCALATE, MERGE, BOUNCE, UNMASK, SETTLE, DISPUTE,
    ASK_GLASS, CONFIRM_GLASS,
)  # fmt: skip


def offered(act: CaseAct, case: RecoveryCase, *, has_lease: bool) -> bool:
    """Whether the act belongs on the case's page now; whether the asker may do it is the policy's to say."""
    if case.state not in act.states or (act.needs_lease and not has_lease):
        return False
    if act is CONFIRM_GLASS:
        return case.glass_pk is not None  # type: ignore[attr-defined]
    if act is APPROVE and case.state == _S.IN_REVIEW:
        return has_lease
    if act is BOUNCE:
        return case.user is not None and case.notified_at is not None
    return not (act is TAKE and has_lease) and not (act is UNMASK and case.purged_at is not None)
