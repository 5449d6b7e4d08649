"""Two years after a case has ended: what was decided in it goes as well, and with it whose it was.

What people had shown and typed went before (`executing`). Where a factor was removed on its ground the bare row of
the case stays, since a removal without its ground would be a hole that anybody could have made.
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta

from django.db import transaction

from recovery.actions import story
from recovery.models import Lease, RecoveryCase

log = logging.getLogger(__name__)

# As long as the history of an account is shown.
DECISIONS_KEPT = timedelta(days=730)
AT_ONCE = 500


def forget_old(*, at: datetime) -> int:
    """Forget what is due, oldest first; returns how many cases that was. Call it at any time."""
    ready = RecoveryCase.objects.filter(ended_at__lte=at - DECISIONS_KEPT, purged_at__isnull=False)
    # What was merged into a case goes before the case.
    due = ready.filter(forgotten_at=None, merged=None).order_by("ended_at").values_list("pk", flat=True)
    count = 0
    for pk in list(due[:AT_ONCE]):
        try:
            count += _forget(pk, at)
        except Exception:
            log.exception("Recovery %s could not be forgotten; it stays until the next time.", pk)
    return count


@transaction.atomic
def _forget(pk: uuid.UUID, at: datetime) -> bool:
    case = story.lock(pk)
    if case.forgotten_at is not None or case.purged_at is None or case.ended_at is None:
        return False
    if case.ended_at > at - DECISIONS_KEPT:
        return False
    # First of all: the database lets nothing go before it says so.
    case.forgotten_at = at
    case.save(update_fields=["forgotten_at"])
    Lease.objects.filter(case=case).delete()
    for rows in (
        case.pins,
        case.challenges,
        case.evidence,
        case.notices,
        case.enrolments,
        case.glass,
        case.approvals,
        case.events,
    ):
        rows.all().delete()
    if case.executed_at is None:
        case.delete()
        return True
    case.flags, case.assessment, case.approver_roles, case.evidence_digest = [], {}, [], ""
    case.merged_into = None
    case.save(update_fields=["flags", "assessment", "approver_roles", "evidence_digest", "merged_into"])
    return True
