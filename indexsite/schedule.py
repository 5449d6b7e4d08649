"""Every periodic job of the site, one table. The worker queues what is due by the site's clock."""

from __future__ import annotations

from datetime import timedelta

from indexsite.task_backend import Periodic

JOBS: tuple[Periodic, ...] = (
    Periodic("limits-sweep", "indexsite.tasks.sweep_limits", timedelta(hours=1)),
    Periodic("tasks-sweep", "indexsite.tasks.sweep_tasks", timedelta(days=1)),
    Periodic("sessions-sweep", "indexsite.tasks.sweep_sessions", timedelta(days=1)),
)
