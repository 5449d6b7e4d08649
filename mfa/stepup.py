"""Step-up: a page or act that needs a recent proof of presence sends the person to give one, and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.redirects import came_from, with_next
from indexsite.http import actor_of
from indexsite.policies import recent_step_up


def step_up_required[**P](
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Let the view run only with a recent proof; the action behind it insists on its own.

    A form sent too late is not replayed: the person comes back to the page it was on.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        actor = actor_of(request)
        if actor.user is None:
            return redirect(with_next(reverse("account_login"), came_from(request)))
        if recent_step_up(actor, None) is not None:
            return redirect(with_next(reverse("second_factor"), came_from(request)))
        return view(request, *args, **kwargs)

    return guarded
