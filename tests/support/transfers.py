"""Transfers through the pages, and the worker's turn at them."""

from __future__ import annotations

from datetime import datetime, timedelta

import time_machine

from accounts.models import User
from indexsite import clock
from releases.actions.transfers import carrying_out
from releases.models import Project, Transfer
from tests.support.people import browser
from tests.support.worker import run_queued


def offer(by: User, project: Project, to: str) -> Transfer:
    response = browser(by).post(
        f"/manage/project/{project.normalized_name}/transfer/", {"receiver": to, "typed": project.name}
    )
    assert response.status_code == 302, response.text
    return Transfer.objects.latest("pk")


def accept(by: User, transfer: Transfer) -> Transfer:
    response = browser(by).post(f"/manage/transfer/{transfer.pk}/accept/")
    assert response.status_code == 302, response.text
    transfer.refresh_from_db()
    return transfer


def later(hours: float = 72.1) -> datetime:
    return clock.now() + timedelta(hours=hours)


def worker_at(at: datetime, transfer: Transfer) -> str:
    """Let the worker look at all open transfers; returns what became of this one."""
    with time_machine.travel(at, tick=True):
        carrying_out.tend(at=clock.now())
        run_queued()  # letters queued in the future are delivered in the future
    transfer.refresh_from_db()
    return str(transfer.state)
