"""Whoever rewrites the audit trail is found out: by the chain, and with the key, by a head that left in time."""

import dataclasses
import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail as django_mail
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from indexsite import audit, audit_seal, clock, tasks
from indexsite.actors import SITE, VISITOR
from indexsite.models import AuditEvent, AuditSeal, AuditSealEntry
from tests.support.append_only import tampering
from tests.support.worker import run_queued

pytestmark = pytest.mark.django_db(transaction=True)


def write(text: str = "x", *, at: datetime | None = None) -> AuditEvent:
    with pytest.MonkeyPatch.context() as patch:
        if at is not None:
            patch.setattr(clock, "now", lambda: at)
        with transaction.atomic():
            return audit.record(SITE, audit.EmailAdded(email=text))


def seal(at: datetime | None = None) -> int:
    return audit_seal.seal(at=at or clock.now())


def execute(sql: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(values))


def findings(*heads: str) -> list[str]:
    return list(audit_seal.findings(heads=heads))


def exported() -> list[dict[str, object]]:
    return [json.loads(line) for line in settings.AUDIT_HEADS_FILE.read_text().splitlines()]


@pytest.fixture
def three_batches() -> list[AuditEvent]:
    rows = []
    for number in range(3):
        rows += [write(f"{number}-{letter}@example.org") for letter in "ab"]
        seal()
    return rows


def test_a_sealed_trail_verifies_and_its_heads_are_exported(three_batches: list[AuditEvent]) -> None:
    assert findings() == []
    assert [line["number"] for line in exported()] == [1, 2, 3]
    assert [line["head"] for line in exported()] == list(AuditSeal.objects.values_list("head", flat=True))
    assert findings(*[str(line["head"]) for line in exported()]) == []


def test_sealing_nothing_new_makes_no_batch(three_batches: list[AuditEvent]) -> None:
    assert seal() == 0
    assert AuditSeal.objects.count() == 3
    assert len(exported()) == 3


def test_every_kind_of_value_survives_the_way_through_the_database() -> None:
    with transaction.atomic():
        audit.record(VISITOR, audit.SignInFailed(reason='"ünï\u2028cödé" \\ 😀'))
        AuditEvent.objects.create(
            at=datetime(2026, 1, 1, tzinfo=UTC),
            name="x",
            actor_label="x",
            credential_label="x",
            data={"z": [1, 1.5, None, True, {"b": 1, "a": -(2**53)}], "a": ""},
        )
    seal()

    assert findings() == []


@pytest.mark.parametrize("table", ["indexsite_auditevent", "indexsite_auditseal", "indexsite_auditsealentry"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET {} = {}"])
def test_the_database_refuses_changes(three_batches: list[AuditEvent], table: str, statement: str) -> None:
    column = {"indexsite_auditevent": "name", "indexsite_auditseal": "head"}.get(table, "digest")

    with pytest.raises(DatabaseError, match="append-only"):
        execute(statement.format(table, column, column))

    assert findings() == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "2020-01-01 00:00:00+00:00"),
        ("name", "account.created"),
        ("actor_label", "bob"),
        ("credential_label", "a token"),
        ("factor", "x"),
        ("address", "203.0.113.1"),
        ("client", "curl"),
        ("about_label", "bob"),
        ("project", "other"),
        ("data", '{"email": "other@example.org"}'),
    ],
)
def test_a_changed_column_is_found(three_batches: list[AuditEvent], column: str, value: str) -> None:
    with tampering():
        execute(f"UPDATE indexsite_auditevent SET {column} = %s WHERE id = %s", value, three_batches[2].pk)

    assert findings() == [f"Event {three_batches[2].pk}, sealed in batch 2, was changed."]


def test_a_removed_row_is_found(three_batches: list[AuditEvent]) -> None:
    with tampering():
        execute("DELETE FROM indexsite_auditevent WHERE id = %s", three_batches[5].pk)

    assert findings() == [f"Event {three_batches[5].pk}, sealed in batch 3, was removed."]


