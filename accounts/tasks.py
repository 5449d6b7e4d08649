"""Background work around accounts."""

from __future__ import annotations

from django.tasks import task

from accounts.actions import passwords
from indexsite.actors import Actor


@task()
def answer_reset_request(*, email: str, address: str, client: str) -> None:
    """Answer a request for a reset link. Done here, so that the page takes as long for an unknown address."""
    passwords.ask_for_reset(actor=Actor(user=None, address=address, client=client), email=email)
