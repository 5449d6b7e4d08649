"""What a claimant reads about where the request stands. It depends on nothing that a check has found.

States in which people or rules decide look alike: who works on it, and how many have said yes, is not for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from indexsite import clock
from recovery.assurance import EvidenceClass
from recovery.models import REOPENED_WITHIN, UNDECIDED_STATES, CancelledBy, CaseEvent, CaseState, RecoveryCase

MOVED = "Your request has moved on meanwhile; this is where it stands now."


class Stage(IntEnum):
    """The way of a request that ends well, as the page shows it."""

    ASKED = 1
    SHOWING = 2
    WAITING = 3
    DATED = 4
    ENTERING = 5


STAGES = {
    Stage.ASKED: "Open the mailed link",
    Stage.SHOWING: "Show that it is you",
    Stage.WAITING: "It is looked at",
    Stage.DATED: "A time to object",
    Stage.ENTERING: "A new factor",
}


@dataclass(frozen=True)
class Standing:
    """Where a request stands, in words.

    Attributes:
        stage: None where it is over.
        title, sentences: for the page; `{mailbox}` is where its letters go.
        clock: which moment of the case the page counts down to, and `until`: what happens then.
    """

    title: str
    sentences: tuple[str, ...]
    stage: Stage | None = None
    clock: str = ""
    until: str = ""

    def said(self, case: RecoveryCase) -> list[str]:
        return [sentence.format(mailbox=case.mailbox or "you") for sentence in self.sentences]

    def moment(self, case: RecoveryCase) -> datetime | None:
        found: datetime | None = getattr(case, self.clock) if self.clock else None
        return found


_S = CaseState
_LOOKED_AT = Standing(
    "Your request is looked at",
    (
        "First by rules; where those are not enough, by at least two people. That takes days, not hours.",
        "You need do nothing. News come to {mailbox}, and stand here.",
    ),
    Stage.WAITING,
)
_WAITING_OUT = Standing(
    "The waiting has begun",
    (
        "Everybody who could object has been told. Unless somebody does, a letter with a link comes to {mailbox} "
        "when the time is over.",
        "The link is good for 24 hours, and in this browser only: keep the browser, and look into your mail then.",
    ),
    Stage.DATED,
    "not_before",
    "The letter is not sent before",
)

STANDINGS: dict[CaseState, Standing] = {
    _S.SUBMITTED: Standing(
        "Look into your mail",
        (
            "A letter is on its way to {mailbox}. Open its link in this browser, and press the button there.",
            "Nothing came? Look into the folder for unwanted mail; after a few minutes, ask anew.",
        ),
        Stage.ASKED,
        "expires_at",
        "The link is good until",
    ),
    _S.EVIDENCE: Standing(
        "Show that the account is yours",
        (
            "Offer what you still have, in any order. Different kinds help more than several of one kind.",
            "Each is only taken in: what it is worth is found out when you say that this is all.",
        ),
        Stage.SHOWING,
        "expires_at",
        "Your request waits for you until",
    ),
    _S.QUEUED: _LOOKED_AT,
    _S.IN_REVIEW: _LOOKED_AT,
    _S.APPROVED: _LOOKED_AT,
    _S.DISPUTED: _LOOKED_AT,
    _S.NEEDS_INFO: Standing(
        "We have a question",
        ("Read it below and answer it here. The letter about it went to {mailbox}.",),
        Stage.WAITING,
        "expires_at",
        "We wait for your answer until",
    ),
    _S.COOLING: _WAITING_OUT,
    _S.AUTO_COOLING: _WAITING_OUT,
    _S.EXECUTED: Standing(
        "The way in is open",
        (
            "A letter with a link went to {mailbox}. Open it in this browser: you set a new password, keep new "
            "recovery codes and add a second factor.",
            "If the link runs out, your request is looked at again by itself; you need not ask anew.",
        ),
        Stage.ENTERING,
    ),
    _S.HOLD: Standing(
        "You are in again",
        (
            "Sign in with your new password and your new factor. For a while the account can be looked at, and "
            "cannot publish, hand on or change what opens it: its other people have that time to object.",
        ),
        Stage.ENTERING,
        "hold_until",
        "Everything works again from",
    ),
    _S.CLOSED: Standing("This is done", ("The account is yours again, with nothing held back.",)),
    _S.CANCELLED: Standing(
        "Your request was stopped",
        ("The owner of the account has stopped it. Nothing was changed.",),
    ),
    _S.SELF_RESOLVED: Standing(
        "No longer needed",
        ("Somebody has signed in to the account with its second factor or a recovery code.",),
    ),
    _S.REJECTED: Standing(
        "Your request has ended",
        (
            "We could not be sure that the account is yours, so nothing was changed.",
            "You can ask anew, best with more to show than this time.",
        ),
    ),
    _S.EXPIRED: Standing("Your request has run out", ("Nothing was changed. You can ask anew at any time.",)),
    _S.DUPLICATE: Standing(
        "Your request has ended", ("It was one of several about the same account. Nothing was changed by it.",)
    ),
    _S.WITHDRAWN: Standing("You took your request back", ("Nothing was changed. You can ask anew at any time.",)),
}


_C = EvidenceClass
RECEIVED: dict[EvidenceClass, str] = {
    _C.MAILBOX: "A mailed link",
    _C.PASSWORD: "A password",
    _C.DEVICE: "This browser",
    _C.TOKEN: "A proof of a token",
    _C.PUBLISHING: "A repository",
    _C.SIGNATURE: "A signature",
    _C.VOUCH: "A PIN",
}
_WHO = {"asked": "We ask", "message": "We write", "answered": "You answer"}


@dataclass(frozen=True)
class Line:
    """One line of the story, as far as it is the claimant's."""

    at: datetime
    sentence: str


def line_of(event: CaseEvent) -> Line:
    """A public event, in words that are the same whatever came of it."""
    if event.name in _WHO:
        return Line(event.at, f"{_WHO[event.name]}: {event.text}")
    what = RECEIVED.get(event.data.get("kind"), "Something")
    return Line(event.at, f"{what} was received.")


def takes_evidence(case: RecoveryCase) -> bool:
    """Whether its pages ask for more. Once there is a date they do not: it would be void, and all begin anew."""
    return case.state in (*UNDECIDED_STATES, CaseState.APPROVED) or case.wants_to_go_on or may_ask_to_go_on(case)


def standing_of(case: RecoveryCase) -> Standing:
    """Where the case stands, for its claimant."""
    if case.wants_to_go_on or (case.state == CaseState.EVIDENCE and case.finished_at is not None):
        return _LOOKED_AT
    return STANDINGS[CaseState(case.state)]


def may_ask_to_go_on(case: RecoveryCase) -> bool:
    """Whether it was stopped by a mailbox alone, lately, and its claimant has not asked yet that it goes on."""
    is_stopped = case.state == CaseState.CANCELLED and case.cancelled_by == CancelledBy.MAILBOX
    is_late = case.ended_at is None or case.ended_at <= clock.now() - REOPENED_WITHIN
    return is_stopped and case.finished_at is None and not is_late
