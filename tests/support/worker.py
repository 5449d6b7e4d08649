"""The worker, in this process: takes tasks off the real queue and runs them."""

from __future__ import annotations

from indexsite import task_backend


def run_queued(*, raise_failures: bool = True) -> int:
    """Run everything that is queued, and what that queues; returns how many tasks ran.

    A task's exception is raised here, so that a test sees it, unless `raise_failures` is off.
    """
    return task_backend.work_off(raise_failures=raise_failures)
