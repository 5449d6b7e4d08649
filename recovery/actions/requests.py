"""The claimant's side: asking, opening the mailed link, saying that this is all, taking it back.

Whatever is typed, the answer is the same and costs the same: who is meant is found out by the worker. A case about
nobody, or about somebody for whom there is no such way, goes on like any other and comes to nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.tasks import task

from accounts import usernames
from accounts.models import User
from indexsite import audit, clock, limits, reasons
from indexsite.actors import SITE, VISITOR, Actor
from indexsite.audit import recovery as events
from indexsite.errors import InvalidInput, LimitReached
from indexsite.limits import Limit
from recovery import bearers, domains, notices, queries
from recovery.actions import assessing, story
from recovery.assurance import EvidenceClass, Outcome, Signal
from recovery.models import (
    LINK_LIFE,
    OPEN_STATES,
    REPLY_WITHIN,
    CaseReason,
    CaseState,
    Evidence,
    NoticeKind,
    RecoveryCase,
    RequestPause,
    Verdict,
)

EVIDENCE_LIFE = timedelta(days=14)
PROVED_CASES = 3
PROVED_WITHIN = timedelta(days=30)
# How long a case that the rules alone would decide waits for the first letter to leave.
LETTER_WITHIN = timedelta(hours=24)
# Security hears once in that time of requests for one and the same account of the staff: a burst is no flood.
STAFF_ASKED_AGAIN = timedelta(hours=6)


class OpeningLinkInvalid(InvalidInput):
    """Used, too old, never made by us, or another browser's."""

    code = "opening-link-invalid"
    help_path = "/help/#recovery"

    def __init__(self) -> None:
        super().__init__("This link has been used, is too old, or belongs to another browser; ask anew.")


@dataclass(frozen=True)
class Submitted:
    """What the browser keeps; the secret is shown to nobody and stored nowhere else."""

    case_id: uuid.UUID
    secret: str


def submit(
    *, actor: Actor, username: str, mailbox: str, reason: CaseReason, device: str, at: datetime
) -> Submitted:
    """Ask to get back in. Says nothing about whether there is such an account.

    Args:
        mailbox: an address that the claimant reads now; the link goes there.
        device: what tells this browser from others, or "".

    Raises:
        InvalidInput: the mailbox is no address.
        LimitReached: too many from this network.
    """
    mailbox = mailbox.strip().lower()
    try:
        validate_email(mailbox)
    except ValidationError:
        raise InvalidInput("Give an e-mail address that you can read now.", code="mailbox-malformed") from None
    network = bearers.network(actor.address)
    limits.consume(Limit.RECOVERY_NETWORK, network, at=at)
    try:
        limits.consume(Limit.RECOVERY_MAILBOX, mailbox, at=at)
        is_flood = False
    except LimitReached:
        is_flood = True  # the mailbox is spared, and whoever floods it does not hear of it
    secret = bearers.mint()
    with transaction.atomic():
        case = RecoveryCase.objects.create(
            # The desk reads it: nothing in it turns or hides what stands beside it.
            claimed=reasons.one_line(username)[:254],
            mailbox=mailbox,
            reason=reason,
            secret=bearers.digest(secret),
            link=bearers.digest(bearers.mint()),
            network=network,
            device=bearers.keyed("recovery device", device) if device else "",
            address=actor.address,
            client=actor.client,
            submitted_at=at,
            expires_at=at + LINK_LIFE,
        )
        if not is_flood:
            answer_request.enqueue(case=str(case.pk))
    return Submitted(case.pk, secret)


@task()
def answer_request(*, case: str) -> None:
    """Find out who is meant, and mail the link; the letter is the same for everybody and for nobody."""
    with transaction.atomic():
        found = story.lock(uuid.UUID(case))
        if found.state != CaseState.SUBMITTED:
            return
        at = clock.now()
        user = _subject(found, at)
        token = bearers.mint()
        verified = user is not None and _is_verified(user, found.mailbox)
        RecoveryCase.objects.filter(pk=found.pk).update(
            user=user, mailbox_is_verified=verified, link=bearers.digest(token)
        )
        found.refresh_from_db()
        if user is not None and not verified:
            _set_tier(found, at)
        notices.opening_link(found, token, actor=Actor(user=None, address=found.address, client=found.client))