def test_a_row_removed_together_with_its_entry_is_found(three_batches: list[AuditEvent]) -> None:
    with tampering():
        execute("DELETE FROM indexsite_auditsealentry WHERE event_id = %s", three_batches[0].pk)
        execute("DELETE FROM indexsite_auditevent WHERE id = %s", three_batches[0].pk)

    assert findings() == [
        "Batch 1 was changed: its head does not match what it lists.",
        "Batch 1 sealed 2 events and lists 1.",
    ]


def test_a_changed_row_with_a_digest_made_without_the_key_is_found(three_batches: list[AuditEvent]) -> None:
    with tampering():
        execute(
            "UPDATE indexsite_auditsealentry SET digest = %s WHERE event_id = %s", "0" * 64, three_batches[0].pk
        )

    assert findings() == [
        "Batch 1 was changed: its head does not match what it lists.",
        f"Event {three_batches[0].pk}, sealed in batch 1, was changed.",
    ]


def test_a_removed_batch_is_found(three_batches: list[AuditEvent]) -> None:
    with tampering():
        execute("DELETE FROM indexsite_auditsealentry WHERE seal_id = 2")
        execute("DELETE FROM indexsite_auditevent WHERE id = %s", three_batches[2].pk)
        execute("DELETE FROM indexsite_auditevent WHERE id = %s", three_batches[3].pk)
        execute("DELETE FROM indexsite_auditseal WHERE number = 2")

    assert findings() == ["Batch 2 is missing: the next one is 3."]


def test_a_row_inserted_into_the_past_is_found_before_and_after_it_is_sealed() -> None:
    now = clock.now()
    write(at=now - timedelta(days=2))
    seal(now - timedelta(days=2))
    write(at=now - timedelta(hours=3))
    seal(now - timedelta(hours=3))

    forged = write("forged", at=now - timedelta(days=1))
    says = (
        f"Event {forged.pk} claims to be of {forged.at:%Y-%m-%d %H:%M} but was inserted after batch 2 was sealed."
    )

    assert findings() == [says]
    write(at=now)
    seal(now)
    assert findings() == [says]


def test_events_of_a_day_without_a_worker_are_not_called_forged() -> None:
    now = clock.now()
    write(at=now - timedelta(days=2))
    seal(now - timedelta(days=2))
    for hours in (30, 20, 10):
        write(at=now - timedelta(hours=hours))

    assert findings() == []
    seal(now)
    assert findings() == []


def test_a_chain_recomputed_with_the_key_is_found_by_an_exported_head(three_batches: list[AuditEvent]) -> None:
    heads = [str(line["head"]) for line in exported()]
    with tampering():
        execute("UPDATE indexsite_auditevent SET actor_label = 'bob' WHERE id = %s", three_batches[2].pk)
        execute("DELETE FROM indexsite_auditsealentry")
        execute("DELETE FROM indexsite_auditseal")
    for start in (0, 2, 4):
        ids = [row.pk for row in three_batches[start : start + 2]]
        audit_seal._seal_batch(list(AuditEvent.objects.filter(pk__in=ids).order_by("pk")), clock.now())

    assert findings() == []  # the chain alone looks whole
    assert findings(heads[0])[0].startswith(f"The exported head {heads[0]} is in no batch")
    assert len(findings(*heads)) == 3


def test_a_chain_cut_at_the_end_is_found_by_an_exported_head(three_batches: list[AuditEvent]) -> None:
    head = str(exported()[-1]["head"])
    with tampering():
        execute("DELETE FROM indexsite_auditsealentry WHERE seal_id = 3")
        execute("DELETE FROM indexsite_auditseal WHERE number = 3")
        for row in three_batches[4:]:
            execute("DELETE FROM indexsite_auditevent WHERE id = %s", row.pk)

    assert findings() == []
    assert findings(head) != []


