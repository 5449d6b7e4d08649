"""`manage.py worker`: runs queued tasks and the schedule."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from indexsite import schedule, task_backend
from indexsite.management.commands.serve import refuse_unmigrated


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT."""

    help = "Run queued tasks and periodic jobs (background worker)."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_unmigrated()
        task_backend.work(schedule.JOBS)