def _subject(case: RecoveryCase, at: datetime) -> User | None:
    """Whose account it is, or None for nobody and for everybody who does not get in this way."""
    user = User.objects.filter(username=usernames.canonical(case.claimed)).first()
    if user is None:
        row = EmailAddress.objects.filter(email=case.claimed.strip().lower(), verified=True).first()
        user = row.user if row is not None else None
    if user is None or not user.is_active:
        return None
    if user.is_staff or user.is_superuser:
        # Rule 11: replacing the factor of somebody on the staff is an act of two in the console.
        lately = user.audit_events.filter(name=events.RecoveryOfStaffAsked.name, at__gt=at - STAFF_ASKED_AGAIN)
        is_news = not lately.exists()
        audit.record(SITE, events.RecoveryOfStaffAsked(about=user))
        if is_news:
            notices.page_security(case, f"somebody asked to recover {user.username}, who works for this site")
        return None
    if RequestPause.objects.filter(user=user, until__gt=at).exists():
        return None
    return user


def _is_verified(user: User, email: str) -> bool:
    return bool(EmailAddress.objects.filter(user=user, email=email, verified=True).exists())


def open_link(*, actor: Actor, pk: uuid.UUID, secret: str, token: str, at: datetime) -> RecoveryCase:
    """Use the mailed link, in the browser that asked. With a mailbox of the account its owner hears of it now.

    Raises:
        OpeningLinkInvalid: it is not good, or not here.
        LimitReached: the owner's mailboxes have opened too many cases lately.
    """
    limits.consume(Limit.RECOVERY_CLAIM, str(pk), at=at)
    with transaction.atomic():
        case = _claimed(pk, secret)
        is_right = case.state == CaseState.SUBMITTED and case.link == bearers.digest(token)
        if not is_right or (case.expires_at is not None and case.expires_at <= at):
            raise OpeningLinkInvalid
        user = case.user
        if user is not None and case.mailbox_is_verified:
            _insist_on_few(case, user, at)
        fields = {"opened_at": at, "expires_at": at + EVIDENCE_LIFE}
        story.move(case, CaseState.EVIDENCE, at=at, **fields)
        story.tell(case, "opened", by=actor, at=at)
        if user is None or not case.mailbox_is_verified:
            # A stranger's mailbox. Weighing takes time, and would tell of the account: the worker has done it.
            case.evidence_digest = story.evidence_digest(case)
            case.save(update_fields=["evidence_digest"])
            return case
        _note_mailbox(case, user, at)
        _set_tier(case, at)
        announce(case, by=actor, at=at)
    return case


def _claimed(pk: uuid.UUID, secret: str) -> RecoveryCase:
    try:
        return story.of_claimant(pk, secret)
    except story.CaseUnknown:
        raise OpeningLinkInvalid from None


def _insist_on_few(case: RecoveryCase, user: User, at: datetime) -> None:
    if queries.proved_since(user, at - PROVED_WITHIN, but=case) >= PROVED_CASES:
        wait = int(PROVED_WITHIN.total_seconds())
        raise LimitReached("This account was asked for too often in the last 30 days.", retry_after=wait)


def _note_mailbox(case: RecoveryCase, user: User, at: datetime) -> None:
    """The link was opened, so the mailbox is read: the first piece of evidence."""
    verified = user.audit_events.filter(name=audit.EmailVerified.name, data__email=case.mailbox)
    since = verified.values_list("at", flat=True).first()
    Evidence.objects.create(
        case=case,
        kind=EvidenceClass.MAILBOX.value,
        signal=Signal.MAILBOX.value,
        subject=domains.registrable(case.mailbox.rpartition("@")[2]),
        reference=case.mailbox,
        offered_at=at,
        checked_at=at,
        verdict=Verdict.PASSED,
        since=since or user.date_joined,
        is_sound=True,
    )


