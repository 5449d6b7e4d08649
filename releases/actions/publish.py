"""Publishing one file at once: the path of every legacy upload.

Bytes are stored before the row that names them, and the row, its release, its project, the audit trail, the
letters and the simple page are one transaction: a crash leaves at most a blob that nothing names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import DataError, transaction

from indexsite import audit
from indexsite.actors import Actor
from indexsite.errors import InvalidInput, PermissionRefused
from indexsite.policies import Action, NewFile, NewProject, require, require_now
from releases import description
from releases.actions import naming, pages, releasing, tombstones
from releases.models import File, PackageType, Project, find_project
from releases.upload import Hashes, ParsedUpload, parse_upload


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


def parse(incoming: IncomingFile) -> ParsedUpload:
    """Raises: InvalidInput: the file or its metadata cannot be used."""
    return parse_upload(incoming.path, filename=incoming.filename, form=incoming.form, hashes=incoming.hashes)


def publish_file(*, actor: Actor, incoming: IncomingFile, at: datetime) -> PublishResult:
    """Validate one file and publish it; project and release come into being with their first file.

    Raises:
        InvalidInput: the file, its metadata, its name or the project's name cannot be used.
        NotAuthenticated, PermissionRefused: the actor may not upload here, or review is required.
        FilenameReserved: a draft in review will have a file of this name.
        LimitReached: the actor has made too many projects.
    """
    parsed = parse(incoming)
    return publish_parsed(actor, incoming, parsed, find_project(parsed.normalized_name), at)


def publish_parsed(
    actor: Actor, incoming: IncomingFile, parsed: ParsedUpload, project: Project | None, at: datetime
) -> PublishResult:
    """The same, of a file that was looked at already; `project` is the row of its name, deleted or not.

    Raises: as for `publish_file`.
    """
    if project is None or naming.is_new_for(actor, project):
        naming.require_new_name(actor, Action.PROJECT_CREATE, _subject(parsed), found=project, at=at)
        _insist_on_no_review(project)
    else:
        require(actor, Action.FILE_UPLOAD, NewFile(project, parsed.normalized_version))
    if (same := _published_before(project, parsed, incoming.hashes)) is not None:
        return PublishResult(same, created=False)
    if project is not None:
        _check_room(project, parsed, incoming.hashes.size, stored_bytes=project.stored_bytes())
    html = description.render(parsed.description, parsed.description_content_type)
    metadata_sha256 = releasing.store_blobs(incoming.path, incoming.hashes, parsed.metadata_bytes)
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

    @property
    def new_file(self) -> releasing.NewFile:
        return releasing.NewFile(
            filename=self.parsed.filename,
            package_type=self.parsed.package_type,
            python_version=self.parsed.python_version,
            requires_python=self.parsed.requires_python,
            hashes=self.hashes,
            metadata_sha256=self.metadata_sha256,
            uploaded_at=self.at,
            uploaded_by=self.actor.user,
            uploaded_with=self.actor.client,
        )


def _subject(parsed: ParsedUpload) -> NewFile:
    return NewFile(NewProject(parsed.project_name, parsed.normalized_name), parsed.normalized_version)


def _published_before(project: Project | None, parsed: ParsedUpload, hashes: Hashes) -> File | None:
    """The file that is already published under this name with these bytes.

    Asked before bytes are stored, to spare them, and under the lock, to be sure.

    Raises:
        InvalidInput: the name is used up.
    """
    if releasing.is_used(parsed.filename):
        # Nearly always it is not, and then there is no need to look for the file.
        same = File.objects.filter(filename=parsed.filename, sha256=hashes.sha256, release__project=project)
        if (file := same.select_related("release__project").first()) is not None:
            return file
        raise releasing.name_used(parsed.filename)
    return None


def _insist_on_no_review(project: Project | None) -> None:
    """A project that was deleted keeps its rules: else deleting it would be a way around them.

    Raises:
        PermissionRefused: review is required.
    """
    if project is None or project.deletion_id is None or not project.publishing_policy.is_review_required:
        return
    raise PermissionRefused(
        f"Project '{project.name}' published after review only, and still does; upload to "
        f"{settings.SITE_URL}/draft/legacy/ instead.",
        code="draft-required",
    )


def _check_room(project: Project, parsed: ParsedUpload, size: int, *, stored_bytes: int) -> None:
    if parsed.package_type == PackageType.SDIST:
        releasing.check_one_sdist(project, version=parsed.version, normalized_version=parsed.normalized_version)
    releasing.check_room(project, filename=parsed.filename, size=size, stored_bytes=stored_bytes)


@transaction.atomic
def _commit(upload: _Upload) -> PublishResult:
    actor, parsed, at = upload.actor, upload.parsed, upload.at
    releasing.bound_lock_wait()
    project, is_new_project = naming.lock_or_register(
        actor, Action.PROJECT_CREATE, _subject(parsed), found=upload.project, at=at
    )
    if not is_new_project:
        # Again, now that nobody else can change it: roles, status and files may have moved while bytes came in.
        require_now(actor, Action.FILE_UPLOAD, NewFile(project, parsed.normalized_version))
    elif project.deletion_id is not None:
        _insist_on_no_review(project)
        tombstones.take_up(project, name=parsed.project_name, at=at)
    if (same := _published_before(project, parsed, upload.hashes)) is not None:
        return PublishResult(same, created=False)
    releasing.check_not_reserved(parsed.filename)
    files = pages.files_of(project)
    _check_room(project, parsed, upload.hashes.size, stored_bytes=sum(file.size for file in files))
    is_first = is_new_project or naming.is_reserved_only(project)
    if is_first:
        audit.record(actor, audit.ProjectCreated(project=project.normalized_name))
    if is_new_project:
        naming.make_owner(actor, project, at=at)
    about = releasing.About.of(parsed, upload.description_html)
    release, is_new_release = releasing.find_or_create_release(actor, project, about, at=at)
    (file,) = releasing.add_files(actor, release, [upload.new_file], listed=files, at=at)
    releasing.tell(actor, release, is_new_project=is_first, is_new_release=is_new_release, at=at)
    return PublishResult(file, created=True)
