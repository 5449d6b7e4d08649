"""Reasons that people give for an act: one printable line of bounded length, fit to be shown to the world."""

from __future__ import annotations

import unicodedata

from indexsite.errors import InvalidInput

MAX_REASON = 500


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

    def __init__(self) -> None:
        super().__init__(f"Give the reason in at most {MAX_REASON} characters.")


def clean(text: str, *, is_needed: bool = False) -> str:
    """The text as one line: no control characters, none that turn or hide others, white space as single blanks.

    Raises:
        ReasonMissing: nothing is left, and `is_needed`.
        ReasonTooLong: more than `MAX_REASON` characters are left.
    """
    # Categories C*: controls, and the format characters that reverse a line or join nothing (UAX #9, UTR #36).
    visible = "".join(" " if char.isspace() else char for char in text)
    visible = "".join(char for char in visible if not unicodedata.category(char).startswith("C"))
    line = " ".join(unicodedata.normalize("NFC", visible).split())
    if len(line) > MAX_REASON:
        raise ReasonTooLong
    if is_needed and not line:
        raise ReasonMissing
    return line
