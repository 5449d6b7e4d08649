"""Step-up: a page or act that needs a recent proof of presence sends the person to give one, and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.redirects import NEXT, came_from, with_next
from indexsite.http import DeclaredPolicy, actor_of, way_back
from indexsite.policies import proof_for, recent_step_up
from indexsite.presence import recent_old_factor
from indexsite.requirements import Requirement

# In the address of the page that asks: the act takes the app's code of whoever has a key, too.
ANY_FACTOR = "any"


def step_up_address(proof: Requirement, next_url: str) -> str:
    """Where to send whoever owes `proof`."""
    asked = {ANY_FACTOR: "1"} if proof is recent_old_factor else {}
    return f"{reverse('second_factor')}?{urlencode({**asked, NEXT: next_url})}"


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
            return redirect(step_up_address(proof, way_back(request)))
        return view(request, *args, **kwargs)

    return guarded
