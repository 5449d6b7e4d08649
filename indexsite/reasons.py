"""Reasons that people give for an act: one printable line of bounded length, fit to be shown to the world.

And what they write to one another, which may have several lines.
"""

from __future__ import annotations

import unicodedata

from indexsite.errors import InvalidInput

MAX_REASON = 500
MAX_MESSAGE = 4000


class ReasonMissing(InvalidInput):
    """The act needs a reason."""

    code = "reason-missing"
    field = "reason"

    def __init__(self) -> None:
        super().__init__("Give a reason.")


class ReasonTooLong(InvalidInput):
    """It is longer than its column."""

    code = "reason-too-long"
    field = "reason"

    def __init__(self, longest: int = MAX_REASON) -> None:
        super().__init__(f"Write it in at most {longest} characters.")


def clean(text: str, *, is_needed: bool = False) -> str:
    """The text as one line: no control characters, none that turn or hide others, white space as single blanks.

    Raises:
        ReasonMissing: nothing is left, and `is_needed`.
        ReasonTooLong: more than `MAX_REASON` characters are left.
    """
    line = one_line(text)
    if len(line) > MAX_REASON:
        raise ReasonTooLong
    if is_needed and not line:
        raise ReasonMissing
    return line


def one_line(text: str) -> str:
    """As `clean`, of any length."""
    # Categories C*: controls, and the format characters that reverse a line or join nothing (UAX #9, UTR #36).
    visible = "".join(" " if char.isspace() else char for char in text)
    visible = "".join(char for char in visible if not unicodedata.category(char).startswith("C"))
    return " ".join(unicodedata.normalize("NFC", visible).split())


def clean_message(text: str) -> str:
    """A text of several lines, each as `clean` makes it; no more than one empty line between two.

    Raises:
        ReasonMissing: nothing is left.
        ReasonTooLong: more than `MAX_MESSAGE` characters are left.
    """
    lines: list[str] = []
    for each in text.splitlines():
        line = one_line(each)
        if line or (lines and lines[-1]):
            lines.append(line)
    message = "\n".join(lines).rstrip()
    if len(message) > MAX_MESSAGE:
        raise ReasonTooLong(MAX_MESSAGE)
    if not message:
        raise ReasonMissing
    return message
