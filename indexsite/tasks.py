"""The floor's own tasks, one line each."""

from __future__ import annotations

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.tasks import task

from indexsite import audit_seal, auditing, clock, limits, mail, task_backend


@task()
def seal_audit() -> None:
    audit_seal.seal(at=clock.now())


@task()
def seal_late_audit() -> None:
    audit_seal.seal(at=clock.now(), late=True)


@task()
def check_audit() -> None:
    auditing.check(at=clock.now())


@task()
def mail_audit_head() -> None:
    batch = audit_seal.newest_head()
    if batch is not None and settings.ENV.audit_heads_to:
        mail.queue("audit-head", to=list(settings.ENV.audit_heads_to), context={"batch": batch})


@task()
def sweep_tasks() -> None:
    task_backend.sweep()


@task()
def sweep_limits() -> None:
    limits.sweep()


@task()
def sweep_sessions() -> None:
    SessionStore.clear_expired()
