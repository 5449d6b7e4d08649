"""Template filters about the programs people use."""

from __future__ import annotations

from django import template

from accounts import programs

register = template.Library()


@register.filter
def program(user_agent: str | None) -> str:
    """The program behind a User-Agent header, in words."""
    return programs.describe(user_agent or "")
