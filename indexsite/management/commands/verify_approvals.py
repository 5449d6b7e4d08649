"""`manage.py verify_approvals`: does this file prove what it says? It asks no database."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from releases.evidence import faults_of


class Command(BaseCommand):
    """Prints a line for each statement that holds and for each fault, and exits with 1 if there is a fault."""

    help = "Check a file of approvals: statements, challenges, signatures and digests. Needs no database."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="as a draft's page or export_approvals gives it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            content = options["file"].read_bytes()
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        shown, faults = faults_of(content)
        for line in shown:
            self.stdout.write(line)
        for fault in faults:
            self.stdout.write(f"FAULT: {fault}")
        if faults:
            sys.exit(1)
        self.stdout.write(f"{len(shown)} statement(s) hold. Compare their evidence with the audit trail.")
