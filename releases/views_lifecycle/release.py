"""One release for the members of its project: its state, its files, and the acts on them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from packaging.utils import canonicalize_name

from indexsite.http import actor_of, enforces
from indexsite.policies import Action, offers
from releases.actions.projects import find_release, open_project


@never_cache
@require_safe
@enforces(Action.PROJECT_MANAGE)
def release(request: HttpRequest, name: str, version: str) -> HttpResponse:
    actor = actor_of(request)
    project = open_project(actor=actor, name=canonicalize_name(name))
    found = find_release(project, version)
    context = {
        "project": project,
        "release": found,
        "files": [(file, file.yank_shown(found)) for file in found.files.all()],
        "may_yank": offers(actor, Action.RELEASE_YANK, project),
        "may_delete": offers(actor, Action.RELEASE_DELETE, project),
    }
    return render(request, "releases/manage/release.html", context)
