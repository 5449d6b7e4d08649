"""What a mailbox has stopped: its claimant may ask to go on, and it does, with a proof that no mailbox gives.

Whoever asks hears the same either way. What they have shown is looked at by the worker, so that neither an answer
nor its time tells whether it was right; and not each time something is added, but twice: at once, and after two
weeks. A case that does not go on waits that long as one about nobody does, and ends like it.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from indexsite import audit
from indexsite.actors import SITE, VISITOR, Actor
from indexsite.audit import recovery as events
from indexsite.errors import Conflict
from recovery import notices
from recovery.actions import assessing, story
from recovery.assurance import EvidenceClass
from recovery.models import REOPENED_WITHIN, REPLY_WITHIN, CaseState, NoticeKind, RecoveryCase

# As long as cases about nobody wait.
ANSWERED_AFTER = timedelta(days=14)


class NothingToGoOnWith(Conflict):
    """Said by what was offered, never by what came of it."""

    code = "case-stopped"

    def __init__(self) -> None:
        super().__init__("Your request was stopped by a mailbox; first offer something that no mailbox gives.")


def reopen(*, actor: Actor, pk: uuid.UUID, secret: str, at: datetime) -> RecoveryCase:
    """Ask that a case goes on which a mailbox has stopped. The answer depends on nothing that a check has found.

    Raises:
        story.CaseUnknown: this is not the browser that asked.
        story.CaseMoved: nothing of the kind, too long ago, or asked before.
        NothingToGoOnWith: nothing but mailboxes was offered.
    """
    with transaction.atomic():
        case = story.of_claimant(pk, secret)
        story.insist_on(case, CaseState.CANCELLED)
        is_late = case.ended_at is None or case.ended_at <= at - REOPENED_WITHIN
        if is_late or case.cancelled_by != "mailbox" or case.user is None or case.wants_to_go_on:
            raise story.CaseMoved(case)
        if not case.evidence.exclude(kind=EvidenceClass.MAILBOX.value).exists():
            raise NothingToGoOnWith
        case.finished_at = at
        case.save(update_fields=["finished_at"])
        story.tell(case, "go-on-asked", by=actor, at=at)
    return case


@transaction.atomic
def look(pk: uuid.UUID, at: datetime) -> None:
    """The worker's: let it go on at the highest tier, or end it in time. Call it at any moment."""
    case = story.lock(pk)
    asked_at = case.finished_at
    if not case.wants_to_go_on or asked_at is None:
        return
    is_last = asked_at <= at - ANSWERED_AFTER
    if not is_last and case.events.filter(name="stays-stopped").exists():
        return
    beyond = case.evidence.counting(at).exclude(kind=EvidenceClass.MAILBOX.value)
    if beyond.exists():
        _go_on(case, at)
    elif is_last:
        # Its owner heard that it was stopped; that it stays so is no news.
        story.move(case, CaseState.REJECTED, at=at)
        story.tell(case, CaseState.REJECTED.value, by=SITE, at=at, text="nothing but mailboxes was shown")
        notices.tell_claimant(case, "it ended", notices.NOT_SURE)
    else:
        story.tell(case, "stays-stopped", by=SITE, at=at)


def _go_on(case: RecoveryCase, at: datetime) -> None:
    user = case.user
    assert user is not None  # noqa: S101 - nobody else's case is stopped by a mailbox
    # The flag is raised by the stop itself; the tier follows from it.
    assessing.keep(case, assessing.assess(case, at=at))
    story.move(
        case,
        CaseState.QUEUED,
        at=at,
        queued_at=at,
        reply_due_at=at + REPLY_WITHIN,
        round=case.round + 1,
        notified_at=None,
        not_before=None,
        approved_at=None,
        expires_at=None,
        ended_at=None,
        approvals_needed=3,
    )
    story.tell(case, "reopened", by=SITE, at=at)
    audit.record(VISITOR, events.RecoveryReopened(about=user, case=str(case.pk)))
    User.objects.filter(pk=user.pk, claimed_since=None).update(claimed_since=at)
    notices.tell_owner(case, NoticeKind.OPENED, at=at)
