"""Rows of a recovery desk that has been busy for years, written past all acts: what they mean does not matter.

PostgreSQL only: a few hundred cases are made, and the database makes the rest of them.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import timedelta

from django.db import connection

from accounts.models import User
from indexsite import clock
from recovery.assurance import HardFlag, Signal
from recovery.models import CaseEvent, CaseState, Evidence, NoticeSent, RecoveryCase

_S = CaseState
# Of a hundred cases. Of open ones there are as many as no desk has; the others have ended.
OPEN = {_S.SUBMITTED: 1, _S.EVIDENCE: 2, _S.QUEUED: 2, _S.IN_REVIEW: 1, _S.NEEDS_INFO: 1, _S.DISPUTED: 1}
ENDED = {_S.CLOSED: 40, _S.REJECTED: 17, _S.EXPIRED: 17, _S.SELF_RESOLVED: 9, _S.CANCELLED: 5, _S.WITHDRAWN: 4}
ACCOUNTS = 5000
COOLING = 200
STORY = ("opened", "received", "received", "finished", "taken", "approved", "decided", "message")


def fill(count: int) -> None:
    """So many cases, each with a story, evidence and letters, about `ACCOUNTS` accounts."""
    accounts = User.objects.bulk_create(
        [User(username=f"rows{n}", email=f"rows{n}@example.org", password="!") for n in range(ACCOUNTS)]
    )
    patterns = RecoveryCase.objects.bulk_create(
        [_case(state, accounts[n]) for n, state in enumerate([*_spread(OPEN), *_spread(ENDED)])]
    )
    _multiply(count // len(patterns) - 1, [user.pk for user in accounts])
    _let_cool()
    _add_stories()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _spread(shares: dict[CaseState, int]) -> list[CaseState]:
    return [state for state, share in shares.items() for _ in range(share)]


def _case(state: CaseState, user: User) -> RecoveryCase:
    now = clock.now()
    at = now - (timedelta(days=2) if state in OPEN else timedelta(days=30))
    case = RecoveryCase(
        state=state, user=user, claimed=user.username, mailbox=user.email, mailbox_is_verified=True,
        secret=_digest(), link=_digest(), network=_digest(), device=_digest(), address="192.0.2.9",
        client="Browser", policy_version="1", tier=user.pk % 4, tier_at_open=0,
        points=45, approvals_needed=3, approver_roles=[],
        flags=[HardFlag.CHANGED_RECENTLY.value] if user.pk % 5 == 0 else [], evidence_digest=_digest(),
        assessment={"points": {"E": 20}, "flags": ["dormant"], "minimum_met": True, "outcome": "proceed"},
        submitted_at=at, opened_at=None if state == _S.SUBMITTED else at, notified_at=at, queued_at=at,
        finished_at=at, reply_due_at=at + timedelta(days=3), ended_at=None if state in OPEN else at,
    )  # fmt: skip
    if state == _S.CLOSED:
        case.not_before = case.executed_at = at + timedelta(days=7)
        case.hold_until = at + timedelta(days=10)
    return case


def _digest() -> str:
    return hashlib.sha256(secrets.token_bytes()).hexdigest()


def _multiply(times: int, accounts: list[int]) -> None:
    """Each case so many times more, about somebody else, and earlier if it has ended."""
    ages = ("submitted_at", "opened_at", "notified_at", "queued_at", "finished_at", "ended_at", "reply_due_at",
            "not_before", "executed_at", "hold_until")  # fmt: skip
    values = {
        "id": "gen_random_uuid()",
        "user_id": f"{accounts[0]} + (row_number() OVER ())::int %% {len(accounts)}",
        **dict.fromkeys(("secret", "link", "network", "device"), "encode(sha256(random()::text::bytea), 'hex')"),
        **{
            name: f"{name} - n * (CASE WHEN ended_at IS NULL THEN INTERVAL '7 minutes' ELSE INTERVAL '2 days' END)"
            for name in ages
        },
    }
    columns = [field.column for field in RecoveryCase._meta.concrete_fields]
    chosen = ", ".join(values.get(column, column) for column in columns)
    table = RecoveryCase._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) "
            f"SELECT {chosen} FROM {table}, generate_series(1, %s) AS n",
            [times],
        )


def _let_cool() -> None:
    now = clock.now()
    chosen = list(RecoveryCase.objects.filter(state=_S.IN_REVIEW).values_list("pk", flat=True)[:COOLING])
    rows = RecoveryCase.objects.filter(pk__in=chosen)
    rows.update(state=_S.APPROVED, not_before=now + timedelta(days=5))
    rows.update(state=_S.COOLING)


def _add_stories() -> None:
    """Eight lines, two pieces of evidence and three letters for each case."""
    cases = f"SELECT id, submitted_at AS at, mailbox FROM {RecoveryCase._meta.db_table}"
    lines = ", ".join(f"({n}, '{name}')" for n, name in enumerate(STORY))
    signals = ", ".join(f"('{signal.value}', '{letter}')" for signal, letter in
                        ((Signal.MAILBOX, "E"), (Signal.DEVICE, "D")))  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {CaseEvent._meta.db_table} (case_id, at, name, actor_label, text, data, is_public) "
            "SELECT id, c.at + n * INTERVAL '1 hour', name, 'somebody', '', '{}', n % 2 = 1 "
            f"FROM ({cases}) AS c, (VALUES {lines}) AS l(n, name)"
        )
        cursor.execute(
            f"INSERT INTO {Evidence._meta.db_table} (case_id, kind, signal, subject, reference, offered_at, "
            "checked_at, verdict, since, is_sound) SELECT id, kind, signal, 'example.org', mailbox, c.at, c.at, "
            f"'passed', c.at - INTERVAL '1 year', true FROM ({cases}) AS c, (VALUES {signals}) AS s(signal, kind)"
        )
        cursor.execute(
            f"INSERT INTO {NoticeSent._meta.db_table} (case_id, kind, round, address, is_owner, "
            f"queued_at, sent_at) SELECT id, kind, 0, mailbox, true, c.at, c.at FROM ({cases}) AS c, "
            "(VALUES ('opened'), ('evidence'), ('approved')) AS k(kind)"
        )


def some(state: CaseState, count: int) -> list[uuid.UUID]:
    """Cases of this state, whichever."""
    return list(RecoveryCase.objects.filter(state=state).order_by("pk").values_list("pk", flat=True)[:count])
