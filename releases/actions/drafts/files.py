"""Files of a draft: announced, and taken out again."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

from django.db import transaction
from django.db.models import Sum
from packaging.utils import canonicalize_version

from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.audit import drafts as events
from indexsite.errors import Conflict, InvalidInput
from indexsite.policies import Action
from releases.actions import releasing
from releases.actions.drafts.standing import event_of, insist_editable, locked, unusable
from releases.models import Draft, DraftFile, DraftFileState, Project
from releases.models.drafts import MAX_FILES
from releases.upload import parse_file_name, quoted

WHOLE = "http-post-bytes"
CHUNKS = "vnd-indexsite-chunks"
MECHANISMS = (WHOLE, CHUNKS)
# `hashlib.algorithms_guaranteed` without those of no fixed length.
ALGORITHMS = frozenset(
    name for name in hashlib.algorithms_guaranteed if hashlib.new(name, usedforsecurity=False).digest_size
)


class MechanismUnknown(InvalidInput):
    """The way of upload is not offered here (PEP 694: 422)."""

    code = "unknown-mechanism"


class FileClosed(Conflict):
    """The file upload does not take this any more."""

    code = "file-closed"


class FileExistsInDraft(Conflict):
    """The draft has a file of this name, or is receiving one."""

    code = "file-in-draft"


@transaction.atomic
def begin_file(
    *,
    actor: Actor,
    draft: Draft,
    filename: str,
    size: int,
    hashes: dict[str, str],
    mechanism: str,
    at: datetime,
) -> DraftFile:
    """Announce a file.

    Args:
        size: in bytes.
        hashes: {algorithm: hex digest}, at least one, all of `ALGORITHMS`; all have to match in the end.

    Raises:
        InvalidInput: the name, size or hashes cannot be used; nothing of this name may be published (any more).
        MechanismUnknown: see there.
        FileExistsInDraft, FilenameReserved, DraftClosed: as the name says.
        PermissionRefused: the actor may not.
    """
    _check_announcement(draft, filename, size, hashes, mechanism)
    draft = locked(actor, Action.DRAFT_UPLOAD, draft)
    insist_editable(draft)
    assert draft.project is not None  # noqa: S101 - `locked` has seen to it
    if releasing.is_used(filename):
        raise _conflict(releasing.name_used(filename))
    releasing.check_not_reserved(filename)
    others = draft.files.exclude(state=DraftFileState.CANCELED)
    if (same := others.filter(filename=filename).first()) is not None:
        raise FileExistsInDraft(
            f"The draft has a file '{filename}' already ({same.state}); delete it before you send another."
        )
    if others.count() >= MAX_FILES:
        raise unusable(f"A draft has at most {MAX_FILES} files.", "too-many-files")
    check_room(draft.project, filename, size)
    return DraftFile.objects.create(
        draft=draft,
        filename=filename,
        mechanism=mechanism,
        claimed_size=size,
        claimed_hashes={name: digest.lower() for name, digest in hashes.items()},
        created_at=at,
        created_by=actor.person,
        created_with=actor.client,
        credential=actor.credential.label[:200],
    )


def _conflict(error: InvalidInput) -> Conflict:
    """PEP 694 answers 409 where the legacy upload has to answer 400."""
    return Conflict(error.sentence, code=error.code, help_path=error.help_path)


def _check_announcement(draft: Draft, filename: str, size: int, hashes: dict[str, str], mechanism: str) -> None:
    if mechanism not in MECHANISMS:
        raise MechanismUnknown(
            f"The mechanism {quoted(mechanism)} is not offered here; use one of {', '.join(MECHANISMS)}."
        )
    named = parse_file_name(filename)
    if named.normalized_name != draft.normalized_name:
        raise unusable(
            f"{quoted(filename)} is not of project '{draft.name}'; build it again or begin another draft.",
            "wrong-project",
        )
    if canonicalize_version(named.version) != draft.normalized_version:
        raise unusable(
            f"{quoted(filename)} is not of version {draft.version}; begin a draft of its version.", "wrong-version"
        )
    if not 0 < size <= limits.MAX_FILE_BYTES:
        raise unusable(
            f"A file has from 1 byte to {limits.MAX_FILE_BYTES // 1_000_000} MB; announced were {size}.",
            "invalid-size",
        )
    if not hashes:
        raise unusable("Give at least one digest by an algorithm such as sha256.", "hash-missing")
    for name, digest in hashes.items():
        # All of them have to match: one that nobody here can compute cannot.
        if name not in ALGORITHMS:
            raise unusable(
                f"The algorithm {quoted(name)} is not known here; use one such as sha256.", "invalid-hash"
            )
        length = 2 * hashlib.new(name, usedforsecurity=False).digest_size
        if not re.fullmatch(f"[0-9a-fA-F]{{{length}}}", digest):
            raise unusable(f"The {name} digest is not {length} hexadecimal digits.", "invalid-hash")


def check_room(project: Project, filename: str, size: int) -> None:
    """What is gathered counts like what is published.

    Raises:
        InvalidInput: the project has no room for it.
    """
    staged = DraftFile.objects.filter(draft__project=project, draft__ended_at=None).exclude(
        state__in=(DraftFileState.CANCELED, DraftFileState.ERROR)
    )
    taken = staged.aggregate(total=Sum("claimed_size"))["total"] or 0
    releasing.check_room(project, filename=filename, size=size, stored_bytes=project.stored_bytes() + taken)


@transaction.atomic
def remove_file(*, actor: Actor, file: DraftFile) -> DraftFile:
    """Take the file out of the draft; its name is free for another try. Safe to repeat.

    Raises:
        DraftClosed: the draft does not change now.
        PermissionRefused: the actor may not.
    """
    file = locked_file(actor, Action.DRAFT_REPLACE, file)
    if file.state == DraftFileState.CANCELED:
        return file
    file.state, file.notice = DraftFileState.CANCELED, ""
    file.save(update_fields=["state", "notice"])
    file.parts.all().delete()
    audit.record(actor, event_of(events.DraftFileRemoved, file.draft, filename=file.filename))
    return file


def locked_file(actor: Actor, action: Action, file: DraftFile) -> DraftFile:
    """The file as it is now, in a draft that may change, under the lock of its project.

    Raises:
        DraftClosed, InvalidInput, NotAuthenticated, PermissionRefused: as for `standing.locked`.
    """
    draft = locked(actor, action, file.draft)
    insist_editable(draft)
    file = DraftFile.objects.get(pk=file.pk)
    file.draft = draft
    return file


def insist_pending(file: DraftFile) -> None:
    """The upload of the file is not over.

    Raises:
        FileClosed: it is.
    """
    if file.state != DraftFileState.PENDING:
        raise FileClosed(f"The upload of '{file.filename}' is {file.state} and takes nothing more.")
