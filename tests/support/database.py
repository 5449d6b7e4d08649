"""All that the database holds, in a form that compares."""

from __future__ import annotations

import hashlib

from django.apps import apps
from django.db.models import Model

# What looking changes: who is here, when they were last seen, and how often something was tried.
_LOOKING = {"sessions.Session", "usersessions.UserSession", "indexsite.RateBucket"}


def contents() -> dict[str, tuple[int, str]]:
    """For each table, how many rows it has, and a digest of them."""
    return {model._meta.label: _contents(model) for model in apps.get_models(include_auto_created=True)}


def changed_since(before: dict[str, tuple[int, str]]) -> set[str]:
    """Tables that are no longer as they were; those aside that every visit changes."""
    return {label for label, found in contents().items() if found != before[label]} - _LOOKING


def _contents(model: type[Model]) -> tuple[int, str]:
    rows = sorted(map(repr, model._base_manager.order_by().values_list()))
    return len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()
