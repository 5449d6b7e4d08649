"""The staff console at /admin/: staff only, from their networks, with a second factor proven just now.

A site of its own and not Django's default one: what other packages register there (addresses, devices, queued
tasks) would be side doors. It has no pages over tables: each is a page of ours that shows what a role is for, and
each act of the staff is one that calls one action.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import update_wrapper, wraps
from typing import Any, override

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, re_path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from indexsite import auditing, rooms
from indexsite.asked_once import asking_once
from indexsite.errors import NotFound
from indexsite.http import actor_of, enforces, is_staff_network, public
from indexsite.policies import Action, may, require


class StaffSite(admin.AdminSite):
    """Django's admin behind our own door: it has no sign-in form and changes no password."""

    def has_permission(self, request: HttpRequest) -> bool:
        return is_staff_network(request) and bool(may(actor_of(request), Action.CONSOLE_ENTER))

    @override
    def get_urls(self) -> list[Any]:
        """The door and the hall; the rooms bring their own addresses. What Django has beside is not served."""
        return [
            path("", self.admin_view(self.index), name="index"),
            path("login/", self.login, name="login"),
            path("logout/", self.logout, name="logout"),
            path("password_change/", self.password_change, name="password_change"),
            re_path(r"(?P<url>.*)$", self.admin_view(self.nothing)),
        ]

    @method_decorator(never_cache)
    @enforces(Action.CONSOLE_ENTER)
    def index(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # type: ignore[override]
        """What there is to do, to each what their role is for."""
        open_rooms = rooms.open_to(request)
        return render(
            request,
            "console/start.html",
            {"title": "Staff console", "rooms": open_rooms, "trail": auditing.last_check()},
        )

    @enforces(Action.CONSOLE_ENTER)
    def nothing(self, request: HttpRequest, url: str) -> HttpResponse:
        """Whatever else is asked for inside the door."""
        raise NotFound("There is nothing at this address.")

    @override
    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        guarded = super().admin_view(view, cacheable)

        def insist(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not is_staff_network(request):
                raise NotFound("There is nothing at this address.")  # not even that there is a console
            # What only shows may ask each fact once; an act asks anew.
            with nullcontext() if request.method == "POST" else asking_once():
                # Refusals a person can lift lead to the sign-in or step-up page, and back here.
                require(actor_of(request), Action.CONSOLE_ENTER)
                return guarded(request, *args, **kwargs)

        return update_wrapper(insist, view)

    @public("shows nothing: it leads to the one sign-in page of the site")
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:index")

    @public("shows nothing: it leads to the one sign-out page of the site")
    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # type: ignore[override]
        return redirect("account_logout")

    @public("shows nothing: it leads to the one password page of the site")
    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # type: ignore[override]
        return redirect("account_password")


site = StaffSite(name="admin")


def console_page(action: Action, *, asks_itself: bool = False) -> Callable[[Callable[..., HttpResponseBase]], Any]:
    """A workflow page inside the console's door: staff, their network, a factor proved just now.

    The policy is asked before anything is looked up, so that other staff do not learn what there is; the action
    asks again.

    Args:
        asks_itself: the policy cannot be asked without the thing it is about; the view looks that up and asks.
    """

    def decorate(view: Callable[..., HttpResponseBase]) -> Any:
        @wraps(view)
        def opened(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            if not asks_itself:
                require(actor_of(request), action)
            return view(request, **kwargs)

        return site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(enforces(action)(opened)))

    return decorate
