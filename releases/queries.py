"""What the public pages ask of the index: lists of what is visible and has files, and the page of one project."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import Version

from accounts.models import USERNAME_RE, User
from releases.models import File, Project, ProjectQuerySet, ProjectStatus, Release, RoleKind, people_with
from releases.queries_marks import Review, review_of
from releases.upload.filenames import MAX_VERSION_LENGTH

MAX_QUERY_LENGTH = 200
_MAX_WORDS = 6
_LARGE = ("description", "description_html", "metadata")
_TOTALS_SECONDS = 60
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")
# A join does not go through the manager that hides what was deleted.
UNDELETED_FILES = Count("files", filter=Q(files__deletion=None))
_UPLOADERS = (RoleKind.OWNER, RoleKind.MAINTAINER)


def latest_of(releases: Iterable[Release]) -> Release | None:
    """The release a visitor means by the project's name: unyanked before yanked, final before pre-release."""

    def rank(release: Release) -> tuple[bool, bool, Version]:
        version = release.parsed_version
        return (not release.is_yanked, not version.is_prerelease, version)

    return max(releases, key=rank, default=None)


# -- lists ------------------------------------------------------------------------------------------------


def published_projects() -> ProjectQuerySet:
    """Projects that any visitor may see and that have something to install, with the `summary` of their newest."""
    # Of what visitors see: a release whose files are all deleted must not be found by its words.
    newest = Release.objects.filter(_has_files(), project=OuterRef("pk")).order_by("-created_at", "-pk")
    has_files = Exists(File.objects.filter(release__project=OuterRef("pk")))
    annotated: ProjectQuerySet = (
        Project.objects.visible().filter(has_files).annotate(summary=Subquery(newest.values("summary")[:1]))
    )
    return annotated


def newest_releases(count: int) -> list[Release]:
    """Releases of visible projects, the newest first, each with its project."""
    visible = Project.objects.visible()
    releases = Release.objects.filter(_has_files(), project__in=visible).select_related("project").defer(*_LARGE)
    return list(releases.order_by("-created_at", "-pk")[:count])


def shown_releases(projects: Iterable[Project]) -> list[Release]:
    """For each project, in their order, the release to show in a list; each with its project. One query."""
    by_pk = {project.pk: project for project in projects}
    releases: dict[int, list[Release]] = {pk: [] for pk in by_pk}
    for release in Release.objects.filter(_has_files(), project__in=by_pk).defer(*_LARGE):
        release.project = by_pk[release.project_id]
        releases[release.project_id].append(release)
    return [latest for found in releases.values() if (latest := latest_of(found)) is not None]


@dataclass(frozen=True)
class Totals:
    """How much there is to install."""

    projects: int
    releases: int
    files: int


def totals() -> Totals:
    """Counted at most once in `_TOTALS_SECONDS`: on a large index, counting is the dearest query of all."""
    try:
        return cache.get_or_set("releases.totals", _count, _TOTALS_SECONDS) or _count()
    except Exception:  # noqa: BLE001 - whatever a cache raises when it is down: pages do without one
        return _count()


def _count() -> Totals:
    files = File.objects.filter(release__project__in=Project.objects.visible())
    counted = files.aggregate(
        projects=Count("release__project", distinct=True),
        releases=Count("release", distinct=True),
        files=Count("pk"),
    )
    return Totals(**counted)