def test_a_chain_made_with_another_key_does_not_verify(
    three_batches: list[AuditEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SECRET_KEY", "another key, as an attacker without ours would have")

    assert len(findings()) == 3 + 6


def test_a_row_that_commits_late_with_a_lower_id_joins_a_later_batch() -> None:
    if connection.vendor == "sqlite":
        # One writer at a time: ids commit in order. A gap stands in for the transaction that is still open.
        write("first")
        execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'indexsite_auditevent'")
        write("third")
        seal()
        gap = AuditEvent.objects.order_by("pk")[1].pk - 1
        AuditEvent.objects.bulk_create(
            [AuditEvent(pk=gap, at=clock.now(), name="x", actor_label="late", credential_label="x")]
        )
    else:
        _commit_late_on_postgresql()

    assert seal() == 1
    assert [batch.count for batch in AuditSeal.objects.all()] == [2, 1]
    by_id = list(AuditSealEntry.objects.order_by("event_id").values_list("seal_id", flat=True))
    assert by_id == [1, 2, 1]
    assert findings() == []


def _commit_late_on_postgresql() -> None:
    written, may_commit = threading.Event(), threading.Event()

    def late_writer() -> None:
        with transaction.atomic():
            audit.record(SITE, audit.EmailAdded(email="late"))
            written.set()
            may_commit.wait(10)
        connection.close()

    write("first")
    thread = threading.Thread(target=late_writer)
    thread.start()
    written.wait(10)
    write("third")
    assert seal() == 2  # and did not wait for the open transaction
    may_commit.set()
    thread.join()


def test_writers_and_two_sealers_at_once_leave_one_whole_chain() -> None:
    stop = threading.Event()
    failures: list[BaseException] = []

    def run(act: object) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001
            failures.append(error)
        finally:
            connection.close()

    def write_many() -> None:
        for number in range(40):
            write(str(number))

    def seal_many() -> None:
        while not stop.is_set():
            seal()

    sealers = [threading.Thread(target=run, args=(seal_many,)) for _ in range(2)]
    writers = [threading.Thread(target=run, args=(write_many,)) for _ in range(3)]
    for thread in [*sealers, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in sealers:
        thread.join()
    seal()

    assert failures == []
    assert AuditEvent.objects.count() == AuditSealEntry.objects.count() == 120
    assert findings() == []


def test_a_late_pass_seals_what_lies_far_below_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_seal, "LOOKBACK", 2)
    rows = [write(str(number)) for number in range(6)]
    audit_seal._seal_batch(rows[5:], clock.now())

    assert seal() == 1
    assert audit_seal.seal(at=clock.now(), late=True) == 4
    assert findings() == []


def test_a_head_that_was_not_exported_before_a_crash_is_exported_later(three_batches: list[AuditEvent]) -> None:
    write()
    audit_seal._seal_batch(list(audit_seal._unsealed(late=False)), clock.now())  # and the process dies

    seal()

    assert [line["number"] for line in exported()] == [1, 2, 3, 4]


def test_the_worker_seals_and_mails_the_newest_head(three_batches: list[AuditEvent]) -> None:
    tasks.mail_audit_head.enqueue()
    run_queued()
    assert django_mail.outbox == []

    settings.ENV = dataclasses.replace(settings.ENV, audit_heads_to=("auditor@example.org",))
    write()
    tasks.seal_audit.enqueue()
    tasks.seal_late_audit.enqueue()
    tasks.mail_audit_head.enqueue()
    run_queued()

    (letter,) = django_mail.outbox
    assert letter.to == ["auditor@example.org"]
    assert AuditSeal.objects.get(number=4).head in letter.body


def test_the_command_says_all_is_well_or_exits_with_one_and_a_sentence_each(
    three_batches: list[AuditEvent], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    call_command("verify_audit", heads_file=settings.AUDIT_HEADS_FILE)
    assert capsys.readouterr().out == (
        "All 3 batches are as they were sealed, and 3 exported head(s) are in the chain.\n"
    )

    with tampering():
        execute("DELETE FROM indexsite_auditevent WHERE id = %s", three_batches[1].pk)
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", head=["ab" * 32])

    assert ended.value.code == 1
    assert capsys.readouterr().out.splitlines() == [
        f"Event {three_batches[1].pk}, sealed in batch 1, was removed.",
        f"The exported head {'ab' * 32} is in no batch: the chain was rewritten or cut after it was exported.",
    ]


def test_a_heads_file_that_is_none_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not a file of exported heads"):
        call_command("verify_audit", heads_file=tmp_path / "none")
