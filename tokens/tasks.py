"""Background work on tokens, one line each."""

from __future__ import annotations

from django.tasks import task

from indexsite import clock
from tokens.actions import remind


@task()
def remind_of_ends() -> None:
    remind.remind_of_ends(at=clock.now())
