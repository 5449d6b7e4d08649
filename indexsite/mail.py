"""Letters: templates/email/<name>/{subject.txt,body.txt,body.html}, queued in the caller's transaction."""

from __future__ import annotations

from typing import Any


def queue(name: str, *, to: list[str], context: dict[str, Any]) -> None:
    """Queue one letter to each address; it leaves when the surrounding transaction commits.

    Args:
        name: a folder below `templates/email/`.
        to: addresses; each gets a letter of its own.
        context: JSON-ready values for the templates (`site_url` and `site_name` are added).
    """
    raise NotImplementedError  # floor helper: replace before merging