def _set_tier(case: RecoveryCase, at: datetime) -> None:
    found = assessing.assess(case, at=at)
    assessing.keep(case, found)
    case.tier_at_open = case.tier
    case.save(update_fields=["tier_at_open"])


def announce(case: RecoveryCase, *, by: Actor, at: datetime) -> None:
    """From here on the owner knows: letters, a banner in live sessions, co-owners, fresh proofs for what matters.

    An alternate mailbox gets here only with a proof that the owner alone can give.
    """
    user = case.user
    if user is None or case.notices.filter(kind=NoticeKind.OPENED).exists():
        return
    audit.record(by if by.user is None else VISITOR, events.RecoveryOpened(about=user, case=str(case.pk)))
    if user.claimed_since is None:
        User.objects.filter(pk=user.pk).update(claimed_since=at)
    notices.tell_owner(case, NoticeKind.OPENED, at=at)
    for other in queries.rivals(case):
        contest(other, at=at)


def contest(case: RecoveryCase, *, at: datetime) -> None:
    """Somebody else claims the same account: whatever was decided about this claim is decided anew, at I3."""
    found = assessing.assess(case, at=at)
    before = case.tier
    assessing.keep(case, found)
    if case.state in {CaseState.APPROVED, CaseState.COOLING, CaseState.AUTO_COOLING}:
        back_to_queue(case, "somebody else claims the same account", at=at)
    elif case.tier != before:
        story.tell(case, "contested", by=SITE, at=at)


def back_to_queue(case: RecoveryCase, why: str, *, at: datetime, by: Actor = SITE) -> None:
    """Void what was decided; the case waits for two people (or three), and its clock is set anew by them."""
    story.void_approvals(case, at)
    kept = {name: getattr(case, name) for name in assessing.KEPT if name != "approvals_needed"}
    story.move(
        case,
        CaseState.QUEUED,
        at=at,
        **kept,
        queued_at=at,
        reply_due_at=at + REPLY_WITHIN,
        approved_at=None,
        not_before=None,
        expires_at=None,
        round=case.round + 1,
        approvals_needed=max(case.approvals_needed, 3 if case.tier == 3 else 2),
    )
    story.tell(case, "returned", by=by, at=at, text=why)
    if case.user is not None:
        audit.record(by, events.RecoveryReturned(about=case.user, case=str(case.pk), why=why))


def finish(*, actor: Actor, pk: uuid.UUID, secret: str, at: datetime) -> RecoveryCase:
    """The claimant has no more to offer: now, and not before, it matters what was right.

    Raises:
        story.CaseUnknown: this is not the browser that asked.
        story.CaseMoved: it is too late for that.
    """
    with transaction.atomic():
        case = story.of_claimant(pk, secret)
        story.insist_on(case, CaseState.EVIDENCE)
        case.finished_at = at
        case.save(update_fields=["finished_at"])
        story.tell(case, "finished", by=actor, at=at)
        judge(case, at=at)
    return case


