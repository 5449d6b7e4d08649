"""Staging: one file of a legacy upload, into the draft of its version instead of the index."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import DataError, transaction

from indexsite import audit
from indexsite.actors import Actor
from indexsite.audit import drafts as events
from indexsite.errors import InvalidInput, PermissionRefused
from indexsite.policies import Action, NewDraft, may, require
from releases import description
from releases.actions import naming, releasing
from releases.actions.drafts.beginning import begin_draft
from releases.actions.drafts.completing import second_sdist
from releases.actions.drafts.files import check_room
from releases.actions.drafts.standing import DraftExists, event_of, locked, review_address, unusable
from releases.actions.publish import IncomingFile
from releases.models import Draft, DraftFile, DraftFileState, File, Project
from releases.models.drafts import MAX_FILES
from releases.upload import ParsedUpload

LEGACY = "legacy-form"


@dataclass(frozen=True)
class Staged:
    """Where the file is: in a draft, or published already. `created` is False for a repetition."""

    filename: str
    draft: Draft | None
    published: File | None = None
    created: bool = True


def stage_parsed(
    actor: Actor, incoming: IncomingFile, parsed: ParsedUpload, project: Project | None, at: datetime
) -> Staged:
    """Put a valid file into the live draft of its version, which is begun if there is none.

    What a policy or a review stands against is refused as a matter of permission, never as a conflict: clients of
    this protocol may take any conflict for "is there already" and go on.

    Args:
        project: the row of its name, deleted or not.

    Raises:
        InvalidInput: the file's metadata or its name cannot be used.
        NotAuthenticated, PermissionRefused: the actor may not, or the draft has another file of this name, which
            the actor may not replace, or it is being reviewed.
        FilenameReserved: another draft in review will have a file of this name.
        LimitReached, TooManyDrafts: too many drafts.
    """
    draft = None
    if project is not None and not naming.is_new_for(actor, project):
        draft = Draft.objects.live().filter(project=project, normalized_version=parsed.normalized_version).first()
        subject = draft or NewDraft(project, parsed.normalized_version)
        require(actor, Action.DRAFT_CREATE if draft is None else Action.DRAFT_UPLOAD, subject)
        if (same := _published(project, parsed, incoming)) is not None:
            return Staged(parsed.filename, draft, published=same, created=False)
    draft = draft or _begin(actor, parsed, at)
    html = description.render(parsed.description, parsed.description_content_type)
    metadata_sha256 = releasing.store_blobs(incoming.path, incoming.hashes, parsed.metadata_bytes)
    about = asdict(releasing.About.of(parsed, html))
    file = DraftFile(
        filename=parsed.filename,
        state=DraftFileState.COMPLETED,
        mechanism=LEGACY,
        claimed_size=incoming.hashes.size,
        claimed_hashes={"sha256": incoming.hashes.sha256},
        size=incoming.hashes.size,
        md5=incoming.hashes.md5,
        sha256=incoming.hashes.sha256,
        blake2_256=incoming.hashes.blake2_256,
        package_type=parsed.package_type,
        python_version=parsed.python_version,
        requires_python=parsed.requires_python,
        metadata_sha256=metadata_sha256,
        about=about,
        created_at=at,
        completed_at=at,
        created_by=actor.person,
        created_with=actor.client,
        credential=actor.credential.label[:200],
    )
    try:
        return _add(actor, draft, file)
    except DataError as error:
        raise unusable(
            "The metadata holds a value that cannot be stored; shorten it or remove control characters.",
            "unstorable-metadata",
        ) from error


def _published(project: Project, parsed: ParsedUpload, incoming: IncomingFile) -> File | None:
    """Raises: InvalidInput: the name was used for other bytes."""
    if not releasing.is_used(parsed.filename):
        return None
    same = File.objects.filter(
        filename=parsed.filename, sha256=incoming.hashes.sha256, release__project=project
    ).select_related("release__project")
    if (file := same.first()) is not None:
        return file
    raise releasing.name_used(parsed.filename)


def _begin(actor: Actor, parsed: ParsedUpload, at: datetime) -> Draft:
    try:
        return begin_draft(actor=actor, name=parsed.project_name, version=parsed.version, at=at)
    except DraftExists as error:  # begun by somebody else at this moment
        return error.draft


@transaction.atomic
def _add(actor: Actor, draft: Draft, file: DraftFile) -> Staged:
    draft = locked(actor, Action.DRAFT_UPLOAD, draft)
    others = draft.files.exclude(state=DraftFileState.CANCELED)
    there = others.filter(filename=file.filename).first()
    if there is not None and there.state == DraftFileState.COMPLETED and there.sha256 == file.sha256:
        return Staged(file.filename, draft, created=False)
    if not draft.is_editable:
        raise PermissionRefused(
            f"The draft of {draft.name} {draft.version} is {draft.get_state_display().lower()} and cannot change; "
            f"see {review_address(draft)}",
            code="draft-closed",
        )
    if there is not None:
        _replace(actor, draft, there)
    _check(draft, file)
    file.draft = draft
    file.save()
    event = event_of(events.DraftFileAdded, draft, filename=file.filename, sha256=file.sha256, size=file.size)
    audit.record(actor, event)
    return Staged(file.filename, draft)


def _replace(actor: Actor, draft: Draft, there: DraftFile) -> None:
    if not may(actor, Action.DRAFT_REPLACE, draft):
        raise PermissionRefused(
            f"The draft has a file '{there.filename}' with other contents ({there.state}), and this token may not "
            "replace files; delete it first.",
            code="file-in-draft",
        )
    there.state, there.notice = DraftFileState.CANCELED, ""
    there.save(update_fields=["state", "notice"])
    there.parts.all().delete()
    audit.record(actor, event_of(events.DraftFileRemoved, draft, filename=there.filename))


def _check(draft: Draft, file: DraftFile) -> None:
    """What is asked for every file of a draft.

    Raises:
        InvalidInput, FilenameReserved: as for `stage_parsed`.
    """
    assert draft.project is not None  # noqa: S101 - `locked` has seen to it
    if releasing.is_used(file.filename):
        raise releasing.name_used(file.filename)
    releasing.check_not_reserved(file.filename)
    if draft.files.exclude(state=DraftFileState.CANCELED).count() >= MAX_FILES:
        raise unusable(f"A draft has at most {MAX_FILES} files.", "too-many-files")
    if problem := second_sdist(draft, file.package_type):
        raise InvalidInput(problem, code="second-sdist")
    check_room(draft.project, file.filename, file.size)
