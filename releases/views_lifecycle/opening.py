"""What the pages of acts have in common: who may open them, and what they are about."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods
from packaging.utils import canonicalize_name

from indexsite import clock, limits
from indexsite.http import View, actor_of, enforces
from indexsite.limits import Limit
from indexsite.policies import Action, require
from releases.actions.projects import open_project
from releases.models import Project


def act_page[**P](
    action: Action,
) -> Callable[[Callable[Concatenate[HttpRequest, Project, P], HttpResponse]], View]:
    """The view's project, opened for a member who may do `action`; strangers hear that there is none.

    The policy is asked before anything is shown, so that nobody types a reason in vain.
    """

    def decorate(
        view: Callable[Concatenate[HttpRequest, Project, P], HttpResponse],
    ) -> View:
        @wraps(view)
        def opened(request: HttpRequest, /, name: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            actor = actor_of(request)
            project = open_project(actor=actor, name=canonicalize_name(name))
            require(actor, action, project)
            if request.method == "POST":
                limits.consume(Limit.CHANGE_USER, str(actor.person.pk), at=clock.now())
            return view(request, project, *args, **kwargs)

        return require_http_methods(["GET", "HEAD", "POST"])(enforces(action)(opened))

    return decorate
