"""Pages on which members look after their projects; strangers are told that there is nothing here."""

from __future__ import annotations

from functools import wraps
from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from packaging.utils import canonicalize_name

from accounts.models import User
from indexsite import clock, history_pages, limits
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, offers, require
from releases import queries_lifecycle, queries_manage
from releases.actions.projects import open_project
from releases.models import Project, described, designation_of
from releases.queries_downloads import downloads_of


class _Page(Protocol):
    def __call__(self, request: HttpRequest, project: Project, user: User) -> HttpResponseBase: ...


def _member_page(view: _Page) -> Any:
    """The view's project, opened for the person who asks; other spellings of the name lead to the normal one."""

    @wraps(view)
    def opened(request: HttpRequest, name: str) -> HttpResponseBase:
        normalized = canonicalize_name(name)
        if normalized != name:
            return redirect(request.path.replace(f"/{name}/", f"/{normalized}/", 1))
        actor = actor_of(request)
        project = open_project(actor=actor, name=normalized)
        return view(request, project, actor.person)

    return never_cache(require_safe(enforces(Action.PROJECT_MANAGE)(opened)))


@never_cache
@require_safe
@enforces(Action.ACCOUNT_VIEW)
def projects(request: HttpRequest) -> HttpResponse:
    """All projects of the person, or how to begin."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    user = actor.person
    context = {
        "memberships": queries_manage.memberships(user),
        "is_suspended": queries_manage.is_suspended(user),
        "upload_url": request.build_absolute_uri("/legacy/"),
        "deletions": queries_lifecycle.deleted_projects(user, at=clock.now()),
    }
    return render(request, "releases/manage/projects.html", context)


@_member_page
def project(request: HttpRequest, project: Project, user: User) -> HttpResponse:
    """Overview: releases, people, tokens, what to do next."""
    releases = queries_manage.releases_with_files(project)
    members = queries_manage.members(project, seen_by=user)
    context = {
        "project": project,
        "releases": releases[:5],
        "release_count": releases.count(),
        "members": members,
        "owner_count": sum("Owner" in member.roles for member in members),
        "tokens": queries_manage.scoped_tokens(project, seen_by=user, at=clock.now()),
        "used_bytes": project.stored_bytes(),
        "quota_bytes": limits.MAX_PROJECT_BYTES,
        "downloads": downloads_of(project, at=clock.now()),
        "designation": designation_of(project.normalized_name),
    }
    return render(request, "releases/manage/project.html", context)


@_member_page
def releases(request: HttpRequest, project: Project, user: User) -> HttpResponse:
    """Every release with its files."""
    context = {
        "project": project,
        "releases": queries_manage.releases_with_files(project),
        "deletions": queries_lifecycle.deleted_parts(project, seen_by=user, at=clock.now()),
    }
    return render(request, "releases/manage/releases.html", context)


@_member_page
def tokens(request: HttpRequest, project: Project, user: User) -> HttpResponse:
    """Credentials that can upload here and nowhere else."""
    scoped = queries_manage.scoped_tokens(project, seen_by=user, at=clock.now())
    return render(request, "releases/manage/tokens.html", {"project": project, "tokens": scoped, "person": user})


@_member_page
def settings(request: HttpRequest, project: Project, user: User) -> HttpResponse:
    """The project's status and space."""
    actor = actor_of(request)
    context = {
        "project": project,
        "designation": designation_of(project.normalized_name),
        "used_bytes": project.stored_bytes(),
        "quota_bytes": limits.MAX_PROJECT_BYTES,
        "may_delete": offers(actor, Action.PROJECT_DELETE, project),
        "may_change_status": offers(actor, Action.PROJECT_STATUS, project),
        "offers_webhooks": offers(actor, Action.WEBHOOK_CHANGE, project),
        "publishing": described(project.publishing_policy),
        "offers_policy": offers(actor, Action.PROJECT_POLICY, project),
        "offers_transfer": offers(actor, Action.PROJECT_TRANSFER, project),
    }
    return render(request, "releases/manage/settings.html", context)


@_member_page
def history(request: HttpRequest, project: Project, user: User) -> HttpResponseBase:
    """What happened here, and who did it."""
    return history_pages.respond(
        request,
        "releases/manage/history.html",
        queries_manage.history(project),
        to_entry=queries_manage.history_entries(project, seen_by=user),
        filename=f"{project.normalized_name}-history",
        project=project,
    )
