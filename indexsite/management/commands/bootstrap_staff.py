"""`manage.py bootstrap_staff`: the first two of the staff."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.actions import staff
from indexsite import clock
from indexsite.errors import DomainError


class Command(BaseCommand):
    """Gives two accounts the security role. They propose and confirm everybody else in the console."""

    help = "Make two accounts, which have signed up and added a security key, the first staff. Works once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("usernames", nargs=staff.FOUNDERS, metavar="USERNAME", help="an account's user name")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            users = staff.found(usernames=options["usernames"], at=clock.now())
        except DomainError as error:
            raise CommandError(error.sentence) from error
        names = " and ".join(user.username for user in users)
        self.stdout.write(
            f"{names} have the staff role security. Sign in and open /admin/staff/ to propose and confirm others."
        )
