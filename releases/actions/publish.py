"""Publishing one file at once: the path of every legacy upload.

Bytes are stored before the row that names them, and the row, its release, its project, the audit trail, the
letters and the simple page are one transaction: a crash leaves at most a blob that nothing names.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import DataError, IntegrityError, connection, transaction

from accounts.models import note_rights
from indexsite import audit, limits, storage
from indexsite.actors import Actor
from indexsite.errors import InvalidInput
from indexsite.limits import Limit
from indexsite.policies import Action, NewProject, require, require_now
from indexsite.prepared import Insert, Param, Rows, Update
from releases import description
from releases.actions import pages, tombstones
from releases.models import (
    File,
    PackageType,
    ProhibitedProjectName,
    Project,
    Release,
    Role,
    RoleKind,
    UsedFilename,
    find_project,
    is_secret_from,
    lock_project,
)
from releases.names import confusable_form, is_reserved
from releases.notices import publishing
from releases.upload import Hashes, ParsedUpload, parse_upload

LOCK_WAIT = "15s"  # PostgreSQL; SQLite has its busy timeout. Longer waits end as 503 and the client tries again.


@dataclass(frozen=True)
class IncomingFile:
    """A received file: `path` is a temporary blob in `storage.incoming()` and is consumed on success.

    `form` holds the other fields as the client sent them; `hashes` were computed from the bytes as they came.
    """

    path: Path
    filename: str
    form: Mapping[str, list[str]]
    hashes: Hashes


@dataclass(frozen=True)
class PublishResult:
    """The published file. `created` is False for an identical upload of what was already there."""

    file: File
    created: bool


def publish_file(*, actor: Actor, incoming: IncomingFile, at: datetime) -> PublishResult:
    """Validate one file and publish it; project and release come into being with their first file.

    Raises:
        InvalidInput: the file, its metadata, its name or the project's name cannot be used.
        NotAuthenticated, PermissionRefused: the actor may not upload here.
        LimitReached: the actor has made too many projects.
    """
    parsed = parse_upload(incoming.path, filename=incoming.filename, form=incoming.form, hashes=incoming.hashes)
    project = find_project(parsed.normalized_name)
    if project is None or project.deletion_id is not None or is_secret_from(actor.user, project):
        _require_new_name(actor, parsed, at, tombstone=project)
    else:
        require(actor, Action.FILE_UPLOAD, project)
    if (same := _published_before(project, parsed, incoming.hashes)) is not None:
        return PublishResult(same, created=False)
    if project is not None:
        _check_room(project, parsed, incoming.hashes.size, stored_bytes=project.stored_bytes())
    html = description.render(parsed.description, parsed.description_content_type)
    metadata_sha256 = _store_blobs(incoming, parsed.metadata_bytes)
    upload = _Upload(actor, project, parsed, incoming.hashes, metadata_sha256, html, at)
    try:
        return _commit(upload)
    except DataError as error:
        raise InvalidInput(
            "The metadata holds a value that cannot be stored; shorten it or remove control characters.",
            code="unstorable-metadata",
        ) from error


@dataclass(frozen=True)
class _Upload:
    """All that the transaction needs, computed before it begins; of `project` only the key is still sure."""

    actor: Actor
    project: Project | None
    parsed: ParsedUpload
    hashes: Hashes
    metadata_sha256: str
    description_html: str
    at: datetime


# -- before the transaction -----------------------------------------------------------------------------------


def _require_new_name(actor: Actor, parsed: ParsedUpload, at: datetime, *, tombstone: Project | None) -> None:
    require(actor, Action.PROJECT_CREATE, NewProject(parsed.project_name, parsed.normalized_name))
    if tombstone is not None:
        tombstones.check_may_take_up(actor, tombstone, parsed.project_name)
    _check_new_name(parsed)
    limits.consume(Limit.PROJECT_CREATE_ADDRESS, actor.address, at=at)
    limits.consume(Limit.PROJECT_CREATE_USER, _key(actor), at=at)


def _key(actor: Actor) -> str:
    return str(actor.user.pk) if actor.user is not None else ""


def _check_new_name(parsed: ParsedUpload) -> None:
    """The sentences say nothing of who asked for a prohibition, or why, or which name is the lookalike."""
    name = parsed.project_name
    if is_reserved(parsed.normalized_name):
        raise InvalidInput(
            f"The name '{name}' belongs to Python itself or its tools; choose another name.",
            code="name-of-python",
        )
    if ProhibitedProjectName.objects.filter(name=parsed.normalized_name).exists():
        raise tombstones.name_unavailable(name)
    lookalikes = Project.with_deleted.filter(confusable_name=confusable_form(name))
    if lookalikes.exclude(normalized_name=parsed.normalized_name).exists():
        raise _too_similar(name)


def _too_similar(name: str) -> InvalidInput:
    return InvalidInput(
        f"The name '{name}' is too easily mistaken for another project's; choose another name.",
        code="name-confusable",
    )


def _published_before(project: Project | None, parsed: ParsedUpload, hashes: Hashes) -> File | None:
    """The file that is already published under this name with these bytes.

    Asked before bytes are stored, to spare them, and under the lock, to be sure.

    Raises:
        InvalidInput: the name is used up.
    """
    if _USED.exist(filename=parsed.filename):
        # Nearly always it is not, and then there is no need to look for the file.
        same = File.objects.filter(filename=parsed.filename, sha256=hashes.sha256, release__project=project)
        if (file := same.select_related("release__project").first()) is not None:
            return file
        raise _name_used(parsed.filename)
    return None


def _check_room(project: Project, parsed: ParsedUpload, size: int, *, stored_bytes: int) -> None:
    if parsed.package_type == PackageType.SDIST:
        # A deleted one too: it could be restored.
        other = File.with_deleted.filter(
            release__project=project,
            release__normalized_version=parsed.normalized_version,
            package_type=PackageType.SDIST,
        ).first()
        if other is not None:
            raise InvalidInput(
                f"Release {parsed.version} has a source distribution already ('{other.filename}'); "
                "publish a new version instead.",
                code="second-sdist",
            )
    room = limits.MAX_PROJECT_BYTES - stored_bytes
    if size > room:
        raise InvalidInput(
            f"Project '{project.name}' has {max(room, 0) // 1_000_000} MB of its space left and "
            f"'{parsed.filename}' needs more; delete old files or ask the operators for more space.",
            code="project-full",
        )


def _name_used(filename: str) -> InvalidInput:
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


def _store_blobs(incoming: IncomingFile, metadata: bytes | None) -> str:
    """Put the file and its metadata sibling (PEP 658) into storage; the sibling's sha256, or "" without one."""
    blobs = [(incoming.path, incoming.hashes.sha256)]
    if metadata is None:
        storage.put_all(blobs)
        return ""
    digest = hashlib.sha256(metadata).hexdigest()
    path = storage.incoming() / f"{uuid.uuid4().hex}.metadata"
    try:
        path.write_bytes(metadata)
        storage.put_all([(path, digest), *blobs])
    finally:
        path.unlink(missing_ok=True)
    return digest


