"""Template filters about the programs people use, and from where."""

from __future__ import annotations

from django import template

from accounts import places, programs

register = template.Library()


@register.filter
def place(address: str | None) -> str:
    """Where a network address is, coarsely."""
    return places.coarse(address or "")


@register.filter
def with_place(address: str | None) -> str:
    """The address itself, with its place where that is known."""
    return places.with_place(address or "")


@register.filter
def program(user_agent: str | None) -> str:
    """The program behind a User-Agent header, in words."""
    return programs.describe(user_agent or "")
