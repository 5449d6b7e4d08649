"""`manage.py verify_audit`: is the audit trail what was sealed?"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from indexsite import audit_seal


class Command(BaseCommand):
    """Prints one sentence per finding and exits with 1 if there is one."""

    help = "Check the audit trail against its seals and, better, against heads that left the database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--head", action="append", default=[], metavar="HEX", help="a head exported earlier; repeatable"
        )
        parser.add_argument(
            "--heads-file", type=Path, help="a file of exported heads, such as a safe copy of var/audit-heads.log"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        heads = [*options["head"], *self._read(options["heads_file"])]
        found = 0
        for sentence in audit_seal.findings(heads=heads):
            self.stdout.write(sentence)
            found += 1
        if found:
            sys.exit(1)
        compared = f", and {len(heads)} exported head(s) are in the chain" if heads else ""
        newest = audit_seal.newest_head()
        self.stdout.write(f"All {newest.number if newest else 0} batches are as they were sealed{compared}.")

    def _read(self, path: Path | None) -> list[str]:
        if path is None:
            return []
        try:
            return [json.loads(line)["head"] for line in path.read_text().splitlines() if line.strip()]
        except (OSError, ValueError, KeyError) as error:
            raise CommandError(f"{path} is not a file of exported heads: {error}.") from error
