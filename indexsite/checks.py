"""System checks of our own: every address declares its policy, every action its rule, every letter its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.urls import URLPattern, URLResolver, get_resolver

from indexsite.http import DeclaredPolicy
from indexsite.policies import RULES, Action

# Views of others cannot carry our declaration: dotted name (and all below it) -> why they are safe as they are.
EXEMPT: dict[str, str] = {
    "django.contrib.admin": "StaffSite.has_permission guards every view of the console, the login included",
    "django.contrib.contenttypes": "the console's view-on-site link, wrapped by its admin_view",
    "django.views.generic.base.RedirectView": "shows nothing: it leads to another address, which declares its own",
    "django.contrib.staticfiles": "style sheets and scripts are public; mounted with DEBUG only",
}
LETTER_PARTS = ("subject.txt", "body.txt", "body.html")


@checks.register(checks.Tags.security)
def every_view_declares_its_policy(**kwargs: Any) -> list[checks.CheckMessage]:
    return [
        checks.Error(
            f"The view at /{route} ({_name(view)}) declares no policy.",
            hint="Decorate it with indexsite.http.public(reason) or enforces(Action.X).",
            id="indexsite.E001",
        )
        for route, view in routes(get_resolver())
        if policy_of(view) is None and exemption(view) is None
    ]


@checks.register(checks.Tags.security)
def every_action_has_a_rule(**kwargs: Any) -> list[checks.CheckMessage]:
    return [
        checks.Error(f"{action} has no row in policies.RULES, so nobody may do it.", id="indexsite.E002")
        for action in Action
        if not RULES.get(action)
    ]


@checks.register(checks.Tags.templates)
def every_letter_has_its_parts(**kwargs: Any) -> list[checks.CheckMessage]:
    folders = [folder for root in settings.TEMPLATES[0]["DIRS"] for folder in Path(root, "email").glob("*/")]
    return [
        checks.Error(f"The letter {folder.name} has no {part}.", id="indexsite.E003")
        for folder in sorted(folders)
        for part in LETTER_PARTS
        if not (folder / part).is_file()
    ]


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every address and its view."""
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route, pattern.callback
        else:
            yield from routes(pattern, route)


def policy_of(view: Callable[..., Any]) -> DeclaredPolicy | None:
    """What the view declares, on itself or, for class-based ones, on its class."""
    owner = getattr(view, "cls", None) or getattr(view, "view_class", None)
    policy = getattr(view, "policy", None) or getattr(owner, "policy", None)
    return policy if isinstance(policy, DeclaredPolicy) else None


def exemption(view: Callable[..., Any]) -> str | None:
    """Why the view need not declare anything."""
    return next((why for name, why in EXEMPT.items() if f"{_name(view)}.".startswith(f"{name}.")), None)


def _name(view: Callable[..., Any]) -> str:
    owner = getattr(view, "cls", None) or getattr(view, "view_class", None) or view
    return f"{owner.__module__}.{getattr(owner, '__qualname__', type(owner).__qualname__)}"
