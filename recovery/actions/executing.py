"""The worker's side: letters when they are due, the execution, everything that runs out. No page leads here.

An execution asks everything anew under the lock, in one transaction, and once: the database knows the move.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import DateTimeField, Exists, F, OuterRef, Q, QuerySet, Value
from django.tasks import task

from accounts.actions import new_places
from accounts.actions.sessions import drop_sessions
from accounts.models import User
from indexsite import audit, clock
from indexsite.actors import SITE
from indexsite.audit import recovery as events
from mfa.models import RemovalGround, devices_of, has_factor, remove_factor
from recovery import bearers, notices, queries
from recovery.actions import approving, assessing, enrolling, owner, requests, resuming, story
from recovery.assurance import EvidenceClass, Outcome
from recovery.models import (
    COOLING_STATES,
    ENROLMENT_LIFE,
    CaseReason,
    CaseState,
    Enrolment,
    NoticeKind,
    NoticeSent,
    RecoveryCase,
)
from tokens.actions.revoke import drop_tokens
from tokens.models import Token

log = logging.getLogger(__name__)

REMINDERS = (timedelta(days=3), timedelta(days=7), timedelta(days=12))
# A case about nobody is answered like one that did not convince.
NOBODY_ANSWERED = resuming.ANSWERED_AFTER
EVIDENCE_KEPT = timedelta(days=90)
AT_ONCE = 500
# More executions than that are shared among workers, if there are several; one task does them for so long at a
# stretch, so that letters and everything else have their turn.
SHARED_FROM = 10
SHARES = 3
TURN = timedelta(seconds=50)

_UNWEIGHED = (CaseState.QUEUED, CaseState.IN_REVIEW, CaseState.NEEDS_INFO, CaseState.APPROVED)
_EXPIRING = (CaseState.SUBMITTED, CaseState.EVIDENCE, CaseState.NEEDS_INFO)


def tend(*, at: datetime) -> None:
    """All that time does to cases; one that fails does not keep the others waiting."""
    rows = RecoveryCase.objects.order_by("submitted_at", "pk")
    _each(rows.filter(state__in=_EXPIRING, expires_at__lte=at), _expire, at)
    _each(rows.filter(_reminder_is_due(at), state=CaseState.EVIDENCE, finished_at=None), _remind, at)
    _each(rows.filter(state=CaseState.EVIDENCE).exclude(finished_at=None), _judge, at)
    _each(
        rows.filter(state=CaseState.CANCELLED, cancelled_by="mailbox").exclude(finished_at=None), resuming.look, at
    )
    _each(rows.filter(state__in=_UNWEIGHED, assessment={}).exclude(user=None), _weigh, at)
    _each(rows.filter(state=CaseState.QUEUED, user=None, queued_at__lte=at - NOBODY_ANSWERED), _answer_nobody, at)
    _each(_with_letters_due(rows.filter(state__in=COOLING_STATES), at), _write_letters, at)
    _each(rows.filter(state=CaseState.EXECUTED), _expire_enrolment, at)
    _each(rows.filter(state=CaseState.HOLD, hold_until__lte=at), _end_hold, at)
    _each(rows.filter(state=CaseState.DISPUTED), _prolong_freeze, at)
    old = rows.filter(ended_at__lte=at - EVIDENCE_KEPT, purged_at=None)
    _each(old.exclude(state=CaseState.DISPUTED)[:AT_ONCE], _purge, at)
    if _due(at).count() > SHARED_FROM:
        for _ in range(SHARES):
            help_to_execute.enqueue()
    execute_due(at=at)


def _each(cases: QuerySet[RecoveryCase], act: Callable[[uuid.UUID, datetime], object], at: datetime) -> None:
    for pk in list(cases.values_list("pk", flat=True)):
        try:
            act(pk, at)
        except Exception:
            log.exception("Recovery %s could not be looked at; it stays as it is until the next time.", pk)


@task()
def help_to_execute() -> None:
    """For another worker, where there is one: with nothing left to do it costs nothing."""
    execute_due(at=clock.now())


def execute_due(*, at: datetime, until: float | None = None) -> int:
    """Carry out what is due, the longest due first; returns how many this worker handed over.

    Several workers share the work: each passes over what another one has locked. What a killed one had begun never
    was, and is looked at again at the end.

    Args:
        until: of `time.monotonic()`: from then on the rest waits for the next time, `TURN` from now by default.
    """
    until = time.monotonic() + TURN.total_seconds() if until is None else until
    done = 0
    failed: set[uuid.UUID] = set()
    for _ in range(2):
        for pk in list(_due(at).exclude(pk__in=failed).values_list("pk", flat=True)):
            if time.monotonic() > until:
                return done
            try:
                done += _execute_if_free(pk, at)
            except Exception:
                failed.add(pk)
                log.exception("Recovery %s could not be carried out; it is tried again the next time.", pk)
    return done


def _due(at: datetime) -> QuerySet[RecoveryCase]:
    return RecoveryCase.objects.filter(state__in=COOLING_STATES, not_before__lte=at).order_by("not_before", "pk")


@transaction.atomic
def _execute_if_free(pk: uuid.UUID, at: datetime) -> bool:
    """Whether it was handed over now, by this worker."""
    is_mine = story.lock_unless_taken(pk) and _due(at).filter(pk=pk).exists()
    return is_mine and execute(pk, at) is CaseState.EXECUTED


@transaction.atomic
def execute(pk: uuid.UUID, at: datetime) -> CaseState:
    """Hand the account over, if everything still holds; returns where the case stands. Call it at any time."""
    case = story.lock(pk)
    if case.state not in COOLING_STATES or case.not_before is None or case.not_before > at:
        return CaseState(case.state)
    if (wait := _wait_for_letters(case, at)) is not None:
        case.not_before = wait
        case.save(update_fields=["not_before"])
        return CaseState(case.state)
    before = case.tier
    found = assessing.assess(case, at=at)
    if why := _obstacle(case, int(found.tier), at=at, outcome=found.outcome, is_met=found.minimum_met,
                        alone=found.may_run_without_staff):  # fmt: skip
        assessing.keep(case, found)
        if found.outcome is Outcome.REFUSE:
            requests.end(case, CaseState.REJECTED, why, at=at)
        else:
            requests.back_to_queue(case, why, at=at)
            notices.tell_claimant(case, "it takes longer", "Your request has to be looked at again.")
        return CaseState(case.state)
    case.tier = max(before, int(found.tier))
    _hand_over(case, at)
    return CaseState.EXECUTED


def _wait_for_letters(case: RecoveryCase, at: datetime) -> datetime | None:
    """A later time, where the owner has not had the last letter for a day; None where all is well."""
    _tell_what_is_due(case, at)
    last = case.notices.filter(kind=NoticeKind.LAST_DAY, round=case.round, is_owner=True)
    sent = last.exclude(sent_at=None).order_by("sent_at").values_list("sent_at", flat=True).first()
    if case.glass.filter(confirmed_at__lte=at, expires_at__gte=at).exists():
        return None if sent is not None else at + timedelta(minutes=1)
    if sent is None:
        return at + approving.LAST_NOTICE
    due = sent + approving.LAST_NOTICE
    return due if due > at else None


def _obstacle(case: RecoveryCase, tier: int, *, at: datetime, outcome: Outcome, is_met: bool, alone: bool) -> str:
    """Why it cannot be carried out as it was decided, or ""."""
    assert case.user is not None  # noqa: S101 - a constraint of the table
    if outcome is Outcome.REFUSE:
        return "this account is not recovered this way"
    if outcome is not Outcome.PROCEED:
        return "there are signs of a takeover"
    if not is_met:
        return "the evidence no longer meets the minimum"
    if tier > case.tier:
        return "more is at stake than when it was decided"
    if story.evidence_digest(case) != case.evidence_digest:
        return "the evidence has changed since it was decided"
    if case.state == CaseState.AUTO_COOLING:
        return "" if alone else "the rules alone no longer decide it"
    return "" if approving.holds(case) else "an approval no longer holds"


def _hand_over(case: RecoveryCase, at: datetime) -> None:
    """The one transaction in which an account changes hands: nothing opens it but the link mailed here."""
    user = case.user
    assert user is not None  # noqa: S101 - a constraint of the table
    until = at + ENROLMENT_LIFE + case.hold
    story.move(case, CaseState.EXECUTED, at=at, executed_at=at, hold_until=until, tier=case.tier)
    factors = devices_of(user)
    for device in factors:
        remove_factor(device, RemovalGround.RECOVERY, case_id=case.pk, at=at)
    user.set_unusable_password()
    user.recovering_since, user.hold_until, user.claimed_since = at, until, None
    # Mailed links of all kinds are bound to the last sign-in.
    user.last_login = at
    user.save(update_fields=["password", "recovering_since", "hold_until", "claimed_since", "last_login"])
    drop_sessions(user, keep="")
    new_places.stop(user, at=at)
    tokens = _drop_tokens(case, user, at)
    token = bearers.mint()
    Enrolment.objects.create(case=case, link=bearers.digest(token), made_at=at, expires_at=at + ENROLMENT_LIFE)
    story.tell(case, "executed", by=SITE, at=at, factors=len(factors), tokens=tokens)
    event = events.RecoveryExecuted(about=user, case=str(case.pk), factors=len(factors), tokens=tokens)
    audit.record(SITE, event)
    notices.tell_owner(case, NoticeKind.EXECUTED, at=at)
    notices.enrolment_link(case, token, until=at + ENROLMENT_LIFE)
    _end_others(case, at)


def _drop_tokens(case: RecoveryCase, user: User, at: datetime) -> int:
    """Tokens of the whole account go; those of one project stay for the pipelines, unless there is doubt."""
    live = Token.objects.unrevoked().filter(user=user)
    if case.reason != CaseReason.THEFT and case.tier < 3:
        shown = case.evidence.filter(kind=EvidenceClass.TOKEN.value).values_list("reference", flat=True)
        live = [token for token in live if token.project_id is None or str(token.pk) in set(shown)]  # type: ignore[assignment]
    return drop_tokens(live, by=SITE, at=at, reason="the account was recovered")


def _end_others(case: RecoveryCase, at: datetime) -> None:
    for other in RecoveryCase.objects.open().filter(user=case.user).exclude(pk=case.pk).order_by("pk"):
        locked = RecoveryCase.objects.select_for_update().get(pk=other.pk)
        # One that nobody was told of goes on as one about nobody does, and its claimant does not hear of this one.
        if locked.is_open and queries.is_told(locked):
            requests.end(locked, CaseState.REJECTED, "the account was handed over in another case", at=at)


# -- letters --------------------------------------------------------------------------------------------------


def _with_letters_due(cases: QuerySet[RecoveryCase], at: datetime) -> QuerySet[RecoveryCase]:
    """Those whose owner has not been written to in this round that half is over, or that a day is left."""
    told = NoticeSent.objects.filter(case=OuterRef("pk"), round=OuterRef("round"), is_owner=True)
    now = Value(at, output_field=DateTimeField())
    cases = cases.annotate(left=F("not_before") - now, past=now - F("notified_at"))
    is_half_over = Q(left__lte=F("past")) & ~Exists(told.filter(kind=NoticeKind.HALFWAY))
    is_last_day = Q(left__lte=approving.LAST_NOTICE) & ~Exists(told.filter(kind=NoticeKind.LAST_DAY))
    return cases.filter(is_half_over | is_last_day)


@transaction.atomic
def _write_letters(pk: uuid.UUID, at: datetime) -> None:
    case = story.lock(pk)
    if case.state in COOLING_STATES:
        _tell_what_is_due(case, at)


def _tell_what_is_due(case: RecoveryCase, at: datetime) -> None:
    half = case.halfway()
    if half is not None and half <= at:
        notices.tell_owner(case, NoticeKind.HALFWAY, at=at)
    if case.not_before is not None and case.not_before - approving.LAST_NOTICE <= at:
        notices.tell_owner(case, NoticeKind.LAST_DAY, at=at)


def _reminder_is_due(at: datetime) -> Q:
    """Cases that were opened longer ago than the first reminder that they have not had."""
    due = (Q(reminders=count, opened_at__lte=at - wait) for count, wait in enumerate(REMINDERS))
    return reduce(or_, due)


@transaction.atomic
def _remind(pk: uuid.UUID, at: datetime) -> None:
    case = story.lock(pk)
    if case.state != CaseState.EVIDENCE or case.opened_at is None:
        return
    due = sum(case.opened_at + wait <= at for wait in REMINDERS)
    if due > case.reminders:
        case.reminders = due
        case.save(update_fields=["reminders"])
        notices.tell_claimant(case, "it waits for you", "Your request waits for what you can show us.")


# -- what runs out --------------------------------------------------------------------------------------------


@transaction.atomic
def _expire(pk: uuid.UUID, at: datetime) -> None:
    case = story.lock(pk)
    if case.state not in _EXPIRING or case.expires_at is None or case.expires_at > at:
        return
    if case.finished_at is not None and case.state == CaseState.EVIDENCE:
        return
    was_opened = case.state != CaseState.SUBMITTED
    requests.end(case, CaseState.EXPIRED, "its time ran out", at=at)
    if was_opened:
        notices.tell_claimant(case, "it ended", "Your request has run out. You can ask anew at any time.")


@transaction.atomic
def _judge(pk: uuid.UUID, at: datetime) -> None:
    case = story.lock(pk)
    if case.state == CaseState.EVIDENCE and case.finished_at is not None:
        requests.judge(case, at=at)


@transaction.atomic
def _weigh(pk: uuid.UUID, at: datetime) -> None:
    """What came into the queue, or was added there, without being weighed: its owner has not heard of it."""
    case = story.lock(pk)
    if case.state in _UNWEIGHED and not case.assessment and case.user is not None:
        assessing.keep(case, assessing.assess(case, at=at))


@transaction.atomic
def _answer_nobody(pk: uuid.UUID, at: datetime) -> None:
    case = story.lock(pk)
    if case.state == CaseState.QUEUED and case.user is None:
        requests.end(case, CaseState.REJECTED, "there is no such account", at=at)
        notices.tell_claimant(case, "it ended", notices.NOT_SURE)


@transaction.atomic
def _expire_enrolment(pk: uuid.UUID, at: datetime) -> None:
    """The link ran out: the account stays shut, and whoever it is for has to be looked at again."""
    case = story.lock(pk)
    if case.state != CaseState.EXECUTED:
        return
    if case.user is not None and has_factor(case.user):
        enrolling.complete(case, at=at)  # what was interrupted between the factor and this
        return
    link = case.enrolments.filter(used_at=None, ended_at=None).first()
    if link is not None and link.expires_at > at:
        return
    case.enrolments.filter(used_at=None, ended_at=None).update(ended_at=at)
    requests.back_to_queue(case, "the link to a new factor ran out unused", at=at)
    notices.tell_claimant(
        case, "the link ran out", "The link was not used in time; your request is looked at again."
    )


@transaction.atomic
def _end_hold(pk: uuid.UUID, at: datetime) -> None:
    case = story.lock(pk)
    if case.state != CaseState.HOLD or case.hold_until is None or case.hold_until > at:
        return
    assert case.user is not None  # noqa: S101 - a constraint of the table
    User.objects.filter(pk=case.user.pk).update(hold_until=None)
    story.move(case, CaseState.CLOSED, at=at)
    story.tell(case, "closed", by=SITE, at=at)
    audit.record(SITE, events.RecoveryHoldOver(about=case.user, case=str(case.pk)))
    notices.tell_owner(case, NoticeKind.LIFTED, at=at)


@transaction.atomic
def _prolong_freeze(pk: uuid.UUID, at: datetime) -> None:
    """What an owner has frozen stays so until security settles it, or the owner lifts it with an old factor."""
    case = story.lock(pk)
    user = case.user
    if case.state != CaseState.DISPUTED or user is None or user.edits_frozen_until is None:
        return
    if user.edits_frozen_until <= at + timedelta(hours=1):
        owner.freeze(user, at=at)


@transaction.atomic
def _purge(pk: uuid.UUID, at: datetime) -> None:
    """Rule 10: what people have shown and typed goes; what was decided, and digests, stay."""
    case = story.lock(pk)
    case.purged_at, case.claimed, case.mailbox, case.address, case.client = at, "", "", "", ""
    case.network = case.device = ""
    case.save(update_fields=["purged_at", "claimed", "mailbox", "address", "client", "network", "device"])
    case.evidence.update(reference="", subject="")
    case.events.exclude(text="").update(text="", data={})
    case.notices.exclude(address="").delete()
