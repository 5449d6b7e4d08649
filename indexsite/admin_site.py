"""The staff console at /admin/: staff only, from their networks, with a second factor proven just now.

A site of its own and not Django's default one: what other packages register there (addresses, devices, queued
tasks) would be side doors. Nothing here changes state; staff acts are workflow pages that call one action each.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper, wraps
from typing import TYPE_CHECKING, Any, override

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from accounts.models import User
from indexsite import audit
from indexsite.audit import safety
from indexsite.errors import NotFound
from indexsite.http import actor_of, enforces, is_staff_network, public
from indexsite.models import AuditEvent
from indexsite.policies import Action, may, require

if TYPE_CHECKING:

    class _ModelAdmin(admin.ModelAdmin[Any]): ...
else:
    _ModelAdmin = admin.ModelAdmin  # Django's own is no generic class


class StaffSite(admin.AdminSite):
    """Django's admin behind our own door: it has no sign-in form and changes no password."""

    site_header = site_title = "Staff console"
    index_title = "Staff console"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        return is_staff_network(request) and bool(may(actor_of(request), Action.CONSOLE_ENTER))

    @override
    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        guarded = super().admin_view(view, cacheable)

        def insist(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if not is_staff_network(request):
                raise NotFound("There is nothing at this address.")  # not even that there is a console
            # Refusals a person can lift lead to the sign-in or step-up page, and back here.
            require(actor_of(request), Action.CONSOLE_ENTER)
            return guarded(request, *args, **kwargs)

        return update_wrapper(insist, view)

    @public("shows nothing: it leads to the one sign-in page of the site")
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # type: ignore[override]
        return redirect("admin:index")

    @public("shows nothing: it leads to the one sign-out page of the site")
    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # type: ignore[override]
        return redirect("account_logout")

    @public("shows nothing: it leads to the one password page of the site")
    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # type: ignore[override]
        return redirect("account_password")


class ReadOnlyAdmin(_ModelAdmin):
    """Rows that staff with the view permission may read, and nobody may change here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


site = StaffSite(name="admin")


def console_page(action: Action, *, asks_itself: bool = False) -> Callable[[Callable[..., HttpResponse]], Any]:
    """A workflow page inside the console's door: staff, their network, a factor proved just now.

    The policy is asked before anything is looked up, so that other staff do not learn what there is; the action
    asks again.

    Args:
        asks_itself: the policy cannot be asked without the thing it is about; the view looks that up and asks.
    """

    def decorate(view: Callable[..., HttpResponse]) -> Any:
        @wraps(view)
        def opened(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if not asks_itself:
                require(actor_of(request), action)
            return view(request, **kwargs)

        return site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(enforces(action)(opened)))

    return decorate


@admin.register(AuditEvent, site=site)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "name", "actor_label", "credential_label", "about_label", "project", "address")
    list_filter = ("name",)
    search_fields = ("actor_label", "about_label", "project", "address")
    date_hierarchy = "at"
    list_select_related = False
    show_full_result_count = False
    list_per_page = 100

    @enforces(Action.CONSOLE_ENTER)
    def change_view(self, request: HttpRequest, object_id: str, *args: Any) -> HttpResponse:  # type: ignore[override]
        response = super().change_view(request, object_id, *args)
        if request.method == "GET" and response.status_code == 200:
            row = AuditEvent.objects.select_related("about").get(pk=object_id)
            if row.about is not None:
                _note_view(request, row.about, f"the event {row.name}")
        return response

    @enforces(Action.CONSOLE_ENTER)
    def changelist_view(self, request: HttpRequest, *args: Any) -> HttpResponse:  # type: ignore[override]
        response = super().changelist_view(request, *args)
        wanted = request.GET.get("q", "").strip().lower()
        if request.method == "GET" and response.status_code == 200 and wanted:
            for user in User.objects.filter(username=wanted):
                _note_view(request, user, "a search for the name")
        return response


@transaction.atomic
def _note_view(request: HttpRequest, user: User, what: str) -> None:
    """People read in their own history who of the staff looked at it."""
    actor = actor_of(request)
    if actor.user != user:
        audit.record(actor, safety.HistoryViewed(about=user, what=what))
