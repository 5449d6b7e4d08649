"""django.tasks over django-q2's ORM broker. The only module that knows django-q2.

A task is a row in the caller's database, so one queued inside a transaction rolls back with it: the queue is the
outbox. Tasks take JSON keyword arguments, run at least once and have to be idempotent.

Starts are counted before they happen: a task that kills its worker is never started more than `MAX_CRASHES`
times (django-q2 itself counts finished attempts only). A task that raises is put back with a growing delay, up to
`MAX_FAILURES` times. Either way, giving up is an ERROR in the log and stays in the table.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.models import F
from django.tasks import Task, TaskResult, TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.exceptions import InvalidTask
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import get_broker
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from indexsite import clock
from indexsite.models import PeriodicRun, TaskAttempt

MAX_CRASHES = 3
MAX_FAILURES = 8
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(hours=6)
KEEP_DONE = timedelta(days=7)
KEEP_GIVEN_UP = timedelta(days=90)
TICK_SECONDS = 1.0

log = logging.getLogger(__name__)


class OutboxBroker(ORM):  # type: ignore[misc]  # django-q2 has no types
    """The ORM broker, oldest first, and with delayed entries."""

    delay = timedelta(0)

    def enqueue(self, task: str) -> int:
        # One second in the past: `dequeue` asks for strictly earlier, which fails while a test holds time still.
        lock = timezone.now() + (self.delay or timedelta(seconds=-1))
        row = self.get_connection().create(key=self.list_key or Conf.CLUSTER_NAME, payload=task, lock=lock)
        return int(row.pk)

    def get_connection(self, list_key: str | None = None) -> Any:
        return super().get_connection(list_key).order_by("id")


class QueueBackend(BaseTaskBackend):
    """What `settings.TASKS` names: `task.enqueue(**kwargs)` writes to the queue in the current transaction."""

    def validate_task(self, task: Task[Any, Any]) -> None:
        super().validate_task(task)
        if task.takes_context:
            raise InvalidTask("Tasks here take keyword arguments only, no context.")

    def enqueue(self, task: Task[Any, Any], args: Sequence[Any], kwargs: dict[str, Any]) -> TaskResult[Any, Any]:
        """Queue one call.

        Raises:
            InvalidTask: positional arguments.
            TypeError: an argument that is not JSON.
        """
        self.validate_task(task)
        if args:
            raise InvalidTask("Tasks here take keyword arguments only.")
        task_id = uuid.uuid4()
        _push(task_id, task.module_path, json.dumps(kwargs))
        return TaskResult(
            task=task,
            id=str(task_id),
            status=TaskResultStatus.READY,
            enqueued_at=timezone.now(),
            started_at=None,
            finished_at=None,
            last_attempted_at=None,
            args=[],
            kwargs=kwargs,
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )


def _push(task_id: uuid.UUID, path: str, arguments: str, *, delay: timedelta = timedelta(0)) -> None:
    broker = get_broker()
    broker.delay = delay
    # Three strings: the payload django-q2 pickles and signs holds nothing that needs our classes.
    async_task(f"{__name__}.run", str(task_id), path, arguments, task_name=path[-100:], broker=broker)


def run(task_id: str, path: str, arguments: str) -> None:
    """Execute one queued call; what django-q2's worker process is told to call."""
    _execute(task_id, path, arguments)


def _execute(task_id: str, path: str, arguments: str) -> Exception | None:
    """Run the task and note how it went; returns what it raised."""
    attempt = _start(uuid.UUID(task_id), path)
    if attempt is None:
        return None
    try:
        import_string(path).call(**json.loads(arguments))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is logged and the task put back
        _failed(attempt, error, arguments)
        return error
    TaskAttempt.objects.filter(pk=attempt.pk).update(done_at=clock.now(), error="")
    return None


def _start(task_id: uuid.UUID, path: str) -> TaskAttempt | None:
    """Count the start, committed before anything runs; None if the task must not run (again)."""
    now = clock.now()
    attempt, _ = TaskAttempt.objects.get_or_create(pk=task_id, defaults={"path": path, "last_at": now})
    if attempt.done_at or attempt.gave_up_at:
        return None  # the worker died between the end of the task and taking it off the queue
    if attempt.started - attempt.failed >= MAX_CRASHES:
        TaskAttempt.objects.filter(pk=task_id).update(gave_up_at=now, error="the worker died or ran out of time")
        log.error("Gave up on task %s (%s): %d starts never ended.", path, task_id, MAX_CRASHES)
        return None
    TaskAttempt.objects.filter(pk=task_id).update(started=F("started") + 1, last_at=now)
    attempt.refresh_from_db()
    return attempt


