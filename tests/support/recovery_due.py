"""Many cases that are due at this moment, by the rules alone: rows, written past all acts, in real time."""

from __future__ import annotations

import secrets
from collections import Counter
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password

from accounts.models import User
from indexsite import clock
from indexsite.models import AuditEvent
from mfa.models import FactorRemoval
from recovery.actions import story
from recovery.assurance import Signal
from recovery.models import CaseState, Enrolment, Evidence, NoticeKind, NoticeSent, RecoveryCase
from tests.support import cast

LONG_AGO = timedelta(days=400)
OPENED = timedelta(days=8)


def fill(count: int) -> None:
    """So many accounts with an app, each with a case about it whose owner was told in time, and that is due."""
    now, password = clock.now(), make_password(cast.PASSWORD)
    users = User.objects.bulk_create(
        User(
            username=f"due{n}", email=f"due{n}@example.org", password=password,
            date_joined=now - LONG_AGO, last_login=now - OPENED,
        )
        for n in range(count)
    )  # fmt: skip
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, primary=True, verified=True) for user in users
    )
    cases = RecoveryCase.objects.bulk_create(
        RecoveryCase(
            user=user, claimed=user.username, mailbox=user.email, mailbox_is_verified=True,
            state=CaseState.EVIDENCE, secret=secrets.token_hex(32), link=secrets.token_hex(32),
            submitted_at=now - OPENED, opened_at=now - OPENED, notified_at=now - OPENED,
            finished_at=now - OPENED, not_before=now - timedelta(hours=1), cooling=timedelta(days=3),
            hold=timedelta(days=1),
        )
        for user in users
    )  # fmt: skip
    Evidence.objects.bulk_create(_evidence(case, signal) for case in cases for signal in _SHOWN)
    NoticeSent.objects.bulk_create(
        NoticeSent(case=case, kind=kind, address=case.mailbox, queued_at=now - sent, sent_at=now - sent)
        for case in cases
        for kind, sent in _TOLD.items()
    )
    for user, case in zip(users, cases, strict=True):
        cast.add_totp(user)
        case.state, case.approvals_needed = CaseState.AUTO_COOLING, 0
        case.evidence_digest = story.evidence_digest(case)
        case.save(update_fields=["state", "approvals_needed", "evidence_digest"])


# How long ago each of its letters left: whatever is due before an execution has.
_TOLD = {NoticeKind.OPENED: OPENED, NoticeKind.HALFWAY: timedelta(days=4), NoticeKind.LAST_DAY: timedelta(days=2)}
_SHOWN = {Signal.MAILBOX: "E", Signal.PASSWORD: "K"}


def _evidence(case: RecoveryCase, signal: Signal) -> Evidence:
    now = clock.now()
    return Evidence(
        case=case, kind=_SHOWN[signal], signal=signal.value, subject="example.org",
        reference=case.mailbox if signal is Signal.MAILBOX else "", offered_at=now - OPENED,
        checked_at=now - OPENED, verdict="passed", since=now - LONG_AGO, is_sound=True,
    )  # fmt: skip


def executed() -> int:
    return RecoveryCase.objects.filter(state=CaseState.EXECUTED).count()


def faults() -> list[str]:
    """Whatever was done more than once, or in part."""
    found = []
    cases = RecoveryCase.objects.filter(claimed__startswith="due").select_related("user")
    lines = Counter(NoticeSent.objects.filter(kind=NoticeKind.EXECUTED).values_list("case", flat=True))
    links = Counter(Enrolment.objects.values_list("case", flat=True))
    gone = Counter(FactorRemoval.objects.values_list("case", flat=True))
    said = Counter(AuditEvent.objects.filter(name="recovery.executed").values_list("data__case", flat=True))
    for case in cases:
        counts = (lines[case.pk], links[case.pk], gone[case.pk], said[str(case.pk)])
        is_done = case.state == CaseState.EXECUTED
        assert case.user is not None
        is_shut = case.user.recovering_since is not None and not case.user.has_usable_password()
        if counts != (is_done,) * 4 or is_shut != is_done:
            found.append(f"{case.claimed}: {case.state}, {counts}, {is_shut}")
    return found
