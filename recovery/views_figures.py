"""What is said about recoveries in general: policy and waiting times for everybody, figures for the staff."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from accounts.pages import show
from indexsite import clock
from indexsite.admin_site import console_page
from indexsite.http import public
from indexsite.policies import Action
from recovery import policy_words, queries_prepared, queries_public
from recovery.assurance_policy import POLICY
from recovery.queries_deciders import HASTY
from recovery.queries_figures import AGE_BANDS, WINDOW
from recovery.queries_public import FEW, PublicFigures

PUBLIC_LIFE = timedelta(minutes=10)


@require_safe
@public("how accounts are recovered is no secret, and whoever needs it cannot sign in")
def policy(request: HttpRequest) -> HttpResponse:
    """The rules in plain words, and how long it takes at present."""
    words = policy_words.in_words(POLICY)
    return render(
        request, "recovery/policy.html", {"policy": words, "figures": _figures(), "few": FEW, "days": WINDOW.days}
    )


@require_safe
@public("the same for programs")
def policy_json(request: HttpRequest) -> JsonResponse:
    """Lengths of time in seconds; null where too few cases are behind a figure."""
    figures = _figures()
    told = {field.name: _plain(getattr(figures, field.name)) for field in fields(PublicFigures)}
    response = JsonResponse({"policy": policy_words.as_json(POLICY), "figures": told | {"days": WINDOW.days}})
    patch_cache_control(response, public=True, max_age=int(PUBLIC_LIFE.total_seconds()))
    return response


def _figures() -> PublicFigures:
    """Counted every ten minutes at most: many may look, most of all when something has happened."""
    found: PublicFigures | None = cache.get("recovery-figures")
    if found is None:
        found = queries_public.public_figures(clock.now())
        cache.set("recovery-figures", found, PUBLIC_LIFE.total_seconds())
    return found


def _plain(value: object) -> object:
    match value:
        case timedelta():
            return int(value.total_seconds())
        case datetime():
            return value.isoformat(timespec="seconds")
    return value


@console_page(Action.CASE_VIEW)
def figures(request: HttpRequest) -> HttpResponse:
    """How the desk does: read-only."""
    at, counted = queries_prepared.figures(clock.now())
    return show(
        request,
        "recovery/figures.html",
        title="Figures",
        at=at,
        days=WINDOW.days,
        bands=[*(name for name, _ in AGE_BANDS), "older"],
        hasty_seconds=int(HASTY.total_seconds()),
        **counted,
    )
