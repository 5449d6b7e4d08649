"""Facts about people, asked once while a page with many controls is shown. Pure, and off elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

# What a page has asked of the database about people, while it is being shown; None where nothing is remembered.
_ASKED: ContextVar[dict[Any, Any] | None] = ContextVar("asked", default=None)


@contextmanager
def asking_once() -> Iterator[None]:
    """Let a page that only shows ask each fact about a person once, however many of its controls depend on it.

    Never around an act: what it changes would not be seen by what it asks next.
    """
    token = _ASKED.set({})
    try:
        yield
    finally:
        _ASKED.reset(token)


def ask[**P, R](question: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The answer, remembered inside of `asking_once`; else asked for anew."""
    asked = _ASKED.get()
    if asked is None:
        return question(*args, **kwargs)
    key = (question, *args)
    if key not in asked:
        asked[key] = question(*args, **kwargs)
    found: R = asked[key]
    return found


def is_on() -> bool:
    """Whether answers are remembered now."""
    return _ASKED.get() is not None
