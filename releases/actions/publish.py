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

from indexsite import audit, limits, storage
from indexsite.actors import Actor
from indexsite.errors import InvalidInput
from indexsite.limits import Limit
from indexsite.policies import Action, NewProject, require
from releases import description, notices
from releases.actions import pages
from releases.models import (
    File,
    PackageType,
    ProhibitedProjectName,
    Project,
    Release,
    Role,
    RoleKind,
    UsedFilename,
)
from releases.names import confusable_form, is_reserved
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
        LimitReached, TooLarge: a quota is used up.
    """
    # Counted before the work: a file that is refused may cost more than one that is published.
    limits.consume(Limit.UPLOAD_USER, _key(actor), at=at)
    parsed = parse_upload(incoming.path, filename=incoming.filename, form=incoming.form, hashes=incoming.hashes)
    project = Project.objects.filter(normalized_name=parsed.normalized_name).first()
    if project is None:
        _require_new_name(actor, parsed, at)
    else:
        require(actor, Action.FILE_UPLOAD, project)
    if (same := _published_before(project, parsed, incoming.hashes)) is not None:
        return PublishResult(same, created=False)
    html = description.render(parsed.description, parsed.description_content_type)
    metadata_sha256 = _store_blobs(incoming, parsed.metadata_bytes)
    upload = _Upload(actor, parsed, incoming.hashes, metadata_sha256, html, at)
    try:
        return _commit(upload)
    except DataError as error:
        raise InvalidInput(
            "The metadata holds a value that cannot be stored; shorten it or remove control characters.",
            code="unstorable-metadata",
        ) from error


@dataclass(frozen=True)
class _Upload:
    """All that the transaction needs, computed before it begins."""

    actor: Actor
    parsed: ParsedUpload
    hashes: Hashes
    metadata_sha256: str
    description_html: str
    at: datetime


# -- before the transaction -----------------------------------------------------------------------------------


def _require_new_name(actor: Actor, parsed: ParsedUpload, at: datetime) -> None:
    require(actor, Action.PROJECT_CREATE, NewProject(parsed.project_name, parsed.normalized_name))
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
        raise InvalidInput(
            f"The name '{name}' is not available here; choose another name.", code="name-prohibited"
        )
    if Project.objects.filter(confusable_name=confusable_form(name)).exists():
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
        InvalidInput: the name is used up, or the project takes no such file.
    """
    if UsedFilename.objects.filter(filename=parsed.filename).exists():
        # Nearly always it is not, and then there is no need to look for the file.
        same = File.objects.filter(filename=parsed.filename, sha256=hashes.sha256, release__project=project)
        if (file := same.select_related("release__project").first()) is not None:
            return file
        raise _name_used(parsed.filename)
    _check_room(project, parsed, hashes)
    return None


def _check_room(project: Project | None, parsed: ParsedUpload, hashes: Hashes) -> None:
    if project is None:
        return
    if parsed.package_type == PackageType.SDIST:
        other = File.objects.filter(
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
    room = limits.MAX_PROJECT_BYTES - project.stored_bytes()
    if hashes.size > room:
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
        require(actor, Action.FILE_UPLOAD, project)
    if (same := _published_before(project, parsed, upload.hashes)) is not None:
        return PublishResult(same, created=False)
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
    Project.objects.filter(pk=project.pk).update(last_serial=event.pk)
    pages.refresh_project(project)
    if is_new_project:
        notices.project_created(project, release, by=actor)
    elif is_new_release:
        notices.release_published(release, by=actor, at=at)
    return PublishResult(file, created=True)


def _bound_lock_wait() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_WAIT])


def _lock_project(upload: _Upload) -> tuple[Project, bool]:
    """The project's row, locked, and whether this upload has just made it."""
    parsed = upload.parsed
    pk = Project.objects.filter(normalized_name=parsed.normalized_name).values_list("pk", flat=True).first()
    if pk is None:
        require(upload.actor, Action.PROJECT_CREATE, NewProject(parsed.project_name, parsed.normalized_name))
        try:
            with transaction.atomic():
                return Project.objects.create(name=parsed.project_name, created_at=upload.at), True
        except IntegrityError:
            # Somebody registered the name, or a lookalike, a moment ago: unique columns decide who was first.
            pk = (
                Project.objects.filter(normalized_name=parsed.normalized_name).values_list("pk", flat=True).first()
            )
            if pk is None:
                raise _too_similar(parsed.project_name) from None
    return Project.objects.locked(pk), False


def _welcome(upload: _Upload, project: Project) -> None:
    """Make the uploader the owner of what the upload has just created."""
    user = upload.actor.user
    if user is None:  # policies refuse visitors long before
        raise RuntimeError("A project cannot be created by nobody.")
    Role.objects.create(project=project, user=user, kind=RoleKind.OWNER, granted_at=upload.at)
    audit.record(upload.actor, audit.ProjectCreated(project=project.normalized_name))
    audit.record(
        upload.actor, audit.RoleGranted(about=user, project=project.normalized_name, role=RoleKind.OWNER.value)
    )


def _find_or_create_release(upload: _Upload, project: Project) -> tuple[Release, bool]:
    """The release; its metadata are those of its first file, and later files do not change them."""
    parsed = upload.parsed
    release, is_new = Release.objects.get_or_create(
        project=project,
        normalized_version=parsed.normalized_version,
        defaults={
            "version": parsed.version,
            "created_at": upload.at,
            "summary": parsed.summary,
            "description": parsed.description,
            "description_content_type": parsed.description_content_type,
            "description_html": upload.description_html,
            "requires_python": parsed.requires_python,
            "metadata": parsed.metadata,
        },
    )
    if is_new:
        audit.record(upload.actor, audit.ReleaseCreated(project=project.normalized_name, version=release.version))
    return release, is_new


def _insert_file(upload: _Upload, release: Release) -> File:
    parsed, hashes = upload.parsed, upload.hashes
    UsedFilename.objects.create(
        filename=parsed.filename,
        sha256=hashes.sha256,
        project_name=release.project.normalized_name,
        used_at=upload.at,
    )
    return File.objects.create(
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
