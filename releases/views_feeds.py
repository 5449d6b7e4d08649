"""RSS feeds: newest projects, newest releases, the releases of one project."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from packaging.utils import canonicalize_name

from indexsite.errors import NotFound
from indexsite.http import View, public
from releases.models import File, Project, Release
from releases.queries import get_visible_project

if TYPE_CHECKING:
    _ReleaseFeed = Feed[Release, Any]
    _ProjectFeed = Feed[Project, Any]
else:
    _ReleaseFeed = _ProjectFeed = Feed  # generic in its stubs only

_NEWEST_PROJECTS = 40
_NEWEST_RELEASES = 100


def _public_releases() -> QuerySet[Release]:
    return (
        Release.objects.filter(Exists(File.objects.filter(release=OuterRef("pk"))))
        .exclude(project__status="quarantined")
        .select_related("project")
        .defer("description", "description_html", "metadata")
    )


class _Releases(_ReleaseFeed):
    """Releases, newest first."""

    def item_title(self, item: Any) -> str:
        return f"{item.project.name} {item.version}"

    def item_description(self, item: Any) -> str:
        return str(item.summary)

    def item_link(self, item: Any) -> str:
        return f"{settings.SITE_URL}/project/{item.project.normalized_name}/{item.version}/"

    def item_pubdate(self, item: Any) -> datetime:
        return cast(datetime, item.created_at)


class Updates(_Releases):
    """The newest releases of the whole index."""

    title = "Newest releases"
    description = "The newest releases on this index."
    link = f"{settings.SITE_URL}/"

    def items(self) -> list[Release]:
        return list(_public_releases()[:_NEWEST_RELEASES])


class ProjectReleases(_Releases):
    """The releases of one project."""

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Project:
        name = canonicalize_name(str(kwargs["name"]))
        project = get_visible_project(name)
        if project is None:
            raise NotFound(f"There is no project '{name}' here; check the spelling.")
        return project

    def title(self, obj: Any) -> str:
        return f"Releases of {obj.name}"

    def description(self, obj: Any) -> str:
        return f"The newest releases of {obj.name} on this index."

    def link(self, obj: Any) -> str:
        return f"{settings.SITE_URL}/project/{obj.normalized_name}/"

    def items(self, obj: Any) -> list[Release]:
        return list(_public_releases().filter(project=obj)[:_NEWEST_PROJECTS])


class Packages(_ProjectFeed):
    """The newest projects."""

    title = "Newest projects"
    description = "The newest projects on this index."
    link = f"{settings.SITE_URL}/"

    def items(self) -> list[Project]:
        published = Exists(File.objects.filter(release__project=OuterRef("pk")))
        return list(Project.objects.visible().filter(published).order_by("-created_at", "-pk")[:_NEWEST_PROJECTS])

    def item_title(self, item: Any) -> str:
        return f"{item.name} is new here"

    def item_description(self, item: Any) -> str:
        return ""

    def item_link(self, item: Any) -> str:
        return f"{settings.SITE_URL}/project/{item.normalized_name}/"

    def item_pubdate(self, item: Any) -> datetime:
        return cast(datetime, item.created_at)


def _open(feed: View) -> View:
    @public("The index is read by anybody.")
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = feed(request, *args, **kwargs)
        response["Cache-Control"] = "public, max-age=300"
        return response

    return view


updates = _open(Updates())
packages = _open(Packages())
project_releases = _open(ProjectReleases())