def judge(case: RecoveryCase, *, at: datetime) -> None:
    """Send a finished case on: to nobody where the rules decide, to the queue, or to security.

    One that may run alone waits here until a letter to its owner has left, and for a day at most.
    """
    # What its owner has not heard of goes the way of a case about nobody: another end, or the time that weighing
    # takes, would tell of the account. The worker weighs it.
    if not queries.is_told(case) or case.user is None:
        _enqueue(case, at, assessment={})
        return
    found = assessing.assess(case, at=at)
    assessing.keep(case, found)
    if found.outcome is Outcome.REFUSE:
        end(case, CaseState.REJECTED, "this account is not recovered this way", at=at)
    elif found.outcome is Outcome.DISPUTE:
        story.move(case, CaseState.DISPUTED, at=at)
        why = f"signs of a takeover: {', '.join(sorted(found.hard))}"
        audit.record(SITE, events.RecoveryDisputed(about=case.user, case=str(case.pk), why=why))
        story.tell(case, "disputed", by=SITE, at=at, text=why)
        notices.tell_owner(case, NoticeKind.DISPUTED, at=at)
        notices.page_security(case, why)
        tidy_owner(case)
    elif not found.may_run_without_staff:
        _enqueue(case, at)
    elif case.notified_at is not None:
        not_before = case.notified_at + found.cooling
        story.move(
            case,
            CaseState.AUTO_COOLING,
            at=at,
            approvals_needed=0,
            not_before=max(not_before, at + timedelta(hours=25)),
            queued_at=at,
            expires_at=None,
        )
        _date(case, at)
    elif case.finished_at is not None and case.finished_at <= at - LETTER_WITHIN:
        # Mail does not work, or not to this owner: people see it in the queue; nobody approves before it does.
        _enqueue(case, at)
        story.tell(case, "unannounced", by=SITE, at=at)


def _enqueue(case: RecoveryCase, at: datetime, **fields: object) -> None:
    due = at + REPLY_WITHIN
    story.move(case, CaseState.QUEUED, at=at, queued_at=at, reply_due_at=due, expires_at=None, **fields)


def _date(case: RecoveryCase, at: datetime) -> None:
    assert case.user is not None and case.not_before is not None  # noqa: S101, PT018 - it cools
    due = clock.written(case.not_before)
    audit.record(SITE, events.RecoveryDated(about=case.user, case=str(case.pk), due=due))
    notices.tell_owner(case, NoticeKind.APPROVED, at=at)


def withdraw(*, actor: Actor, pk: uuid.UUID, secret: str, at: datetime) -> None:
    """The claimant takes it back. Raises as `finish`."""
    with transaction.atomic():
        case = story.of_claimant(pk, secret)
        if not case.wants_to_go_on:
            story.insist_on(case, *OPEN_STATES)
        end(case, CaseState.WITHDRAWN, "whoever asked took it back", at=at, by=actor)


def end(case: RecoveryCase, to: CaseState, how: str, *, at: datetime, by: Actor = SITE, **fields: object) -> None:
    """Close a locked case without handing anything over."""
    was_told = case.notices.filter(kind=NoticeKind.OPENED).exists()
    story.void_approvals(case, at)
    story.move(case, to, at=at, **fields)
    story.tell(case, to.value, by=by, at=at, text=how)
    # Of what an owner never heard they do not hear that it ended.
    if case.user is not None and was_told:
        audit.record(by, events.RecoveryEnded(about=case.user, case=str(case.pk), how=how))
        notices.tell_owner(case, NoticeKind.STOPPED, at=at)
    tidy_owner(case)


def tidy_owner(case: RecoveryCase) -> None:
    """With the last open case goes what its owner was asked for because of it."""
    if case.user is None:
        return
    if not any(each.notices.filter(kind=NoticeKind.OPENED).exists() for each in queries.open_cases(case.user)):
        User.objects.filter(pk=case.user.pk).update(claimed_since=None)


def reply(*, actor: Actor, pk: uuid.UUID, secret: str, text: str, at: datetime) -> None:
    """The claimant answers the desk's question; the case is the desk's again. Raises as `finish`."""
    limits.consume(Limit.RECOVERY_CLAIM, str(pk), at=at)
    text = reasons.clean_message(text)
    with transaction.atomic():
        case = story.of_claimant(pk, secret)
        story.insist_on(case, CaseState.NEEDS_INFO)
        waited = at - (case.waiting_since or at)
        due = case.reply_due_at + waited if case.reply_due_at is not None else None
        story.move(case, CaseState.QUEUED, at=at, waiting_since=None, reply_due_at=due, expires_at=None)
        story.tell(case, "answered", by=actor, at=at, text=text, is_public=True)
