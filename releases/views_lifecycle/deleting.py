"""Deleting a file, a release, a project, each with its name typed; and restoring them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.forms import PageForm, TypedNameForm
from accounts.pages import answer, show_form
from indexsite import clock
from indexsite.errors import NotFound
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, require
from releases import queries_lifecycle
from releases.actions.lifecycle import deleting, undoing
from releases.actions.projects import find_file, find_release
from releases.models import UNDO_TIME, DeletedKind, Deletion, Project
from releases.views_lifecycle.opening import act_page


@act_page(Action.FILE_DELETE)
def delete_file(request: HttpRequest, project: Project, *, filename: str) -> HttpResponse:
    file = find_file(project, filename)
    return _delete_page(
        request,
        project,
        DeletedKind.FILE,
        name=file.filename,
        loss=queries_lifecycle.loss_of_file(file),
        act=lambda _: deleting.delete_file(actor=actor_of(request), file=file, at=clock.now()),
        onward=reverse("manage_releases", args=[project.normalized_name]),
        cancel=reverse("manage_release", args=[project.normalized_name, file.release.version]),
        release=file.release,
    )


@act_page(Action.RELEASE_DELETE)
def delete_release(request: HttpRequest, project: Project, *, version: str) -> HttpResponse:
    release = find_release(project, version)
    return _delete_page(
        request,
        project,
        DeletedKind.RELEASE,
        name=release.version,
        loss=queries_lifecycle.loss_of_release(release),
        act=lambda _: deleting.delete_release(actor=actor_of(request), release=release, at=clock.now()),
        onward=reverse("manage_releases", args=[project.normalized_name]),
        cancel=reverse("manage_release", args=[project.normalized_name, release.version]),
        release=release,
    )


@act_page(Action.PROJECT_DELETE)
def delete_project(request: HttpRequest, project: Project) -> HttpResponse:
    return _delete_page(
        request,
        project,
        DeletedKind.PROJECT,
        name=project.name,
        loss=queries_lifecycle.loss_of_project(project),
        act=lambda _: deleting.delete_project(actor=actor_of(request), project=project, at=clock.now()),
        onward=reverse("manage_projects"),
        cancel=reverse("manage_settings", args=[project.normalized_name]),
    )


def _delete_page(
    request: HttpRequest,
    project: Project,
    kind: DeletedKind,
    *,
    name: str,
    act: Callable[[dict[str, Any]], object],
    **context: Any,
) -> HttpResponse:
    undo_until = clock.now() + UNDO_TIME
    return answer(
        request,
        "releases/manage/delete.html",
        TypedNameForm(request.POST if request.method == "POST" else None, name=name),
        act=act,
        done=f"{name} is deleted. It can be restored until {undo_until:%-d %B %Y, %H:%M} UTC.",
        project=project,
        kind=kind.value,
        name=name,
        undo_until=undo_until,
        **context,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.DELETION_UNDO)
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks once, then restores; what belongs to others does not exist here."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    deletion = queries_lifecycle.deletion_for(actor.person, pk)
    if deletion is None:
        raise NotFound("There is nothing of yours to restore here.")
    require(actor, Action.DELETION_UNDO, deletion.project)
    if request.method != "POST":
        is_over = not deletion.can_be_undone(clock.now())
        return show_form(request, "releases/manage/undo.html", PageForm(), deletion=deletion, is_over=is_over)
    project = undoing.undo_deletion(actor=actor, deletion=deletion, at=clock.now())
    messages.success(request, f"{deletion.label} is back.")
    return redirect(_home_of(deletion, project))


def _home_of(deletion: Deletion, project: Project) -> str:
    if deletion.kind == DeletedKind.PROJECT:
        return reverse("manage_project", args=[project.normalized_name])
    return reverse("manage_releases", args=[project.normalized_name])
