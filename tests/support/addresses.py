"""Every address of the site, walked from the URLconf, and filled in with things to ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.urls import get_resolver

from indexsite.checks import policy_of, routes
from indexsite.http import MACHINE_PATHS

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")


@dataclass(frozen=True)
class Address:
    """One pattern of the URLconf: `manage/project/<str:name>/`."""

    route: str
    view: Callable[..., Any]

    @property
    def parameters(self) -> list[str]:
        return [name or grouped for name, grouped in _PARAMETER.findall(self.route)]

    @property
    def is_public(self) -> bool:
        """Whether people who are nobody here, or programs, get past the door."""
        policy = policy_of(self.view)
        return (policy is not None and policy.kind == "public") or f"/{self.route}".startswith(MACHINE_PATHS)

    def path(self, values: Mapping[str, object]) -> str:
        """With its parameters filled in.

        Raises:
            KeyError: it has a parameter that `values` does not know.
        """
        plain = self.route.replace("^", "").replace("$", "")
        return "/" + _PARAMETER.sub(lambda found: quote(str(values[found[1] or found[2]]), safe=""), plain)


def addresses() -> list[Address]:
    """All of them, in the order in which they are tried."""
    return [Address(route, view) for route, view in routes(get_resolver())]
