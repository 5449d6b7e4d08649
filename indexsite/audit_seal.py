"""Seals audit events in batches with a keyed hash chain, and finds out where the table was rewritten.

A batch lists exactly which rows it covers: on PostgreSQL a row may be committed after one with a higher id was
sealed, and simply joins a later batch. Rows are read and hashed without a lock, so sealing never waits for writers
and they never wait for it longer than one insert takes.

The key comes from SECRET_KEY. Whoever holds that can compute a new chain; against them stand the heads, which
leave the database as they are made (a file, and mail where configured) and which `findings()` compares.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, Max, OuterRef, QuerySet

from indexsite.models import AuditEvent, AuditSeal, AuditSealEntry, SiteFact

BATCH = 1000
GENESIS = "0" * 64
LOOKBACK = 50_000  # ids below the newest sealed one that every pass looks at; a late pass looks at all
# An event is timed when it is written and seen when its transaction commits; none lasts nearly as long.
LATEST_COMMIT = timedelta(hours=1)
EXPORTED_FACT = "audit-heads-exported"


def seal(*, at: datetime, late: bool = False) -> int:
    """Seal every event that no batch covers yet; returns how many.

    Args:
        at: now.
        late: look at the whole table, not only near its end.
    """
    sealed = 0
    while rows := list(_unsealed(late=late)[:BATCH]):
        try:
            _seal_batch(rows, at)
        except IntegrityError:
            break  # another worker sealed these rows
        sealed += len(rows)
    export_heads(settings.AUDIT_HEADS_FILE)
    return sealed


def _unsealed(*, late: bool) -> QuerySet[AuditEvent]:
    rows = AuditEvent.objects.filter(~Exists(AuditSealEntry.objects.filter(event_id=OuterRef("pk"))))
    if not late:
        newest = AuditSealEntry.objects.aggregate(newest=Max("event_id"))["newest"] or 0
        rows = rows.filter(pk__gt=newest - LOOKBACK)
    return rows.order_by("pk")


def _seal_batch(rows: Sequence[AuditEvent], at: datetime) -> None:
    previous = AuditSeal.objects.order_by("-number").first()
    number = previous.number + 1 if previous else 1
    previous_head = previous.head if previous else GENESIS
    digests = [(row.pk, digest(row)) for row in rows]
    batch = AuditSeal(
        number=number,
        previous_head=previous_head,
        head=_head(number, previous_head, at, digests),
        count=len(rows),
        sealed_at=at,
    )
    with transaction.atomic():
        batch.save(force_insert=True)
        AuditSealEntry.objects.bulk_create(
            [AuditSealEntry(event_id=pk, seal=batch, digest=value) for pk, value in digests]
        )


def digest(row: AuditEvent) -> str:
    """Keyed hash of every column of one event."""
    columns = AuditEvent._meta.concrete_fields  # noqa: SLF001 - Django documents it
    return _mac("row", {column.attname: _plain(getattr(row, column.attname)) for column in columns})


def _head(number: int, previous_head: str, at: datetime, digests: Iterable[tuple[int, str]]) -> str:
    return _mac("batch", [number, previous_head, _plain(at), sorted(digests)])


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value


def _mac(kind: str, value: Any) -> str:
    key = hmac.digest(settings.SECRET_KEY.encode(), f"indexsite.audit-seal {kind}".encode(), hashlib.sha256)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()


# -- heads leave the database -----------------------------------------------------------------------------


def export_heads(path: Path) -> None:
    """Append each head that is not exported yet to `path`, one JSON object a line."""
    fact = SiteFact.objects.filter(name=EXPORTED_FACT).first()
    batches = list(AuditSeal.objects.filter(number__gt=fact.value if fact else 0).order_by("number"))
    if not batches:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        for batch in batches:
            file.write(json.dumps(_exported(batch)) + "\n")
        file.flush()
        os.fsync(file.fileno())
    # After the file: a crash in between repeats lines, which is harmless; the other order would lose them.
    SiteFact.objects.update_or_create(name=EXPORTED_FACT, defaults={"value": batches[-1].number})


def _exported(batch: AuditSeal) -> dict[str, Any]:
    return {
        "number": batch.number,
        "head": batch.head,
        "count": batch.count,
        "sealed_at": _plain(batch.sealed_at),
    }


def newest_head() -> AuditSeal | None:
    """The last batch; its head stands for all before it."""
    return AuditSeal.objects.order_by("-number").first()


# -- verification -----------------------------------------------------------------------------------------


def findings(*, heads: Sequence[str] = ()) -> Iterator[str]:
    """One sentence for everything that is not as it was sealed; nothing when all is well.

    Args:
        heads: heads that were exported earlier; each has to be in the chain.
    """
    known: set[str] = set()
    expected, previous_head, previous_at = 1, GENESIS, None
    for batch in AuditSeal.objects.order_by("number").iterator():
        if batch.number != expected:
            yield f"Batch {expected} is missing: the next one is {batch.number}."
        elif batch.previous_head != previous_head:
            yield f"Batch {batch.number} does not follow batch {batch.number - 1}: its previous head is another."
        yield from _batch_findings(batch, previous_at)
        known.add(batch.head)
        expected, previous_head, previous_at = batch.number + 1, batch.head, batch.sealed_at
    yield from _unsealed_findings(expected - 1, previous_at)
    for head in heads:
        if head.lower() not in known:
            yield f"The exported head {head} is in no batch: the chain was rewritten or cut after it was exported."


def _batch_findings(batch: AuditSeal, previous_at: datetime | None) -> Iterator[str]:
    entries = dict(batch.entries.values_list("event_id", "digest"))
    if batch.head != _head(batch.number, batch.previous_head, batch.sealed_at, entries.items()):
        yield f"Batch {batch.number} was changed: its head does not match what it lists."
    if batch.count != len(entries):
        yield f"Batch {batch.number} sealed {batch.count} events and lists {len(entries)}."
    rows = AuditEvent.objects.in_bulk(list(entries))
    for event_id, sealed in sorted(entries.items()):
        row = rows.get(event_id)
        if row is None:
            yield f"Event {event_id}, sealed in batch {batch.number}, was removed."
        elif digest(row) != sealed:
            yield f"Event {event_id}, sealed in batch {batch.number}, was changed."
        elif previous_at is not None and row.at < previous_at - LATEST_COMMIT:
            yield _inserted(row, batch.number - 1)


def _unsealed_findings(last: int, last_at: datetime | None) -> Iterator[str]:
    if last_at is None:
        return
    for row in _unsealed(late=True).filter(at__lt=last_at - LATEST_COMMIT).iterator():
        yield _inserted(row, last)


def _inserted(row: AuditEvent, after: int) -> str:
    return (
        f"Event {row.pk} claims to be of {row.at:%Y-%m-%d %H:%M} but was inserted after batch {after} was sealed."
    )
