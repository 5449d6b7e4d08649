"""The floor's own tasks, one line each."""

from __future__ import annotations

from django.contrib.sessions.backends.db import SessionStore
from django.tasks import task

from indexsite import limits, task_backend


@task()
def sweep_tasks() -> None:
    task_backend.sweep()


@task()
def sweep_limits() -> None:
    limits.sweep()


@task()
def sweep_sessions() -> None:
    SessionStore.clear_expired()
