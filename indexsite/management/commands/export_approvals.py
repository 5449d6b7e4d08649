"""`manage.py export_approvals`: what was signed about a draft, as a file for `verify_approvals`."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from releases.evidence import evidence_file
from releases.models import Draft


class Command(BaseCommand):
    """Writes the file to standard output."""

    help = "Print what people have signed about a draft, with all that proves it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("draft", type=uuid.UUID, help="the id in the address of its page")

    def handle(self, *args: Any, **options: Any) -> None:
        draft = Draft.objects.filter(public_id=options["draft"]).first()
        if draft is None:
            raise CommandError("There is no such draft, or it is no longer kept.")
        self.stdout.write(evidence_file(draft).decode(), ending="")