# -- the transaction ------------------------------------------------------------------------------------------


@transaction.atomic
def _commit(upload: _Upload) -> PublishResult:
    actor, parsed, at = upload.actor, upload.parsed, upload.at
    _bound_lock_wait()
    project, is_new_project = _lock_project(upload)
    if not is_new_project:
        # Again, now that nobody else can change it: roles, status and files may have moved while bytes came in.
        require_now(actor, Action.FILE_UPLOAD, project)
    if (same := _published_before(project, parsed, upload.hashes)) is not None:
        return PublishResult(same, created=False)
    files = pages.files_of(project)
    _check_room(project, parsed, upload.hashes.size, stored_bytes=sum(file.size for file in files))
    if is_new_project:
        _welcome(upload, project)
    release, is_new_release = _find_or_create_release(upload, project)
    file = _insert_file(upload, release)
    event = audit.record(
        actor,
        audit.FilePublished(
            project=project.normalized_name,
            version=release.version,
            filename=file.filename,
            sha256=file.sha256,
            size=file.size,
        ),
    )
    # Event numbers grow across all projects, as mirrors expect of a serial.
    project.last_serial = event.pk
    _SET_SERIAL(pk=project.pk, last_serial=event.pk)
    pages.refresh_project(project, files=[*files, pages.entry_of(file)])
    if is_new_project:
        publishing.project_created(project, release, by=actor, event_id=event.pk)
    elif is_new_release:
        publishing.release_published(release, by=actor, event_id=event.pk, at=at)
    return PublishResult(file, created=True)


