"""What every page of a signed-in owner shows while somebody asks for the account; and lengths of time in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import template

from accounts.models import User
from recovery import queries_owner

register = template.Library()


@register.inclusion_tag("recovery/banner.html")
def recovery_banner(user: User) -> dict[str, Any]:
    """The banner of open cases; asked for only where the account's own row says that there is one."""
    return {"cases": queries_owner.announced(user)}


@register.filter
def span(length: timedelta | None) -> str:
    """A measured length of time, as exactly as people want it."""
    if length is None:
        return "none"
    minutes = length.total_seconds() / 60
    if minutes < 2:
        return f"{length.total_seconds():.0f} s"
    if minutes < 120:
        return f"{minutes:.0f} min"
    if minutes < 48 * 60:
        return f"{minutes / 60:.1f} h"
    return f"{minutes / 1440:.1f} days"