def _failed(attempt: TaskAttempt, error: Exception, arguments: str) -> None:
    text = "".join(traceback.format_exception(error))[-10_000:]
    row = TaskAttempt.objects.filter(pk=attempt.pk)
    failed = attempt.failed + 1
    if failed >= MAX_FAILURES:
        row.update(failed=failed, error=text, gave_up_at=clock.now())
        log.error("Gave up on task %s (%s) after %d failures: %s", attempt.path, attempt.pk, failed, text)
        return
    delay = min(FIRST_DELAY * 4 ** (failed - 1), LONGEST_DELAY)
    with transaction.atomic():
        row.update(failed=failed, error=text)
        _push(attempt.pk, attempt.path, arguments, delay=delay)
    log.warning("Task %s (%s) failed; again in %s: %s", attempt.path, attempt.pk, delay, text)


def sweep() -> None:
    """Forget the attempts of finished tasks after a week, of given-up ones after three months."""
    now = clock.now()
    TaskAttempt.objects.filter(done_at__lt=now - KEEP_DONE).delete()
    TaskAttempt.objects.filter(last_at__lt=now - KEEP_GIVEN_UP).delete()


# -- periodic jobs ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Periodic:
    """A job the worker repeats: a unique `name`, the dotted path of a task without arguments, how often."""

    name: str
    task: str
    every: timedelta


def enqueue_due(jobs: Sequence[Periodic]) -> list[str]:
    """Queue every job that is due by the site's clock, once, however many periods were missed.

    Of several workers exactly one queues it: the winner of the conditional write. Returns the names queued.
    """
    now = clock.now()
    last = dict(PeriodicRun.objects.values_list("name", "last_at"))
    return [job.name for job in jobs if _is_due(job, last.get(job.name), now) and _claim(job, last.get(job.name))]


def _is_due(job: Periodic, last_at: Any, now: Any) -> bool:
    return last_at is None or now - last_at >= job.every


def _claim(job: Periodic, last_at: Any) -> bool:
    with transaction.atomic():
        if last_at is None:
            _, won = PeriodicRun.objects.get_or_create(name=job.name, defaults={"last_at": clock.now()})
        else:
            row = PeriodicRun.objects.filter(name=job.name, last_at=last_at)
            won = row.update(last_at=clock.now()) == 1
        if won:
            import_string(job.task).enqueue()
    return won


# -- the worker -------------------------------------------------------------------------------------------


def work(jobs: Sequence[Periodic]) -> None:
    """Run queued tasks and periodic jobs until SIGTERM or SIGINT; what `manage.py worker` calls.

    django-q2's own schedule is not used: it looks every 30 s, at real time, not at the site's clock.
    """
    from django_q.cluster import Cluster  # starts reading the environment of processes

    _separate_connections()
    cluster = Cluster()
    cluster.start()
    while cluster.is_running and cluster.sentinel.is_alive():
        try:
            enqueue_due(jobs)
        except Exception:
            log.exception("Could not queue the periodic jobs; trying again.")
            connections.close_all()
        time.sleep(TICK_SECONDS)


def _separate_connections() -> None:
    """The cluster forks: a pooled or open connection would be shared between processes and break in all."""
    for alias in connections:
        settings.DATABASES[alias].get("OPTIONS", {}).pop("pool", None)
        connections[alias].settings_dict.get("OPTIONS", {}).pop("pool", None)
    connections.close_all()


def waiting() -> int:
    """How many tasks wait for a worker."""
    return int(get_broker().queue_size())


def work_off(*, raise_failures: bool = True) -> int:
    """Take what is queued off the broker and run it in this process, until nothing is ready; returns how many.

    Args:
        raise_failures: let a task's exception through (it is counted and put back all the same).
    """
    broker = get_broker()
    count = 0
    while broker.queue_size():
        for ack_id, payload in broker.dequeue() or []:
            error = _execute(*SignedPackage.loads(payload)["args"])
            broker.acknowledge(ack_id)
            count += 1
            if error is not None and raise_failures:
                raise error
    return count
