"""What the pages about a project's people have in common: who may open them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from packaging.utils import canonicalize_name

from accounts.redirects import with_next
from indexsite import clock, limits
from indexsite.http import actor_of, enforces, way_back
from indexsite.limits import Limit
from indexsite.policies import Action, Denied, may, require
from releases.actions.projects import find_project, open_project
from releases.models import Project

type _View = Callable[..., HttpResponse]


def people_page(action: Action, *, methods: tuple[str, ...] = ("GET", "HEAD", "POST")) -> Callable[[_View], Any]:
    """The view's project, for a member who may do `action`; strangers hear that there is none.

    The policy is asked before anything is shown or read. A form that comes too late for the last proof is kept
    in the session, not in the address, which logs and histories keep, and offered again once presence is proved.
    """

    def decorate(view: _View) -> Any:
        @wraps(view)
        def opened(request: HttpRequest, name: str, **kwargs: Any) -> HttpResponse:
            normalized = canonicalize_name(name)
            if normalized != name and request.method != "POST":
                return redirect(request.path.replace(f"/{name}/", f"/{normalized}/", 1))
            actor = actor_of(request)
            find = find_project if action == Action.ROLE_LEAVE else open_project
            project = find(actor=actor, name=normalized)
            verdict = may(actor, action, project)
            is_late = isinstance(verdict, Denied) and verdict.code == "step-up-needed"
            # A button without a page of its own leads back to the page it is on, as everywhere.
            if is_late and request.method == "POST" and "GET" in methods:
                return redirect(with_next(reverse("second_factor"), way_back(request)))
            require(actor, action, project)
            if request.method == "POST":
                limits.consume(Limit.CHANGE_USER, str(actor.person.pk), at=clock.now())
            return view(request, project, **kwargs)

        return never_cache(require_http_methods(methods)(enforces(action)(opened)))

    return decorate


def people_url(project: Project) -> str:
    return reverse("manage_people", args=[project.normalized_name])
