"""The queue is the outbox: transactional, at least once, and nothing is tried for ever."""

import logging
import multiprocessing
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connection, transaction
from django.tasks.exceptions import InvalidTask
from django_q.models import OrmQ

from indexsite import clock, task_backend
from indexsite.models import PeriodicRun, TaskAttempt
from tests.support import jobs
from tests.support.worker import run_queued

pytestmark = pytest.mark.django_db


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    path.touch()
    return path


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def unlock() -> None:
    """As if the time until the next try had passed."""
    OrmQ.objects.update(lock=clock.now() - timedelta(seconds=1))


def test_a_queued_task_runs_once(notes: Path) -> None:
    jobs.note.enqueue(path=str(notes), text="hello")

    assert lines(notes) == []
    assert run_queued() == 1
    assert run_queued() == 0
    assert lines(notes) == ["hello"]
    assert TaskAttempt.objects.get().done_at is not None


def test_tasks_run_in_the_order_they_were_queued(notes: Path) -> None:
    for number in range(5):
        jobs.note.enqueue(path=str(notes), text=str(number))

    run_queued()

    assert lines(notes) == ["0", "1", "2", "3", "4"]


def test_a_queued_task_is_ready_while_time_stands_still(notes: Path) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        jobs.note.enqueue(path=str(notes), text="hello")
        run_queued()

    assert lines(notes) == ["hello"]


@pytest.mark.django_db(transaction=True)
def test_a_task_queued_in_a_rolled_back_transaction_never_runs(notes: Path) -> None:
    with transaction.atomic():
        jobs.note.enqueue(path=str(notes), text="never")
        transaction.set_rollback(True)

    assert run_queued() == 0
    assert lines(notes) == []


def test_the_queue_holds_strings_only(notes: Path) -> None:
    jobs.note.enqueue(path=str(notes), text="hello")

    package = OrmQ.objects.get().task

    assert package["func"] == "indexsite.task_backend.run"
    assert [type(argument) for argument in package["args"]] == [str, str, str]
    assert package["kwargs"] == {}


def test_only_json_keyword_arguments_are_taken(notes: Path) -> None:
    with pytest.raises(InvalidTask):
        jobs.note.enqueue(str(notes), "positional")
    with pytest.raises(TypeError):
        jobs.note.enqueue(path=notes, text="a Path is not JSON")

    assert not OrmQ.objects.exists()


def test_a_failing_task_is_put_back_with_a_growing_delay_and_given_up_loudly(
    notes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    jobs.note_and_fail.enqueue(path=str(notes))
    delays = []

    for _ in range(20):
        if run_queued(raise_failures=False) == 0:
            break
        for row in OrmQ.objects.all():
            delays.append(round((row.lock - clock.now()).total_seconds()))
        unlock()

    assert len(lines(notes)) == task_backend.MAX_FAILURES
    assert delays == [30, 120, 480, 1920, 7680, 21600, 21600]
    assert not OrmQ.objects.exists()
    attempt = TaskAttempt.objects.get()
    assert attempt.gave_up_at is not None
    assert "the mail server is away" in attempt.error
    gave_up = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(gave_up) == 1
    assert "Gave up on task tests.support.jobs.note_and_fail" in gave_up[0].getMessage()


def test_a_failure_reaches_the_test_that_drains_the_queue(notes: Path) -> None:
    jobs.note_and_fail.enqueue(path=str(notes))

    with pytest.raises(OSError, match="the mail server is away"):
        run_queued()


def _take_one_in_a_process_that_may_die() -> int | None:
    connection.close()
    process = multiprocessing.get_context("fork").Process(target=run_queued)
    process.start()
    process.join(20)
    return process.exitcode


@pytest.mark.django_db(transaction=True)
def test_a_task_that_kills_its_worker_stops_after_three_starts(
    notes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    jobs.note_and_die.enqueue(path=str(notes))

    codes = []
    for _ in range(6):
        codes.append(_take_one_in_a_process_that_may_die())
        unlock()

    # Without the count before the start, every one of these would die.
    assert codes == [-9, -9, -9, 0, 0, 0]
    assert lines(notes) == ["tried"] * 3
    assert not OrmQ.objects.exists()
    assert TaskAttempt.objects.get().gave_up_at is not None


def test_a_task_that_was_done_but_not_taken_off_the_queue_is_not_run_again(notes: Path) -> None:
    jobs.note.enqueue(path=str(notes), text="hello")
    row = OrmQ.objects.get()
    run_queued()

    OrmQ.objects.create(key=row.key, payload=row.payload, lock=row.lock)  # the acknowledgement was lost
    run_queued()

    assert lines(notes) == ["hello"]


def test_an_old_attempt_is_swept_and_a_recent_one_kept(notes: Path) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z"):
        jobs.note.enqueue(path=str(notes), text="old")
        run_queued()
    with time_machine.travel("2026-03-09T12:00:00Z"):
        jobs.note.enqueue(path=str(notes), text="new")
        run_queued()
        task_backend.sweep()

        assert TaskAttempt.objects.count() == 1


JOBS = (
    task_backend.Periodic("often", "tests.support.jobs.note_default", timedelta(minutes=1)),
    task_backend.Periodic("daily", "tests.support.jobs.note_default", timedelta(days=1)),
)


def test_periodic_jobs_are_queued_when_due_and_only_once_after_a_pause(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_NOTE_PATH", str(notes))
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as traveller:
        assert task_backend.enqueue_due(JOBS) == ["often", "daily"]
        assert task_backend.enqueue_due(JOBS) == []
        traveller.shift(timedelta(minutes=1))
        assert task_backend.enqueue_due(JOBS) == ["often"]
        traveller.shift(timedelta(days=3))
        assert task_backend.enqueue_due(JOBS) == ["often", "daily"]
        assert task_backend.enqueue_due(JOBS) == []

        assert run_queued() == 5
    assert len(lines(notes)) == 5


def test_a_job_another_worker_claimed_first_is_not_queued_twice() -> None:
    task_backend.enqueue_due(JOBS)
    stale = PeriodicRun.objects.get(name="often").last_at - timedelta(minutes=2)

    assert task_backend._claim(JOBS[0], stale) is False
    assert OrmQ.objects.count() == 2


def test_an_advance_of_the_demo_clock_makes_jobs_due(monkeypatch: pytest.MonkeyPatch) -> None:
    task_backend.enqueue_due(JOBS)
    monkeypatch.setattr(clock, "offset", lambda: timedelta(days=7))

    assert task_backend.enqueue_due(JOBS) == ["often", "daily"]
