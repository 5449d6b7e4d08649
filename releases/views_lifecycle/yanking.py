"""Yanking a release or a file, and taking it back."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.forms import PageForm
from accounts.pages import answer
from indexsite import clock
from indexsite.http import actor_of
from indexsite.policies import Action
from releases.actions.lifecycle import yanking
from releases.actions.projects import find_file, find_release
from releases.forms_lifecycle import YankForm
from releases.models import File, Project, Release
from releases.views_lifecycle.opening import act_page


@act_page(Action.RELEASE_YANK)
def yank_release(request: HttpRequest, project: Project, *, version: str) -> HttpResponse:
    release = find_release(project, version)

    def act(data: dict[str, Any]) -> None:
        yanking.yank_release(actor=actor_of(request), release=release, reason=data["reason"], at=clock.now())

    return _yank_page(request, release, release, act, what=f"{project.name} {release.version}")


@act_page(Action.RELEASE_YANK)
def yank_file(request: HttpRequest, project: Project, *, filename: str) -> HttpResponse:
    file = find_file(project, filename)

    def act(data: dict[str, Any]) -> None:
        yanking.yank_file(actor=actor_of(request), file=file, reason=data["reason"], at=clock.now())

    return _yank_page(request, file.release, file, act, what=file.filename)


@act_page(Action.RELEASE_YANK)
def unyank_release(request: HttpRequest, project: Project, *, version: str) -> HttpResponse:
    release = find_release(project, version)

    def act(data: dict[str, Any]) -> None:
        yanking.unyank_release(actor=actor_of(request), release=release, at=clock.now())

    return _unyank_page(request, release, act, what=f"{project.name} {release.version}")


@act_page(Action.RELEASE_YANK)
def unyank_file(request: HttpRequest, project: Project, *, filename: str) -> HttpResponse:
    file = find_file(project, filename)

    def act(data: dict[str, Any]) -> None:
        yanking.unyank_file(actor=actor_of(request), file=file, at=clock.now())

    return _unyank_page(request, file.release, act, what=file.filename, is_file=True)


def _yank_page(
    request: HttpRequest, release: Release, subject: Release | File, act: Any, *, what: str
) -> HttpResponse:
    form = YankForm(request.POST if request.method == "POST" else None, initial={"reason": subject.yanked_reason})
    return answer(
        request,
        "releases/manage/yank.html",
        form,
        act=act,
        done=f"{what} is yanked.",
        onward=_release_page(release),
        project=release.project,
        release=release,
        subject=subject,
        is_file=isinstance(subject, File),
        what=what,
    )


def _unyank_page(
    request: HttpRequest, release: Release, act: Any, *, what: str, is_file: bool = False
) -> HttpResponse:
    return answer(
        request,
        "releases/manage/unyank.html",
        PageForm(request.POST if request.method == "POST" else None),
        act=act,
        done=f"{what} is no longer yanked.",
        onward=_release_page(release),
        project=release.project,
        release=release,
        is_file=is_file,
        what=what,
    )


def _release_page(release: Release) -> str:
    return reverse("manage_release", args=[release.project.normalized_name, release.version])
