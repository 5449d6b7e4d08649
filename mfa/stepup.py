"""Step-up: a page or act that needs a recent proof of presence sends the person to give one, and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.redirects import came_from, with_next
from indexsite.http import DeclaredPolicy, actor_of, way_back
from indexsite.policies import proof_for, recent_step_up


def step_up_required[**P](
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Let the view run only with the proof that its declared action asks for; the action insists on its own.

    A form sent too late is kept and offered again (`indexsite.pending_forms`).
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        actor = actor_of(request)
        if actor.user is None:
            return redirect(with_next(reverse("account_login"), came_from(request)))
        policy: DeclaredPolicy | None = getattr(guarded, "policy", None)
        proof = proof_for(policy.action) if policy is not None and policy.action is not None else recent_step_up
        if proof(actor, None) is not None:
            return redirect(with_next(reverse("second_factor"), way_back(request)))
        return view(request, *args, **kwargs)

    return guarded
