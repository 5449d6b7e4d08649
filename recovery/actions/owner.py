"""The owner's side: stopping a recovery with a link or a session, "this was not me", wanting no requests at all.

A link proves a mailbox and nothing more, so what it stops can be taken up again by a claimant who has proved more;
a session's word is final. Reading a link changes nothing, and using it twice is using it once.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.actions.sessions import drop_sessions
from accounts.models import FREEZE_TIME, User
from indexsite import audit, clock, limits, reasons
from indexsite.actors import Actor
from indexsite.audit import recovery as events
from indexsite.errors import Conflict
from indexsite.limits import Limit
from indexsite.policies import Action, require, require_now
from recovery import bearers, notices, queries
from recovery.actions import requests, story
from recovery.actions.story import CaseUnknown
from recovery.models import (
    HANDED_OVER_STATES,
    OPEN_STATES,
    PAUSE_LIFE,
    CancelledBy,
    CaseState,
    NoticeKind,
    NoticeSent,
    RecoveryCase,
    RequestPause,
)


class TooLate(Conflict):
    """The account was handed over; stopping is no longer it."""

    code = "case-executed"

    def __init__(self) -> None:
        super().__init__("The recovery was carried out already; if it was not you, say so, and it is frozen.")


@dataclass(frozen=True)
class Seen:
    """What a link is about, for the page that shows it."""

    case: RecoveryCase
    is_owner: bool
    can_cancel: bool
    can_dispute: bool


def look(*, token: str, at: datetime) -> Seen:
    """What the link would do. Changes nothing.

    Raises:
        bearers.OwnerLinkInvalid: it is not ours.
    """
    notice = _notice(token)
    return _seen(notice.case, at, is_owner=notice.is_owner)


def _notice(token: str) -> NoticeSent:
    claim = bearers.read_owner_token(token)
    notice = NoticeSent.objects.select_related("case").filter(pk=claim.notice_id, case=claim.case_id).first()
    if notice is None:
        raise bearers.OwnerLinkInvalid
    return notice


def _seen(case: RecoveryCase, at: datetime, *, is_owner: bool) -> Seen:
    return Seen(
        case=case,
        is_owner=is_owner,
        can_cancel=is_owner and case.state in OPEN_STATES,
        can_dispute=case.may_be_disputed(at),
    )


def cancel_by_link(*, actor: Actor, token: str, at: datetime) -> RecoveryCase:
    """One button in a letter to the owner: the recovery is stopped. Without a sign-in; twice is as once.

    Raises:
        bearers.OwnerLinkInvalid: it is not ours, or stood in a letter to somebody else than the owner.
        TooLate: it was carried out.
        LimitReached: too many from this network address.
    """
    limits.consume(Limit.RECOVERY_OWNER_LINK, actor.address, at=at)
    notice = _notice(token)
    if not notice.is_owner:
        raise bearers.OwnerLinkInvalid
    return _cancel(notice.case_id, actor, CancelledBy.MAILBOX, at=at)


def cancel_by_session(*, actor: Actor, pk: uuid.UUID, at: datetime) -> RecoveryCase:
    """The owner stops it while signed in; then it does not come back.

    Raises:
        CaseUnknown: it is about somebody else's account.
        TooLate: it was carried out.
        PermissionRefused: nobody is signed in.
    """
    require(actor, Action.RECOVERY_STOP)
    if not RecoveryCase.objects.filter(pk=pk, user=actor.person).exclude(opened_at=None).exists():
        raise CaseUnknown
    return _cancel(pk, actor, CancelledBy.SESSION, at=at)


@transaction.atomic
def _cancel(pk: uuid.UUID, actor: Actor, by: CancelledBy, *, at: datetime) -> RecoveryCase:
    case = story.lock(pk)
    if case.state in {*HANDED_OVER_STATES, CaseState.CLOSED}:
        raise TooLate
    if (
        case.state == CaseState.CANCELLED
        and case.cancelled_by == CancelledBy.MAILBOX
        and by == CancelledBy.SESSION
    ):
        case.cancelled_by = by
        case.save(update_fields=["cancelled_by"])
        return case
    if case.state not in OPEN_STATES:
        return case  # stopped before, by whomever
    story.void_approvals(case, at)
    # From here on it says when the claimant asked to go on, which they have not.
    story.move(case, CaseState.CANCELLED, at=at, cancelled_by=by, finished_at=None)
    how = "a link in a letter to its owner" if by == CancelledBy.MAILBOX else "its owner, signed in"
    story.tell(case, "cancelled", by=actor, at=at, text=how)
    assert case.user is not None  # noqa: S101 - nobody else is written to, or signed in
    audit.record(actor, events.RecoveryCancelled(about=case.user, case=str(case.pk), how=how))
    notices.tell_owner(case, NoticeKind.STOPPED, at=at)
    notices.tell_claimant(case, "it was stopped", "Your request was stopped by the owner of the account.")
    requests.tidy_owner(case)
    return case


def dispute_by_link(*, actor: Actor, token: str, at: datetime) -> RecoveryCase:
    """ "This was not me", from a letter to the owner or a co-owner: also after it was stopped, or handed over.

    Raises:
        bearers.OwnerLinkInvalid: it is not ours.
        LimitReached: too many from this network address.
    """
    limits.consume(Limit.RECOVERY_OWNER_LINK, actor.address, at=at)
    notice = _notice(token)
    who = "its owner's mailbox" if notice.is_owner else "the mailbox of a co-owner"
    return _dispute(notice.case_id, actor, f"{who} says that it was somebody else", at=at)


def dispute_by_session(*, actor: Actor, pk: uuid.UUID, at: datetime) -> RecoveryCase:
    """The same, of somebody signed in to the account. Raises as `cancel_by_session`, never `TooLate`."""
    require(actor, Action.RECOVERY_STOP)
    if not RecoveryCase.objects.filter(pk=pk, user=actor.person).exclude(opened_at=None).exists():
        raise CaseUnknown
    return _dispute(pk, actor, "its owner, signed in, says that it was somebody else", at=at)


def dispute_by_security(*, actor: Actor, pk: uuid.UUID, reason: str, at: datetime) -> RecoveryCase:
    """Security has seen something: the case stops and the account is frozen until it is settled.

    Raises:
        PermissionRefused: not of the security role, no key just now, or too close to the account.
        story.CaseMoved: there is nothing to dispute.
        ReasonMissing: none was given.
    """
    reason = reasons.clean(reason, is_needed=True)
    require(actor, Action.CASE_SETTLE)
    with transaction.atomic():
        case = story.lock(pk)
        require_now(actor, Action.CASE_SETTLE, case)
        if case.user is None or not case.may_be_disputed(at):
            raise story.CaseMoved(case)
        return _dispute(pk, actor, f"security stopped it ({reason})", at=at)


@transaction.atomic
def _dispute(pk: uuid.UUID, actor: Actor, why: str, *, at: datetime) -> RecoveryCase:
    case = story.lock(pk)
    if case.user is None or not case.may_be_disputed(at):
        return case
    was_handed_over = case.state in HANDED_OVER_STATES
    story.void_approvals(case, at)
    story.move(case, CaseState.DISPUTED, at=at)
    freeze(case.user, at=at)
    if was_handed_over:
        drop_sessions(case.user, keep="")
    story.tell(case, "disputed", by=actor, at=at, text=why)
    audit.record(actor, events.RecoveryDisputed(about=case.user, case=str(case.pk), why=why))
    notices.tell_owner(case, NoticeKind.DISPUTED, at=at)
    notices.page_security(case, why)
    requests.tidy_owner(case)
    return case


def freeze(user: User, *, at: datetime) -> None:
    """Nothing that opens or hands on the account changes, and nothing is uploaded, while security looks."""
    until = at + FREEZE_TIME
    User.objects.filter(pk=user.pk).update(edits_frozen_until=until, uploads_frozen_until=until)


@transaction.atomic
def pause(*, actor: Actor, at: datetime) -> RequestPause:
    """The owner wants nobody to ask for this account for 30 days: neither will they be able to.

    Raises:
        PermissionRefused: no factor, or no fresh proof of it.
    """
    require(actor, Action.RECOVERY_PAUSE)
    row, _ = RequestPause.objects.update_or_create(
        user=actor.person, defaults={"asked_at": at, "until": at + PAUSE_LIFE}
    )
    until = clock.written(row.until)
    audit.record(actor, events.RecoveriesPaused(about=actor.person, until=until))
    notices.pause_changed(actor.person, until=until, actor=actor)
    return row


@transaction.atomic
def unpause(*, actor: Actor) -> None:
    """Ends it. Raises as `pause`."""
    require(actor, Action.RECOVERY_PAUSE)
    if RequestPause.objects.filter(user=actor.person).delete()[0]:
        audit.record(actor, events.RecoveriesUnpaused(about=actor.person))
        notices.pause_changed(actor.person, until="", actor=actor)


@transaction.atomic
def self_resolve(*, actor: Actor, at: datetime) -> int:
    """The owner has signed in with a factor or a recovery code: no recovery is needed. Returns how many ended.

    Of those that they were told of. Others, which strangers began with mailboxes of their own, go on and come to
    nothing: whether one ends would say whether there is such an account, and when its owner signs in.
    """
    open_cases = RecoveryCase.objects.open().of(actor.person).order_by("pk").values_list("pk", flat=True)
    count = 0
    for pk in list(open_cases):
        case = story.lock(pk)
        if case.state not in OPEN_STATES or not queries.is_told(case):
            continue
        story.void_approvals(case, at)
        story.move(case, CaseState.SELF_RESOLVED, at=at)
        story.tell(case, "self-resolved", by=actor, at=at)
        audit.record(actor, events.RecoverySelfResolved(about=actor.person, case=str(case.pk)))
        notices.tell_owner(case, NoticeKind.STOPPED, at=at)
        requests.tidy_owner(case)
        count += 1
    return count
