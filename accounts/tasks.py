"""Background work on accounts, one line each."""

from __future__ import annotations

from django.tasks import task

from accounts.actions import devices, new_places, staff
from indexsite import clock


@task()
def tend_staff_changes() -> None:
    staff.tend(at=clock.now())


@task()
def sweep_sign_ins() -> None:
    new_places.sweep(at=clock.now())
    devices.sweep(at=clock.now())
