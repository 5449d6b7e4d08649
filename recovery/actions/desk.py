"""The desk's side: who works on a case, what is asked and noted, and every end that hands nothing over.

Approving is in `approving`; carrying out is the worker's alone (`executing`).
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from indexsite import audit, reasons
from indexsite.actors import Actor
from indexsite.audit import recovery as events
from indexsite.errors import Conflict, InvalidInput
from indexsite.policies import Action, may, require, require_now
from recovery import notices, queries_console
from recovery.actions import assessing, requests, story
from recovery.models import (
    COOLING_STATES,
    LEASE_LIFE,
    OPEN_STATES,
    CancelledBy,
    CaseState,
    Lease,
    NoticeSent,
    RecoveryCase,
)

INFO_LIFE = timedelta(days=14)
# How many of the oldest cases are tried when somebody asks for the next one.
NEXT_TRIED = 20


class LeaseTaken(Conflict):
    """A colleague works on the case now."""

    code = "lease-taken"

    def __init__(self, lease: Lease) -> None:
        super().__init__(
            f"{lease.person.username} works on this case; take it over with a reason, or choose another."
        )


class LeaseMissing(Conflict):
    """Somebody else has it, or its time ran out."""

    code = "lease-missing"

    def __init__(self) -> None:
        super().__init__("You do not work on this case any more; take it first.")


class StoppedInSession(Conflict):
    """Its owner has stopped it, signed in: no claimant comes past that, in this case."""

    code = "stopped-in-session"

    def __init__(self) -> None:
        super().__init__("The owner stopped this one while signed in, so it cannot go on; only reject it.")


class SecondReaderNeeded(Conflict):
    """At the highest tier two people reject as two approve."""

    code = "second-reader-needed"

    def __init__(self) -> None:
        super().__init__(
            "Your rejection is noted; at this tier somebody else has to read the case and reject it, too."
        )


@transaction.atomic
def take(*, actor: Actor, pk: uuid.UUID, at: datetime, reason: str = "") -> Lease:
    """Work on a case from now on, for `LEASE_LIFE`; a heartbeat makes it longer.

    Args:
        reason: takes the case from a colleague who has it.

    Raises:
        LeaseTaken: a colleague has it, and there is no reason.
        story.CaseMoved: there is nothing to be done with it.
        PermissionRefused: not of the desk, or too close to the account.
    """
    case = _locked(actor, Action.CASE_WORK, pk)
    story.insist_on(case, CaseState.QUEUED, CaseState.IN_REVIEW, CaseState.NEEDS_INFO, CaseState.APPROVED)
    lease = Lease.objects.filter(case=case).select_related("person").first()
    if lease is not None and lease.is_live(at) and lease.person != actor.person:
        reason = reasons.clean(reason)
        if not reason:
            raise LeaseTaken(lease)
        story.tell(case, "stolen", by=actor, at=at, text=reason, earlier=lease.person.username)
    values = {"person": actor.person, "taken_at": at, "expires_at": at + LEASE_LIFE}
    lease, _ = Lease.objects.update_or_create(case=case, defaults=values)
    if case.state == CaseState.QUEUED:
        story.move(case, CaseState.IN_REVIEW, at=at)
        story.tell(case, "taken", by=actor, at=at)
    return lease


def take_next(*, actor: Actor, at: datetime) -> Lease | None:
    """Work on the case that has waited longest; None where nothing waits that the actor may work on.

    Raises:
        PermissionRefused: not of the desk.
    """
    require(actor, Action.CASE_WORK)
    for case in queries_console.next_for(actor.person, at)[:NEXT_TRIED]:
        if not may(actor, Action.CASE_WORK, case):
            continue  # too close to the account; for a colleague
        try:
            return take(actor=actor, pk=case.pk, at=at)
        except (LeaseTaken, story.CaseMoved):
            continue  # a colleague was faster
    return None


@transaction.atomic
def heartbeat(*, actor: Actor, pk: uuid.UUID, at: datetime) -> Lease:
    """The page is still open. Raises `LeaseMissing` where a colleague has taken over."""
    require(actor, Action.CASE_WORK)
    lease = Lease.objects.select_for_update().filter(case=pk, person=actor.person).first()
    if lease is None:
        raise LeaseMissing
    lease.expires_at = at + LEASE_LIFE
    lease.save(update_fields=["expires_at"])
    return lease


@transaction.atomic
def release(*, actor: Actor, pk: uuid.UUID, at: datetime) -> None:
    """Back to the queue, for whoever comes next."""
    case = _held(actor, Action.CASE_WORK, pk, at)
    if case.state == CaseState.IN_REVIEW:
        story.move(case, CaseState.QUEUED, at=at)
        story.tell(case, "released", by=actor, at=at)
    Lease.objects.filter(case=case).delete()


@transaction.atomic
def ask(*, actor: Actor, pk: uuid.UUID, text: str, at: datetime) -> None:
    """Ask the claimant something; the clock of the reply stands until they answer.

    Raises:
        LeaseMissing, PermissionRefused, ReasonMissing: see there.
    """
    text = reasons.clean_message(text)
    case = _held(actor, Action.CASE_WORK, pk, at)
    story.insist_on(case, CaseState.IN_REVIEW)
    story.move(case, CaseState.NEEDS_INFO, at=at, waiting_since=at, expires_at=at + INFO_LIFE)
    story.tell(case, "asked", by=actor, at=at, text=text, is_public=True)
    notices.tell_claimant(case, "a question", "We need to ask you something:", text)


@transaction.atomic
def message(*, actor: Actor, pk: uuid.UUID, text: str, at: datetime) -> None:
    """Write to the claimant. Raises as `ask`."""
    text = reasons.clean_message(text)
    case = _held(actor, Action.CASE_WORK, pk, at)
    if case.reply_due_at is not None:
        case.reply_due_at = None
        case.save(update_fields=["reply_due_at"])
    story.tell(case, "message", by=actor, at=at, text=text, is_public=True)
    notices.tell_claimant(case, "a message", "We write to you about your request:", text)


@transaction.atomic
def note(*, actor: Actor, pk: uuid.UUID, text: str, at: datetime) -> None:
    """A note for colleagues; the claimant never reads it."""
    case = _locked(actor, Action.CASE_WORK, pk)
    story.tell(case, "note", by=actor, at=at, text=reasons.clean_message(text))


def reject(*, actor: Actor, pk: uuid.UUID, reason: str, at: datetime) -> RecoveryCase:
    """Say no. At the highest tier a second reader has to say it as well.

    Raises:
        SecondReaderNeeded: noted, and waiting for somebody else.
        LeaseMissing, story.CaseMoved, PermissionRefused, ReasonMissing: see there.
    """
    reason = reasons.clean(reason, is_needed=True)
    with transaction.atomic():
        case = _held(actor, Action.CASE_REJECT, pk, at)
        story.insist_on(case, CaseState.IN_REVIEW, CaseState.NEEDS_INFO, CaseState.APPROVED)
        others = case.events.filter(name="reject-proposed", data__round=case.round).exclude(actor=actor.person)
        is_enough = case.tier < 3 or others.exists()
        if is_enough:
            requests.end(case, CaseState.REJECTED, "it was rejected", at=at, by=actor)
            story.tell(case, "reject-reason", by=actor, at=at, text=reason)
            notices.tell_claimant(case, "it ended", notices.NOT_SURE)
        else:
            story.tell(case, "reject-proposed", by=actor, at=at, text=reason, round=case.round)
            Lease.objects.filter(case=case).delete()
    if not is_enough:
        raise SecondReaderNeeded
    return case


@transaction.atomic
def merge(*, actor: Actor, pk: uuid.UUID, into: uuid.UUID, reason: str, at: datetime) -> None:
    """Close a duplicate; its evidence and its story stay with it, and the other one names it.

    Raises:
        InvalidInput: they are the same case, or about different accounts, or the other has ended.
        LeaseMissing, PermissionRefused: see there.
    """
    reason = reasons.clean(reason, is_needed=True)
    case = _held(actor, Action.CASE_WORK, pk, at)
    other = RecoveryCase.objects.filter(pk=into).first()
    is_rival = other is not None and other.pk != case.pk and other.user_id == case.user_id is not None
    # Into one that has ended it would be a rejection, without the second reader.
    if other is None or not is_rival or not other.is_open:
        raise InvalidInput("Name another open case about the same account.", code="not-a-duplicate")
    requests.end(case, CaseState.DUPLICATE, "it is a duplicate", at=at, by=actor, merged_into=other)
    story.tell(other, "merged", by=actor, at=at, text=reason, duplicate=str(case.pk))
    notices.tell_claimant(case, "it ended", notices.NOT_SURE)


@transaction.atomic
def escalate(*, actor: Actor, pk: uuid.UUID, reason: str, at: datetime) -> None:
    """Hand a case on to security: it goes back to the queue, marked, and everybody of security is written to.

    Raises:
        LeaseMissing, story.CaseMoved, PermissionRefused, ReasonMissing: see there.
    """
    reason = reasons.clean(reason, is_needed=True)
    case = _held(actor, Action.CASE_WORK, pk, at)
    story.insist_on(case, CaseState.IN_REVIEW, CaseState.NEEDS_INFO, CaseState.APPROVED)
    if case.state == CaseState.IN_REVIEW:
        story.move(case, CaseState.QUEUED, at=at)
    story.tell(case, "escalated", by=actor, at=at, text=reason)
    Lease.objects.filter(case=case).delete()
    notices.page_security(case, f"{actor.label} hands a case on to you: {reason}")


@transaction.atomic
def unmask(*, actor: Actor, pk: uuid.UUID, reason: str, at: datetime) -> None:
    """Let the actor read the addresses of a case, for `UNMASKED_FOR`. The subject reads who did, and why.

    Raises:
        PermissionRefused: not of the desk, or too close to the account.
        ReasonMissing: none was given.
    """
    reason = reasons.clean(reason, is_needed=True)
    case = _locked(actor, Action.CASE_UNMASK, pk)
    story.tell(case, "unmasked", by=actor, at=at, text=reason)
    if case.user is not None:
        audit.record(actor, events.RecoveryUnmasked(about=case.user, case=str(case.pk), reason=reason))


@transaction.atomic
def note_bounce(*, actor: Actor, pk: uuid.UUID, email: str, at: datetime) -> int:
    """A letter to the owner came back: the waiting is longer. Returns how many letters that was.

    Raises:
        InvalidInput: no letter of the case went there.
    """
    case = _locked(actor, Action.CASE_WORK, pk)
    story.insist_on(case, *OPEN_STATES)
    sent = NoticeSent.objects.filter(case=case, address=email.strip().lower(), is_owner=True)
    if not sent.exists():
        raise InvalidInput("No letter of this case went to that address.", code="no-such-letter")
    count = sent.filter(bounced_at=None).update(bounced_at=at)
    if not count:
        return 0
    before = case.cooling
    found = assessing.assess(case, at=at)
    assessing.keep(case, found)
    if case.state in COOLING_STATES and case.not_before is not None and found.cooling > before:
        case.not_before += found.cooling - before
        case.save(update_fields=["not_before"])
    story.tell(case, "bounced", by=actor, at=at, text=email)
    assert case.user is not None  # noqa: S101 - somebody was written to
    audit.record(actor, events.NoticeBounced(about=case.user, case=str(case.pk), email=email.strip().lower()))
    return count


@transaction.atomic
def settle(*, actor: Actor, pk: uuid.UUID, goes_on: bool, reason: str, at: datetime) -> RecoveryCase:
    """Security ends a dispute: the claim goes on at the highest tier, or is rejected. The freeze ends by itself.

    Raises:
        PermissionRefused: not of the security role, or too close to the account.
        StoppedInSession: it does not go on.
    """
    reason = reasons.clean(reason, is_needed=True)
    case = _locked(actor, Action.CASE_SETTLE, pk)
    story.insist_on(case, CaseState.DISPUTED)
    if goes_on and case.cancelled_by == CancelledBy.SESSION:
        raise StoppedInSession
    assert case.user is not None  # noqa: S101 - disputes are about accounts
    audit.record(actor, events.RecoverySettled(about=case.user, case=str(case.pk), reason=reason))
    story.tell(case, "settled", by=actor, at=at, text=reason)
    if goes_on:
        assessing.keep(case, assessing.assess(case, at=at))
        case.tier, case.ended_at = 3, None
        case.approvals_needed = max(case.approvals_needed, 3)
        case.save(update_fields=["tier", "ended_at", "approvals_needed"])
        requests.back_to_queue(case, "a dispute was settled", at=at, by=actor)
        User.objects.filter(pk=case.user.pk, claimed_since=None).update(claimed_since=at)
    else:
        requests.end(case, CaseState.REJECTED, "the dispute was settled", at=at, by=actor)
        notices.tell_claimant(case, "it ended", notices.NOT_SURE)
    return case


def _locked(actor: Actor, action: Action, pk: uuid.UUID) -> RecoveryCase:
    require(actor, action)
    case = story.lock(pk)
    require_now(actor, action, case)
    return case


def _held(actor: Actor, action: Action, pk: uuid.UUID, at: datetime) -> RecoveryCase:
    """The case, locked, of whoever works on it."""
    case = _locked(actor, action, pk)
    lease = Lease.objects.filter(case=case, person=actor.person).first()
    if lease is None or not lease.is_live(at):
        raise LeaseMissing
    return case
