"""What every publishing does under the lock of its project, for one file or for a hundred."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection

from accounts.models import User
from indexsite import audit, limits, storage
from indexsite.actors import Actor
from indexsite.errors import Conflict, InvalidInput
from indexsite.prepared import Insert, Param, Rows, Update
from releases.actions import pages, tombstones
from releases.models import File, PackageType, Project, Release, ReservedFilename, ReviewMark, UsedFilename
from releases.notices import publishing
from releases.simple import FileEntry
from releases.upload import Hashes, ParsedUpload

LOCK_WAIT = "15s"  # PostgreSQL; SQLite has its busy timeout. Longer waits end as 503 and the client tries again.


class FilenameReserved(Conflict):
    """A draft that is being reviewed or published will have this file name."""

    code = "name-reserved"


@dataclass(frozen=True)
class About:
    """What a release says of itself: the metadata of its first file; later files do not change it."""

    version: str
    normalized_version: str
    summary: str
    description: str
    description_content_type: str
    description_html: str
    requires_python: str
    metadata: dict[str, Any]

    @classmethod
    def of(cls, parsed: ParsedUpload, html: str) -> About:
        """As parsed from a file, with its description rendered."""
        return cls(
            version=parsed.version,
            normalized_version=parsed.normalized_version,
            summary=parsed.summary,
            description=parsed.description,
            description_content_type=parsed.description_content_type,
            description_html=html,
            requires_python=parsed.requires_python,
            metadata=parsed.metadata,
        )


@dataclass(frozen=True)
class NewFile:
    """One file that is to be published; its bytes are in the store. `review_mark` is of its draft, if any."""

    filename: str
    package_type: str
    python_version: str
    requires_python: str
    hashes: Hashes
    metadata_sha256: str
    uploaded_at: datetime
    uploaded_by: User | None
    uploaded_with: str
    review_mark: ReviewMark | None = None


# -- before the transaction -----------------------------------------------------------------------------------


def store_blobs(path: Path, hashes: Hashes, metadata: bytes | None) -> str:
    """Put a file and its metadata sibling (PEP 658) into storage; the sibling's sha256, or "" without one."""
    blobs = [(path, hashes.sha256)]
    if metadata is None:
        storage.put_all(blobs)
        return ""
    digest = hashlib.sha256(metadata).hexdigest()
    sibling = storage.incoming() / f"{uuid.uuid4().hex}.metadata"
    try:
        sibling.write_bytes(metadata)
        storage.put_all([(sibling, digest), *blobs])
    finally:
        sibling.unlink(missing_ok=True)
    return digest


# -- judging --------------------------------------------------------------------------------------------------


def is_used(filename: str) -> bool:
    """Whether the name was ever published."""
    return _USED.exist(filename=filename)


def name_used(filename: str) -> InvalidInput:
    """The refusal for such a name."""
    # Clients look for the first three words: hence ours begin like everybody's.
    if File.objects.filter(filename=filename).exists():
        return InvalidInput(
            f"File already exists: '{filename}' is published with other contents; raise the version instead.",
            code="file-exists",
        )
    return InvalidInput(
        f"File already exists: '{filename}' was published once and deleted, and a file name never comes back; "
        "raise the version instead.",
        code="file-exists",
    )


def check_not_reserved(filename: str) -> None:
    """Nobody is reviewing a draft that will have this file.

    Raises:
        FilenameReserved: somebody is.
    """
    if _RESERVED.exist(filename=filename):
        raise FilenameReserved(
            f"The name '{filename}' is reserved by a draft in review; wait until it is published or returned."
        )


def check_one_sdist(project: Project, *, version: str, normalized_version: str) -> None:
    """A release has one source distribution.

    Raises:
        InvalidInput: it has one already; a deleted one counts, since it could be restored.
    """
    other = File.with_deleted.filter(
        release__project=project,
        release__normalized_version=normalized_version,
        package_type=PackageType.SDIST,
    ).first()
    if other is not None:
        raise InvalidInput(
            f"Release {version} has a source distribution already ('{other.filename}'); "
            "publish a new version instead.",
            code="second-sdist",
        )


