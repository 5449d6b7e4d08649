"""From a draft to a release: handed in for review, returned, and published in one transaction with all its files.

What is published is byte for byte what was there under the lock: rows name blobs by their digests.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from indexsite import audit, reasons
from indexsite.actors import Actor
from indexsite.audit import drafts as events
from indexsite.policies import Action, may
from releases.actions import naming, pages, releasing, tombstones, webhooks
from releases.actions.drafts import comparing
from releases.actions.drafts.approving import void_all
from releases.actions.drafts.standing import (
    DraftClosed,
    DraftEmpty,
    FilenameConflict,
    FilesNotReady,
    ended,
    event_of,
    files_of,
    insist_editable,
    locked,
    review_address,
)
from releases.models import (
    Draft,
    DraftFile,
    DraftFileState,
    DraftState,
    PackageType,
    Project,
    ReservedFilename,
    ReviewMark,
    UsedFilename,
    WebhookEvent,
    digest_of,
)
from releases.notices import drafts as notices
from releases.queries_approvals import approvals_of
from releases.upload import Hashes


@transaction.atomic
def finish_draft(*, actor: Actor, draft: Draft, at: datetime) -> Draft:
    """What POST to `links.publish` means: published at once where the actor may do that, else handed in.

    Safe to repeat: a draft that is published or in review is answered as it is.

    Raises:
        DraftEmpty, FilesNotReady, FilenameConflict, DraftClosed: its state does not allow it; nothing changed.
        InvalidInput: its files no longer fit into the project.
        NotAuthenticated, PermissionRefused: the actor may do neither.
    """
    draft = locked(actor, Action.DRAFT_PUBLISH, draft, or_else=Action.DRAFT_SUBMIT)
    if draft.state in {DraftState.PUBLISHED, DraftState.REVIEW}:
        return draft
    insist_editable(draft)
    # Under the lock: where review was made a duty a moment ago, nobody publishes past it.
    if may(actor, Action.DRAFT_PUBLISH, draft):
        publish_locked(actor, draft, approvals=0, at=at)
    else:
        _submit(actor, draft, at)
    return draft


@transaction.atomic
def submit_draft(*, actor: Actor, draft: Draft, at: datetime) -> Draft:
    """Hand the draft in: it is frozen, its file names are reserved, and people are asked to look at it.

    Raises: as for `finish_draft`.
    """
    draft = locked(actor, Action.DRAFT_SUBMIT, draft)
    if draft.state == DraftState.REVIEW:
        return draft
    insist_editable(draft)
    _submit(actor, draft, at)
    return draft


def _submit(actor: Actor, draft: Draft, at: datetime) -> None:
    files = _checked(draft)
    draft.digest = digest_of(files)
    draft.move(DraftState.REVIEW, at=at)
    draft.save(update_fields=["digest", "state", "notice", "ended_at"])
    ReservedFilename.objects.bulk_create([ReservedFilename(filename=file.filename, draft=draft) for file in files])
    comparing.ask_for_comparison(draft)
    webhooks.announce(draft, WebhookEvent.SUBMITTED, at=at)
    event = audit.record(actor, event_of(events.DraftSubmitted, draft, digest=draft.digest))
    notices.submitted(draft, files=files, by=actor, address=review_address(draft), event_id=event.pk, at=at)


@transaction.atomic
def return_draft(*, actor: Actor, draft: Draft, reason: str, at: datetime) -> Draft:
    """Take the draft out of review, for it to be changed or canceled. `reason` is for whoever gathered it.

    Raises:
        DraftClosed: it is not in review.
        InvalidInput: no reason, or too long a one.
        PermissionRefused: the actor may not.
    """
    reason = reasons.clean(reason, is_needed=True)
    draft = locked(actor, Action.DRAFT_RETURN, draft)
    if draft.state != DraftState.REVIEW:
        raise DraftClosed(f"The draft of {draft.name} {draft.version} is not in review.")
    give_back(actor, draft, reason, at=at)
    return draft


def give_back(actor: Actor, draft: Draft, reason: str, *, at: datetime) -> None:
    """Out of review, for the caller, who holds the lock and has asked; whatever was signed about it is void."""
    void_all(actor, draft, "The draft was returned.", at=at)
    draft.reserved.all().delete()
    draft.digest, draft.publish_at = "", None
    draft.move(DraftState.RETURNED, at=at, notice=reason)
    draft.save(update_fields=["digest", "publish_at", "state", "notice", "ended_at"])
    webhooks.announce(draft, WebhookEvent.RETURNED, at=at)
    event = audit.record(actor, event_of(events.DraftReturned, draft, reason=reason))
    notices.returned(draft, by=actor, reason=reason, address=review_address(draft), event_id=event.pk, at=at)


@transaction.atomic
def publish_draft(*, actor: Actor, draft: Draft, digest: str, at: datetime) -> Draft:
    """Publish a draft that was reviewed. Safe to repeat.

    Args:
        digest: the draft digest that the actor has looked at.

    Raises:
        DraftClosed: it is not in review, or its files are others than the actor saw.
        FilenameConflict, InvalidInput, PermissionRefused: as for `finish_draft`.
    """
    draft = locked(actor, Action.DRAFT_PUBLISH, draft)
    if draft.state == DraftState.PUBLISHED and draft.digest == digest:
        return draft
    if not draft.is_live:
        raise ended(draft)
    if draft.state != DraftState.REVIEW or draft.digest != digest:
        raise DraftClosed(
            f"The draft of {draft.name} {draft.version} is not what you looked at any more; look at it again at "
            f"{review_address(draft)}"
        )
    publish_locked(actor, draft, approvals=approvals_of(draft).given, at=at)
    return draft


def _checked(draft: Draft) -> list[DraftFile]:
    """Its files, if they could be published at this moment; under the lock.

    Raises:
        InvalidInput: they do not fit.
        DraftEmpty, FilesNotReady, FilenameConflict: see there.
    """
    files = files_of(draft)
    if not files:
        raise DraftEmpty("A draft without files cannot be published; add one.")
    waiting = {file.filename: file.state for file in files if file.state != DraftFileState.COMPLETED}
    if waiting:
        raise FilesNotReady(waiting)
    names = [file.filename for file in files]
    taken = {*UsedFilename.objects.filter(filename__in=names).values_list("filename", flat=True)}
    taken |= {
        *ReservedFilename.objects.filter(filename__in=names)
        .exclude(draft=draft)
        .values_list("filename", flat=True)
    }
    if taken:
        raise FilenameConflict(taken)
    assert draft.project is not None  # noqa: S101 - `locked` has seen to it
    _check_fit(draft.project, draft, files)
    return files


def _check_fit(project: Project, draft: Draft, files: Sequence[DraftFile]) -> None:
    if any(file.package_type == PackageType.SDIST for file in files):
        releasing.check_one_sdist(project, version=draft.version, normalized_version=draft.normalized_version)
    total = sum(file.size for file in files)
    releasing.check_room(project, filename=files[0].filename, size=total, stored_bytes=project.stored_bytes())


def publish_locked(actor: Actor, draft: Draft, *, approvals: int, at: datetime) -> None:
    """All files become visible when the caller's transaction commits, or none. The caller holds the lock, and has
    asked whether the actor may do it.

    Args:
        approvals: how many people's approvals count at this moment; the public is told, with the rules of now.

    Raises:
        DraftEmpty, FilesNotReady, FilenameConflict, InvalidInput: as for `finish_draft`.
    """
    files = _checked(draft)
    project = draft.project
    assert project is not None  # noqa: S101 - `locked` has seen to it
    draft.digest = digest_of(files)
    is_first = project.deletion_id is not None or naming.is_reserved_only(project)
    if project.deletion_id is not None:
        tombstones.take_up(project, name=draft.name, at=at)
        naming.make_owner(actor, project, at=at)
    if is_first:
        audit.record(actor, audit.ProjectCreated(project=project.normalized_name))
    about = releasing.About(**files[0].about)
    release, is_new = releasing.find_or_create_release(actor, project, about, at=at)
    mark = ReviewMark.of(draft, project.publishing_policy, approvals=approvals, at=at)
    mark.save(force_insert=True)
    listed = pages.files_of(project)
    releasing.add_files(actor, release, [_as_new(file, mark, at) for file in files], listed=listed, at=at)
    draft.reserved.all().delete()
    draft.move(DraftState.PUBLISHED, at=at)
    draft.save(update_fields=["digest", "state", "notice", "ended_at"])
    audit.record(actor, event_of(events.DraftPublished, draft, digest=draft.digest))
    webhooks.announce(draft, WebhookEvent.PUBLISHED, at=at)
    releasing.tell(actor, release, is_new_project=is_first, is_new_release=is_new, at=at)


def _as_new(file: DraftFile, mark: ReviewMark, at: datetime) -> releasing.NewFile:
    return releasing.NewFile(
        filename=file.filename,
        package_type=file.package_type,
        python_version=file.python_version,
        requires_python=file.requires_python,
        hashes=Hashes(md5=file.md5, sha256=file.sha256, blake2_256=file.blake2_256, size=file.size),
        metadata_sha256=file.metadata_sha256,
        uploaded_at=at,
        uploaded_by=file.created_by,
        uploaded_with=file.created_with,
        review_mark=mark,
    )
