"""The two answers of a policy. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Allowed:
    """The act may go on."""

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True)
class Denied:
    """The act may not go on: a stable `code`, a `sentence` that helps (ASCII), a help page."""

    code: str
    sentence: str
    help_path: str = ""

    def __bool__(self) -> bool:
        return False
