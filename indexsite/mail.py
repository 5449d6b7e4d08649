"""Letters: `templates/email/<name>/{subject.txt,body.txt,body.html}`, queued in the caller's transaction.

A letter is rendered when it is queued: it says what was true at the act, and a broken template stops the act
in front of its author instead of silently stopping the mail. The worker only delivers.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, EmailMultiAlternatives, make_msgid
from django.core.mail.backends.base import BaseEmailBackend
from django.core.validators import validate_email
from django.tasks import Task, task
from django.template import Context
from django.template.loader import get_template


def queue(
    name: str,
    *,
    to: list[str],
    context: dict[str, Any],
    through: Task[Any, Any] | None = None,
    **extra: Any,
) -> None:
    """Queue one letter to each address; it leaves when the surrounding transaction commits.

    Args:
        name: a folder below `templates/email/`.
        to: addresses; each gets a letter of its own.
        context: values for the templates (`site_url` and `site_name` are added). Links in templates are
            `{{ site_url }}{% url … %}`.
        through: a task that takes what `deliver` takes, and `extra`: for letters whose departure matters.

    Raises:
        ValueError: an address that cannot be one, which includes every attempt to smuggle in a header.
    """
    values = {"site_url": settings.SITE_URL, "site_name": settings.SITE_NAME, **context}
    # A line break in the subject would be a new header; whoever chose a name may not choose headers.
    subject = " ".join(_plain(f"email/{name}/subject.txt", values).split())
    text = _plain(f"email/{name}/body.txt", values).strip() + "\n"
    html = get_template(f"email/{name}/body.html").render(values)
    for address in to:
        _insist_on_address(address)
    for address in to:
        message_id = make_msgid(domain=settings.ENV.site_host)
        letter = {"to": address, "subject": subject, "text": text, "html": html, "message_id": message_id}
        (through or deliver).enqueue(**letter, **extra)


@task()
def deliver(*, to: str, subject: str, text: str, html: str, message_id: str) -> None:
    """Hand one letter to the mailer; an exception puts it back on the queue."""
    letter = EmailMultiAlternatives(
        subject=subject,
        body=text,
        to=[to],
        headers={
            # The same on every try, so that a letter sent twice shows once.
            "Message-ID": message_id,
            # Out-of-office replies to automatic letters help nobody (RFC 3834).
            "Auto-Submitted": "auto-generated",
        },
    )
    letter.attach_alternative(html, "text/html")
    letter.send()


def _plain(template_name: str, values: dict[str, Any]) -> str:
    """Render without HTML escaping: `O'Brien` is not `O&#x27;Brien` in plain text."""
    template: Any = get_template(template_name)
    return str(template.template.render(Context(values, autoescape=False)))


def _insist_on_address(address: str) -> None:
    try:
        validate_email(address)
        Address(addr_spec=address)
    except (ValidationError, ValueError, IndexError) as error:
        raise ValueError(f"{address!r} is not an e-mail address.") from error


# No line of text is broken or encoded, so that a link can be copied straight out of the file.
_READABLE = policy.default.clone(cte_type="8bit", max_line_length=998)


class FileMailer(BaseEmailBackend):
    """Writes one `.eml` per recipient into a directory; names sort in time order; a file appears whole."""

    def __init__(self, *, directory: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.directory = Path(directory)

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        self.directory.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            content = message.message(policy=_READABLE).as_bytes()
            for _recipient in message.recipients():
                self._write(content)
        return len(email_messages)

    def _write(self, content: bytes) -> None:
        now = time.time_ns()
        stamp = datetime.fromtimestamp(now // 10**9, UTC).strftime("%Y%m%dT%H%M%S")
        name = f"{stamp}.{now % 10**9:09d}-{secrets.token_hex(4)}"
        draft = self.directory / f".{name}.part"
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self.directory / f"{name}.eml")
