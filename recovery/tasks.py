"""Background work on recoveries, one line each."""

from __future__ import annotations

from django.tasks import task

from indexsite import clock
from recovery.actions import counting, executing, forgetting


@task()
def tend_recoveries() -> None:
    executing.tend(at=clock.now())


@task()
def forget_recoveries() -> None:
    forgetting.forget_old(at=clock.now())


@task()
def count_figures() -> None:
    counting.keep_figures(at=clock.now())
