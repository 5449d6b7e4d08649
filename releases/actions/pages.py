"""Rendering the simple pages at write time, so that a read is one primary-key lookup.

An act that changes what a project's page says calls `refresh_project` in its own transaction. The root page is
rebuilt there only when a project appears or disappears; the serials it repeats for mirrors follow within a
minute (`releases.tasks.refresh_root`), because rebuilding it for every upload would cost O(all projects).
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max

from indexsite import clock
from indexsite.prepared import Param, Rows, Update
from releases.models import File, Project, ProjectStatus, SimplePage, yank_shown
from releases.simple import FileEntry, ProjectPage, RootPage

ROOT = ""

# Half the time of zlib's default for pages that grow by one tenth (measured with 2,000 files).
_COMPRESSION = 4


def refresh_project(project: Project, *, files: Sequence[FileEntry] | None = None) -> None:
    """Render both pages of the project from its rows; the caller holds the project's lock.

    A project that visitors must not see loses its pages. Three queries, whatever its size.

    Args:
        files: all its files, if the caller has them already.

    Raises:
        RuntimeError: outside a transaction, where rows and pages could part ways.
    """
    _insist_on_transaction()
    name = project.normalized_name
    is_hidden = project.status == ProjectStatus.QUARANTINED or project.deletion_id is not None
    if is_hidden or project.pk is None:  # no key: the row itself has just gone
        deleted, _ = SimplePage.objects.filter(name=name).delete()
        if deleted:
            refresh_root()
        return
    page = ProjectPage(
        name=name,
        files=files_of(project) if files is None else files,
        serial=project.last_serial,
        status=project.status,
        status_reason=project.status_reason,
    )
    if _store(name, _columns(page)):
        refresh_root()


def refresh_root() -> None:
    """Render the list of all projects."""
    _insist_on_transaction()
    _lock_root()
    rows = (
        Project.objects.visible()
        .filter(normalized_name__in=SimplePage.objects.values("name"))
        .order_by("normalized_name")
        .values_list("name", "normalized_name", "last_serial")
    )
    projects = list(rows)
    page = RootPage(projects, serial=max((serial for _, _, serial in projects), default=0))
    _store(ROOT, _columns(page))


def _lock_root() -> None:
    """Of two transactions that each add a project, the second one to come here waits, and then sees both."""
    root = SimplePage.objects.filter(name=ROOT)
    if root.select_for_update().values_list("pk").first() is None:
        SimplePage.objects.get_or_create(name=ROOT, defaults=_columns(RootPage([], serial=0)))
        root.select_for_update().values_list("pk").first()


def refresh_root_if_behind() -> bool:
    """Rebuild the root page if any project's page is newer; whether it was."""
    root = SimplePage.objects.filter(name=ROOT).values_list("serial", flat=True).first()
    newest = SimplePage.objects.exclude(name=ROOT).aggregate(serial=Max("serial"))["serial"]
    if newest is None or (root is not None and newest <= root):
        return False
    with transaction.atomic():
        refresh_root()
    return True


def files_of(project: Project) -> list[FileEntry]:
    """All files of the project as its pages list them, in no order."""
    # Plain tuples: for a project of 2,000 files, model instances would double the time of an upload.
    return [
        FileEntry(
            filename=filename,
            url=f"/files/{sha256[:2]}/{sha256[2:4]}/{sha256[4:]}/{filename}",
            sha256=sha256,
            size=size,
            uploaded_at=uploaded_at,
            version=version,
            requires_python=requires_python,
            metadata_sha256=metadata_sha256,
            yanked=yank_shown((release_yanked_at, release_yanked_reason), (yanked_at, yanked_reason)),
        )
        for (
            filename,
            sha256,
            size,
            uploaded_at,
            requires_python,
            metadata_sha256,
            version,
            release_yanked_at,
            release_yanked_reason,
            yanked_at,
            yanked_reason,
            deletion,
        ) in _LISTED.all(project=project.pk)
        if deletion is None
    ]


# Deleted ones too, and left out above: asked for what is not deleted, SQLite walks through all files of the index.
_LISTED = Rows(
    lambda: (
        File.with_deleted.filter(release__project=Param("project"))
        .order_by()
        .values_list(
            "filename",
            "sha256",
            "size",
            "uploaded_at",
            "requires_python",
            "metadata_sha256",
            "release__version",
            "release__yanked_at",
            "release__yanked_reason",
            "yanked_at",
            "yanked_reason",
            "deletion",
        )
    )
)


def entry_of(file: File) -> FileEntry:
    """One file as its project's pages list it."""
    release = file.release
    return FileEntry(
        filename=file.filename,
        url=f"/files/{file.path}",
        sha256=file.sha256,
        size=file.size,
        uploaded_at=file.uploaded_at,
        version=release.version,
        requires_python=file.requires_python,
        metadata_sha256=file.metadata_sha256,
        yanked=file.yank_shown(release),
    )


def _columns(page: ProjectPage | RootPage) -> dict[str, Any]:
    html, json = page.render_html(), page.render_json()
    return {
        "serial": page.serial,
        "updated_at": clock.now(),
        "html": html,
        "html_gzip": gzip.compress(html, _COMPRESSION, mtime=0),
        "html_etag": _digest(html),
        "json": json,
        "json_gzip": gzip.compress(json, _COMPRESSION, mtime=0),
        "json_etag": _digest(json),
    }


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def _store(name: str, columns: dict[str, Any]) -> bool:
    """Whether the page is new."""
    if _REPLACE(name=name, **columns):
        return False
    SimplePage.objects.create(name=name, **columns)
    return True


_REPLACE = Update(
    lambda: SimplePage.objects.filter(name=Param("name")),
    ["serial", "updated_at", "html", "html_gzip", "html_etag", "json", "json_gzip", "json_etag"],
)


def _insist_on_transaction() -> None:
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("Simple pages are refreshed inside the transaction that changes what they say.")
