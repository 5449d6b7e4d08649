"""Reading the letters that a test has caused."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path

from tests.support.worker import run_queued


def delivered(mail_dir: Path) -> list[EmailMessage]:
    """Every letter, in time order; runs the queue first."""
    run_queued()
    return [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in sorted(mail_dir.glob("*.eml"))
    ]


def said(letter: EmailMessage) -> str:
    """The letter's plain text."""
    part = letter.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