def _bound_lock_wait() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_WAIT])


def _lock_project(upload: _Upload) -> tuple[Project, bool]:
    """The project's row, locked, and whether this upload has just made it."""
    parsed = upload.parsed
    new = NewProject(parsed.project_name, parsed.normalized_name)
    if upload.project is None:
        require_now(upload.actor, Action.PROJECT_CREATE, new)
        try:
            with transaction.atomic():
                return Project.objects.create(name=parsed.project_name, created_at=upload.at), True
        except IntegrityError:
            # Somebody registered the name, or a lookalike, a moment ago: unique columns decide who was first.
            found = find_project(parsed.normalized_name)
            if found is None:
                raise _too_similar(parsed.project_name) from None
    else:
        found = upload.project
    project = lock_project(found.pk)
    if project.deletion_id is None:
        return project, False
    require_now(upload.actor, Action.PROJECT_CREATE, new)
    tombstones.check_may_take_up(upload.actor, project, parsed.project_name)
    tombstones.take_up(project, name=parsed.project_name, at=upload.at)
    return project, True


def _welcome(upload: _Upload, project: Project) -> None:
    """Make the uploader the owner of what the upload has just created."""
    user = upload.actor.user
    if user is None:  # policies refuse visitors long before
        raise RuntimeError("A project cannot be created by nobody.")
    note_rights([user.pk], at=upload.at)
    # Whoever takes a deleted name up again has been its owner before.
    Role.objects.get_or_create(project=project, user=user, kind=RoleKind.OWNER, defaults={"granted_at": upload.at})
    audit.record(upload.actor, audit.ProjectCreated(project=project.normalized_name))
    audit.record(
        upload.actor, audit.RoleGranted(about=user, project=project.normalized_name, role=RoleKind.OWNER.value)
    )


def _find_or_create_release(upload: _Upload, project: Project) -> tuple[Release, bool]:
    """The release; its metadata are those of its first file, and later files do not change them."""
    parsed = upload.parsed
    found = _SAME_VERSION.first(project=project.pk, version=parsed.normalized_version)
    if found is not None:
        tombstones.check_not_deleted(found)
        found.project = project
        return found, False
    # Nobody else makes one meanwhile: the project is locked.
    release = _INSERT_RELEASE(
        project=project,
        version=parsed.version,
        normalized_version=parsed.normalized_version,
        created_at=upload.at,
        summary=parsed.summary,
        description=parsed.description,
        description_content_type=parsed.description_content_type,
        description_html=upload.description_html,
        requires_python=parsed.requires_python,
        metadata=parsed.metadata,
    )
    audit.record(upload.actor, audit.ReleaseCreated(project=project.normalized_name, version=release.version))
    return release, True


def _insert_file(upload: _Upload, release: Release) -> File:
    parsed, hashes = upload.parsed, upload.hashes
    _INSERT_USED(
        filename=parsed.filename,
        sha256=hashes.sha256,
        project_name=release.project.normalized_name,
        used_at=upload.at,
    )
    return _INSERT_FILE(
        release=release,
        filename=parsed.filename,
        package_type=parsed.package_type,
        python_version=parsed.python_version,
        size=hashes.size,
        md5=hashes.md5,
        sha256=hashes.sha256,
        blake2_256=hashes.blake2_256,
        requires_python=parsed.requires_python,
        metadata_sha256=upload.metadata_sha256,
        uploaded_at=upload.at,
        uploaded_by=upload.actor.user,
        uploaded_with=upload.actor.client,
    )


# -- statements -----------------------------------------------------------------------------------------------

_USED = Rows(lambda: UsedFilename.objects.filter(filename=Param("filename")).values_list("pk"))
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