def clean_query(text: str) -> str:
    """What somebody typed as it may go to a database: one line, printable, of a sane length."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())[:MAX_QUERY_LENGTH].strip()


def search(query: str) -> QuerySet[Project]:
    """Projects whose name or summary has every word of `query`; all of them, newest first, for an empty one.

    Order: the very name, names that begin so, names that contain it, then summaries; alphabetical within each.
    """
    if not query:
        return published_projects().order_by("-created_at", "-pk")
    found = published_projects()
    for word in query.split()[:_MAX_WORDS]:
        matches = Q(summary__icontains=word)
        if name := _name_part(word):
            matches |= Q(normalized_name__contains=name)
        found = found.filter(matches)
    whole = _name_part(query.replace(" ", "-"))
    if not whole:
        return found.order_by("normalized_name")
    rank = Case(
        When(normalized_name=whole, then=Value(0)),
        When(normalized_name__startswith=whole, then=Value(1)),
        When(normalized_name__contains=whole, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
    return found.order_by(rank, "normalized_name")


def _name_part(text: str) -> str:
    """`text` as it would appear inside a normalised name; "" if it has nothing of one."""
    return canonicalize_name(text).strip("-")


def _has_files() -> Exists:
    """That a release does."""
    return Exists(File.objects.filter(release=OuterRef("pk")))


# -- one project ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProjectPage:
    """Everything the page of one release shows.

    Attributes:
        release: the one shown, with all its fields.
        releases: all that have files, the highest version first; without large fields, with `file_count`.
        latest: what an installer would choose.
    """

    project: Project
    release: Release
    releases: list[Release]
    latest: Release
    files: list[File]
    review: Review
    uploaders: list[User]

    @property
    def is_latest(self) -> bool:
        return self.release.pk == self.latest.pk


def get_project(name: str) -> Project | None:
    """By any spelling of its name, whatever its status."""
    if _UNPRINTABLE.search(name):  # PostgreSQL refuses to be asked for a NUL
        return None
    return Project.objects.filter(normalized_name=canonicalize_name(name)).first()


def get_visible_project(name: str) -> Project | None:
    """The same, unless it is quarantined or was never published: for answers that cannot say what that means."""
    project = get_project(name)
    if project is None or project.status == ProjectStatus.QUARANTINED or not is_known(project):
        return None
    return project


def is_known(project: Project) -> bool:
    """Whether visitors have ever seen anything of it; its releases may all be deleted since."""
    return project.was_published or File.objects.filter(release__project=project).exists()


def get_published_project(name: str) -> Project | None:
    """The same, if there is something to install."""
    project = get_visible_project(name)
    has_files = project is not None and File.objects.filter(release__project=project).exists()
    return project if has_files else None


def normalized_version(text: str) -> str:
    """What makes two spellings of a version the same release (`1.0` and `v1`); an invalid one stays as it is."""
    # Python refuses numbers of thousands of digits with another error than that of an invalid version.
    return canonicalize_version(text) if len(text) <= MAX_VERSION_LENGTH else text


def project_page(project: Project, *, version: str | None = None) -> ProjectPage | None:
    """The page of the project's latest release, or of the one that `version` (any spelling) means.

    Returns:
        None where there is no such release, or none has files. Four queries, however many releases there are.
    """
    releases = list(project.releases.defer(*_LARGE).annotate(file_count=UNDELETED_FILES).filter(file_count__gt=0))
    latest = latest_of(releases)
    chosen = latest
    if version is not None:
        wanted = normalized_version(version)
        chosen = next((release for release in releases if release.normalized_version == wanted), None)
    if chosen is None or latest is None:
        return None
    files = File.objects.filter(release=chosen).select_related("review_mark").order_by("-package_type", "filename")
    return ProjectPage(
        project=project,
        release=project.releases.get(pk=chosen.pk),
        releases=sorted(releases, key=lambda release: release.parsed_version, reverse=True),
        latest=latest,
        files=list(files),
        review=review_of(files),
        uploaders=uploaders_of(project),
    )


def uploaders_of(project: Project) -> list[User]:
    """The people who may upload to the project, by name."""
    return list(people_with(project, *_UPLOADERS))


# -- one person -------------------------------------------------------------------------------------------


def get_person(username: str) -> User | None:
    """Whoever has an open account of this name."""
    if not USERNAME_RE.match(username):
        return None
    return User.objects.filter(username=username, is_active=True).first()


def releases_of(user: User) -> list[Release]:
    """Of each published project to which the person may upload, by name, the release to show."""
    return shown_releases(Project.objects.visible().of(user, *_UPLOADERS).order_by("normalized_name"))
