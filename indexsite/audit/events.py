"""What an audit event is, and the list of all kinds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from accounts.models import User

VOCABULARY: dict[str, type[Event]] = {}


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events; subclasses are registered by `name`.

    `by_staff`: done for the site; those it concerns read what was done and why, not who of the staff it was.
    """

    name: ClassVar[str]
    sentence: ClassVar[str]
    by_staff: ClassVar[bool] = False
    about: User | None = None
    project: str = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        VOCABULARY[cls.name] = cls

    def data(self) -> dict[str, Any]:
        """The event's own fields, JSON-ready."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in {"about", "project"}}
