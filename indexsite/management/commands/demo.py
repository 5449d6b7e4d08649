"""`manage.py demo`: demo data, and the demo's clock."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django_otp.oath import totp

from indexsite import clock
from indexsite.management.demo import site
from indexsite.management.demo.cast import CAST, EXAMPLES
from indexsite.management.demo.derived import Secrets

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str) -> timedelta:
    """7d, 36h, 90m, 30s, 2w: a positive amount of time."""
    match = re.fullmatch(r"([1-9]\d{0,4})([smhdw])", text)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is not a duration such as 7d, 36h or 90m")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


class Command(BaseCommand):
    """Creates what is missing, then does what was asked."""

    help = "Create the demo data if missing (DEBUG=1 or DEMO=1, empty or demo database only)."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        asked = parser.add_mutually_exclusive_group()
        asked.add_argument("--json", action="store_true", help="print the demo data as one JSON object")
        asked.add_argument("--advance", type=duration, metavar="7d", help="move the site's clock forward")
        asked.add_argument("--totp", metavar="NAME", help="print the code that NAME's authenticator shows now")
        parser.add_argument(
            "--examples", type=Path, metavar="DIR", help="also write small distributions to try an upload with"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            derived = site.ensure()
        except site.NotADemo as error:
            raise CommandError(str(error)) from error
        if options["examples"] is not None:
            for package in EXAMPLES:
                package.write(options["examples"])
        if options["json"]:
            self.stdout.write(json.dumps(site.describe(derived), indent=2))
        elif options["advance"] is not None:
            clock.advance(options["advance"])
            self.stdout.write(f"The site's clock now shows {clock.now():%Y-%m-%d %H:%M:%S} UTC.")
        elif options["totp"] is not None:
            self.stdout.write(_code(options["totp"], derived))
        else:
            self.stdout.write("The demo data is in place; --json prints it.")


def _code(username: str, derived: Secrets) -> str:
    if not any(person.username == username and person.has_factors for person in CAST):
        raise CommandError(f"Nobody called {username!r} has an authenticator here.")
    return f"{totp(derived.totp(username)):06d}"
