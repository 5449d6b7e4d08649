"""The public pages: home, search, a project, a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast
from urllib.parse import quote

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override

from indexsite import clock, limits
from indexsite.errors import NotFound
from indexsite.http import client_address, public
from indexsite.limits import Limit
from releases import presentation, queries
from releases.models import File, PackageType, ProjectStatus
from releases.queries_downloads import downloads_of

RESULTS_PER_PAGE = 20
_NEWEST = 10
_HISTORY_AT_ONCE = 50
# Pictures in descriptions live elsewhere. Nothing else does.
_CSP_WITH_PICTURES: Mapping[str, Collection[str]] = {
    **cast("Mapping[str, Collection[str]]", settings.SECURE_CSP),
    "img-src": [CSP.SELF, "data:", "https:"],
}


@public("what the index is, and what is new on it")
def home(request: HttpRequest) -> HttpResponse:
    totals = queries.totals()
    context = {
        "project_count": totals.projects,
        "release_count": totals.releases,
        "file_count": totals.files,
        "newest": queries.newest_releases(_NEWEST),
        "site_url": settings.SITE_URL,
    }
    return render(request, "releases/home.html", context)


@public("anybody may look for packages")
def search(request: HttpRequest) -> HttpResponse:
    query = queries.clean_query(request.GET.get("q", ""))
    if query:  # to look for words is the dearest read there is
        limits.consume(Limit.SEARCH_ADDRESS, client_address(request), at=clock.now())
    results = Paginator(queries.search(query), RESULTS_PER_PAGE).get_page(request.GET.get("page"))
    total = results.paginator.count
    found = queries.shown_releases(results.object_list)
    context = {"query": query, "page_obj": results, "total": total, "releases": found}
    return render(request, "releases/search.html", context)


@public("published projects are for everybody")
def project(request: HttpRequest, name: str) -> HttpResponse:
    return _project_page(request, name=name, version=None)


@public("published releases are for everybody")
def project_release(request: HttpRequest, name: str, version: str) -> HttpResponse:
    return _project_page(request, name=name, version=version)


@csp_override(_CSP_WITH_PICTURES)
def _project_page(request: HttpRequest, *, name: str, version: str | None) -> HttpResponse:
    found = queries.get_project(name)
    # A name under which nothing was ever published is no different from one that nobody holds.
    if found is None or not queries.is_known(found):
        raise NotFound(f"There is no project '{name}' here; check the spelling or search for it.")
    if found.status == ProjectStatus.QUARANTINED:
        # Its name stays explained; its words, files and people do not stay shown.
        return render(request, "releases/project_quarantined.html", {"project": found}, status=404)
    shown = queries.project_page(found, version=version)
    if shown is None and version is None:
        return render(request, "releases/project_empty.html", {"project": found})
    if shown is None:
        raise NotFound(f"There is no version '{version}' of {found.name} here.")
    canonical = (
        reverse("project", args=[found.normalized_name])
        if version is None
        else reverse("project_release", args=[found.normalized_name, shown.release.version])
    )
    if (name, version or shown.release.version) != (found.normalized_name, shown.release.version):
        return HttpResponsePermanentRedirect(canonical)
    return render(request, "releases/project.html", _project_context(request, shown))


def _project_context(request: HttpRequest, shown: queries.ProjectPage) -> dict[str, object]:
    name, version = shown.project.normalized_name, shown.release.version
    wanted = name if shown.is_latest else f"{name}=={version}"
    return {
        "project": shown.project,
        "release": shown.release,
        "latest": shown.latest,
        "is_latest": shown.is_latest,
        "files": [(file, _tags(file)) for file in shown.files],
        "review": shown.review,
        "releases": shown.releases[:_HISTORY_AT_ONCE],
        "older_releases": shown.releases[_HISTORY_AT_ONCE:],
        "release_count": len(shown.releases),
        "facts": presentation.facts(shown.release.metadata),
        "downloads": downloads_of(shown.project, at=clock.now()),
        "members": shown.uploaders,
        "may_manage": request.user in shown.uploaders,
        "install_command": f"pip install --index-url {settings.SITE_URL}/simple/ {wanted}",
        "site_url": settings.SITE_URL,
    }


def _tags(file: File) -> list[str]:
    return presentation.wheel_tags(file.filename) if file.package_type == PackageType.WHEEL else []


@public("who publishes what is public; whoever publishes nothing has no page")
def user(request: HttpRequest, username: str) -> HttpResponse:
    if username != username.lower():
        return HttpResponsePermanentRedirect(f"/user/{quote(username.lower())}/")
    person = queries.get_person(username)
    releases = queries.releases_of(person) if person is not None else []
    # A page for every account would tell strangers which accounts exist.
    if person is None or (not releases and request.user != person):
        raise NotFound(f"Nobody called '{username}' publishes here.")
    return render(request, "releases/user.html", {"person": person, "releases": releases})