def check_room(project: Project, *, filename: str, size: int, stored_bytes: int) -> None:
    """The project has room for `size` more bytes beside `stored_bytes`.

    Raises:
        InvalidInput: it has not.
    """
    room = limits.MAX_PROJECT_BYTES - stored_bytes
    if size > room:
        raise InvalidInput(
            f"Project '{project.name}' has {max(room, 0) // 1_000_000} MB of its space left and "
            f"'{filename}' needs more; delete old files or ask the operators for more space.",
            code="project-full",
        )


# -- in the transaction ---------------------------------------------------------------------------------------


def bound_lock_wait() -> None:
    """Let no statement of this transaction wait for a lock longer than `LOCK_WAIT`."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_WAIT])


def find_or_create_release(actor: Actor, project: Project, about: About, *, at: datetime) -> tuple[Release, bool]:
    """The release, and whether it is new. The caller holds the project's lock, so nobody else makes one.

    Raises:
        InvalidInput: it was deleted and can be restored.
    """
    found = _SAME_VERSION.first(project=project.pk, version=about.normalized_version)
    if found is not None:
        tombstones.check_not_deleted(found)
        found.project = project
        return found, False
    release = _INSERT_RELEASE(
        project=project,
        version=about.version,
        normalized_version=about.normalized_version,
        created_at=at,
        summary=about.summary,
        description=about.description,
        description_content_type=about.description_content_type,
        description_html=about.description_html,
        requires_python=about.requires_python,
        metadata=about.metadata,
    )
    audit.record(actor, audit.ReleaseCreated(project=project.normalized_name, version=release.version))
    return release, True


def add_files(
    actor: Actor, release: Release, files: Sequence[NewFile], *, listed: Sequence[FileEntry], at: datetime
) -> list[File]:
    """Insert the files, record each, raise the project's serial and render its pages.

    Args:
        listed: what the pages list so far.
    """
    project = release.project
    added, serial = [], 0
    for new in files:
        file = _insert(release, new, at=at)
        serial = _record(actor, file)
        added.append(file)
    # Event numbers grow across all projects, as mirrors expect of a serial.
    project.last_serial = serial
    _SET_SERIAL(pk=project.pk, last_serial=serial)
    pages.refresh_project(project, files=[*listed, *map(pages.entry_of, added)])
    return added


def _insert(release: Release, new: NewFile, *, at: datetime) -> File:
    _INSERT_USED(
        filename=new.filename,
        sha256=new.hashes.sha256,
        project_name=release.project.normalized_name,
        used_at=at,
    )
    return _INSERT_FILE(
        release=release,
        filename=new.filename,
        package_type=new.package_type,
        python_version=new.python_version,
        size=new.hashes.size,
        md5=new.hashes.md5,
        sha256=new.hashes.sha256,
        blake2_256=new.hashes.blake2_256,
        requires_python=new.requires_python,
        metadata_sha256=new.metadata_sha256,
        uploaded_at=new.uploaded_at,
        uploaded_by=new.uploaded_by,
        uploaded_with=new.uploaded_with,
        review_mark=new.review_mark,
    )


def _record(actor: Actor, file: File) -> int:
    event = audit.FilePublished(
        project=file.release.project.normalized_name,
        version=file.release.version,
        filename=file.filename,
        sha256=file.sha256,
        size=file.size,
    )
    return audit.record(actor, event).pk


def tell(actor: Actor, release: Release, *, is_new_project: bool, is_new_release: bool, at: datetime) -> None:
    """The letters: one about a new project, or one about a new release, or none."""
    event_id = release.project.last_serial
    if is_new_project:
        publishing.project_created(release.project, release, by=actor, event_id=event_id)
    elif is_new_release:
        publishing.release_published(release, by=actor, event_id=event_id, at=at)


# -- statements -----------------------------------------------------------------------------------------------

_USED = Rows(lambda: UsedFilename.objects.filter(filename=Param("filename")).values_list("pk"))
_RESERVED = Rows(lambda: ReservedFilename.objects.filter(filename=Param("filename")).values_list("pk"))
_SAME_VERSION = Rows(
    lambda: (
        Release.with_deleted.filter(project=Param("project"), normalized_version=Param("version"))
        .defer("description", "description_html", "metadata")
        .order_by()
    )
)
_INSERT_USED = Insert(lambda: UsedFilename)
_INSERT_RELEASE = Insert(lambda: Release)
_INSERT_FILE = Insert(lambda: File)
_SET_SERIAL = Update(lambda: Project.with_deleted.filter(pk=Param("pk")), ["last_serial"])
