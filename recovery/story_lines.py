"""The one timeline of a case: what the claimant, the desk and the site did, and every letter, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from recovery.models import CaseEvent, CaseState, NoticeKind, NoticeSent
from recovery.presentation import CLASS_WORDS

CLAIMANT, PUBLIC, NOTE, STAFF, SITE, MAIL = "claimant", "public", "note", "staff", "site", "mail"

# Name of an event: in whose voice it is told, and the words. Names not here are told as they are.
WORDS: dict[str, tuple[str, str]] = {
    "opened": (CLAIMANT, "opened the mailed link"),
    "received": (CLAIMANT, "offered evidence: {kind}"),
    "finished": (CLAIMANT, "has no more to offer"),
    "answered": (CLAIMANT, "answered"),
    "go-on-asked": (CLAIMANT, "asked to go on, though a mailbox had stopped it"),
    "reopened": (SITE, "let it go on: something was shown that no mailbox gives"),
    "stays-stopped": (SITE, "found nothing but mailboxes: it stays stopped, and the claimant does not hear so"),
    "password-set": (CLAIMANT, "set a new password"),
    "enrolled": (CLAIMANT, "set up a new second factor"),
    "asked": (PUBLIC, "asked the claimant"),
    "message": (PUBLIC, "wrote to the claimant"),
    "note": (NOTE, "noted for colleagues"),
    "taken": (STAFF, "took the case"),
    "stolen": (STAFF, "took the case over from {earlier}"),
    "released": (STAFF, "gave the case back"),
    "approved": (STAFF, "approved it"),
    "escalated": (STAFF, "handed it on to security"),
    "unmasked": (STAFF, "read the addresses"),
    "reject-proposed": (STAFF, "wants to reject it; a second reader is needed"),
    "reject-reason": (STAFF, "said why it was rejected"),
    "merged": (STAFF, "merged a duplicate into it"),
    "bounced": (STAFF, "noted that a letter came back"),
    "settled": (STAFF, "settled the dispute"),
    "glass-asked": (STAFF, "asked to end the waiting"),
    "glass-broken": (STAFF, "ended the waiting"),
    "alert": (SITE, "raised an alarm"),
    "decided": (SITE, "fixed the date: not before"),
    "returned": (SITE, "put it back into the queue"),
    "unannounced": (SITE, "put it into the queue: no letter to the owner has left in a day; look after the mail"),
    "contested": (SITE, "noticed that somebody else claims the same account"),
    "executed": (SITE, "handed the account over"),
    "closed": (SITE, "ended the hold; the case is done"),
    CaseState.REJECTED: (STAFF, "rejected it"),
    CaseState.DUPLICATE: (STAFF, "closed it as a duplicate"),
    CaseState.EXPIRED: (SITE, "let it run out"),
    CaseState.WITHDRAWN: (CLAIMANT, "took the request back"),
    CaseState.CANCELLED: (SITE, "stopped it: the owner said so"),
    CaseState.DISPUTED: (SITE, "noted a dispute"),
    CaseState.SELF_RESOLVED: (SITE, "ended it: the owner signed in"),
}


@dataclass(frozen=True)
class Line:
    """One entry of the timeline. `voice`: one of those above, which decides how it looks."""

    at: datetime
    voice: str
    who: str
    did: str
    text: str = ""


def timeline(events: Iterable[CaseEvent], notices: Iterable[NoticeSent]) -> list[Line]:
    """All of it, the latest first."""
    lines = [*_of_notices(notices), *map(_of_event, events)]
    # Of two at the same moment the one that was written later is the later one.
    return sorted(lines, key=lambda line: line.at)[::-1]


def _of_event(event: CaseEvent) -> Line:
    voice, words = WORDS.get(event.name, (STAFF if event.actor_id else SITE, event.name))
    kind = CLASS_WORDS.get(str(event.data.get("kind", "")), "something")
    did = words.format(kind=kind.lower(), earlier=event.data.get("earlier", "a colleague"))
    nobody = "The claimant" if voice == CLAIMANT else "The site"
    who = event.actor_label if event.actor_id is not None else nobody
    return Line(event.at, voice, who, did, event.text)


def _of_notices(notices: Iterable[NoticeSent]) -> Iterator[Line]:
    """One line a letter, to however many it went."""
    ordered = sorted(notices, key=lambda row: (row.round, row.kind, row.pk))
    for (_, kind), group in groupby(ordered, key=lambda row: (row.round, row.kind)):
        rows = list(group)
        owners = sum(row.is_owner for row in rows)
        others = len(rows) - owners
        whom = f"{owners} of the owner's addresses" + (f" and {others} of co-owners" if others else "")
        parts = [f"to {whom}"]
        if waiting := sum(row.sent_at is None for row in rows):
            parts.append(f"{waiting} not sent yet")
        if bounced := sum(row.bounced_at is not None for row in rows):
            parts.append(f"{bounced} came back")
        label = NoticeKind(kind).label
        yield Line(rows[0].queued_at, MAIL, "Letter", f"“{label}”, {', '.join(parts)}")
