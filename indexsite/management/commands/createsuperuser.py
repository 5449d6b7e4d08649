"""`manage.py createsuperuser`: Django's own, taken away."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """One person alone cannot make staff here, and a superuser would have no right in the console anyway."""

    help = "Not used here: see bootstrap_staff."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        super().run_from_argv(argv[:2])  # with whatever options Django's own takes: the answer is the same

    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError(
            "Staff are made by two: let two people sign up, then run manage.py bootstrap_staff with their names."
        )
