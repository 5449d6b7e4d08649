"""What every act on a draft shares: finding it, the lock, and the refusals that its state gives."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.conf import settings

from indexsite import audit
from indexsite.actors import Actor
from indexsite.audit.drafts import DraftPreviewRenewed
from indexsite.errors import Conflict, InvalidInput, NotAuthenticated, NotFound
from indexsite.policies import Action, may, require, require_now
from releases.actions import tombstones
from releases.actions.releasing import bound_lock_wait
from releases.models import Draft, DraftFile, DraftFileState, DraftState, holds_role, lock_project


class DraftExists(Conflict):
    """There is a live draft of this version already. `draft` is it; the actor may know of it."""

    code = "draft-exists"

    def __init__(self, draft: Draft) -> None:
        super().__init__(
            f"There is a draft of {draft.name} {draft.version} already; add to it, or cancel it first."
        )
        self.draft = draft


class DraftClosed(Conflict):
    """The draft does not change any more, or not now."""

    code = "draft-closed"


class FilesNotReady(Conflict):
    """Some files of the draft are not completed: `states` has them, by name."""

    code = "files-not-ready"

    def __init__(self, states: Mapping[str, str]) -> None:
        self.states = dict(states)
        shown = ", ".join(f"'{name}' ({state})" for name, state in list(self.states.items())[:5])
        more = " and others" if len(self.states) > 5 else ""
        super().__init__(f"These files are not completed: {shown}{more}; complete or delete them.")


class DraftEmpty(Conflict):
    """The draft has no files."""

    code = "draft-empty"


class FilenameConflict(Conflict):
    """Files of these names were published, or are reserved, by now."""

    code = "filename-conflict"

    def __init__(self, filenames: Iterable[str]) -> None:
        self.filenames = sorted(filenames)
        shown = ", ".join(f"'{name}'" for name in self.filenames[:5])
        more = " and others" if len(self.filenames) > 5 else ""
        super().__init__(
            f"These names are used or reserved already: {shown}{more}; remove the files, or raise the version."
        )


def find_draft(*, actor: Actor, public_id: uuid.UUID) -> Draft:
    """The draft, for whoever may read it. What reserved a name and was given up, only its author still sees.

    Raises:
        NotFound: there is none, or the actor has no role on its project.
        PermissionRefused: the actor's credential or rights do not extend to it.
    """
    draft = Draft.objects.select_related("project", "created_by").filter(public_id=public_id).first()
    if draft is None or (draft.project is None and draft.created_by != actor.user):
        raise NotFound("There is no such draft, or it is no longer kept.", code="no-such-draft")
    if draft.project is not None:
        require(actor, Action.DRAFT_READ, draft)
    return draft


def find_draft_file(*, actor: Actor, public_id: uuid.UUID) -> DraftFile:
    """The same for one of its files.

    Raises:
        NotFound, PermissionRefused: as for `find_draft`.
    """
    file = (
        DraftFile.objects.select_related("draft__project", "draft__created_by").filter(public_id=public_id).first()
    )
    if file is None:
        raise NotFound("There is no such file upload, or it is no longer kept.", code="no-such-file-upload")
    file.draft = find_draft(actor=actor, public_id=file.draft.public_id)
    return file


def files_of(draft: Draft) -> list[DraftFile]:
    """Its files, without canceled ones, by name."""
    files = list(
        draft.files.select_related("created_by").exclude(state=DraftFileState.CANCELED).order_by("filename")
    )
    for file in files:
        file.draft = draft
    return files


def review_address(draft: Draft) -> str:
    """Where people look at it."""
    return f"{settings.SITE_URL}/manage/draft/{draft.public_id}/"


def locked(actor: Actor, action: Action, draft: Draft, *, or_else: Action | None = None) -> Draft:
    """The draft as it is now, with its project's row locked until the transaction ends, and the policy asked anew.

    Args:
        or_else: what will do where `action` is refused; the caller finds out which it is by asking again.

    Raises:
        DraftClosed: its project is gone.
        InvalidInput: its project was deleted and is not the actor's to begin anew.
        NotAuthenticated, PermissionRefused: the actor may not (any more).
    """
    draft = lock(draft)
    if or_else is not None and not may(actor, action, draft):
        action = or_else
    require_now(actor, action, draft)
    assert draft.project is not None  # noqa: S101 - `lock` has seen to it
    if draft.project.deletion_id is not None:
        tombstones.check_may_take_up(actor, draft.project, draft.project.name)
    return draft


def lock(draft: Draft) -> Draft:
    """The draft as it is now, with its project's row locked until the transaction ends; nobody's right is asked.

    Raises:
        DraftClosed: its project is gone.
    """
    bound_lock_wait()
    if draft.project_id is None:
        raise ended(draft)
    project = lock_project(draft.project_id)
    draft = Draft.objects.select_related("created_by").get(pk=draft.pk)
    if draft.project_id is None:
        raise ended(draft)
    draft.project = project
    return draft


def insist_editable(draft: Draft) -> None:
    """The draft may change now.

    Raises:
        DraftClosed: it is being reviewed, or over.
    """
    if draft.state == DraftState.REVIEW:
        raise DraftClosed(
            f"The draft of {draft.name} {draft.version} is being reviewed and cannot change; take it back first "
            f"at {review_address(draft)}"
        )
    if not draft.is_editable:
        raise ended(draft)


def ended(draft: Draft) -> DraftClosed:
    """The refusal for a draft that is over."""
    state = DraftState(draft.state).label.lower()
    return DraftClosed(f"This draft of {draft.name} {draft.version} was {state}; begin another one.")


def unusable(sentence: str, code: str) -> InvalidInput:
    """A refusal of what was sent."""
    return InvalidInput(sentence, code=code)


def insist_live(draft: Draft) -> None:
    """It may still be published.

    Raises:
        DraftClosed: it is over.
    """
    if not draft.is_live:
        raise ended(draft)


def event_of[Kind: audit.Event](kind: Callable[..., Kind], draft: Draft, **fields: Any) -> Kind:
    """The event of this draft, with what this kind says beside."""
    return kind(project=draft.normalized_name, draft=str(draft.public_id), version=draft.version, **fields)


def move_preview(actor: Actor, draft: Draft) -> None:
    """Give its preview a new address, for the caller, who holds the lock and has asked."""
    draft.epoch += 1
    draft.save(update_fields=["epoch"])
    audit.record(actor, event_of(DraftPreviewRenewed, draft))


def open_draft(*, actor: Actor, public_id: uuid.UUID) -> Draft:
    """The draft, for its page: strangers hear that there is none.

    Raises:
        NotAuthenticated: nobody is signed in.
        NotFound: there is none, or the person has no role on its project.
        PermissionRefused: the person's rights are suspended.
    """
    if actor.user is None:
        raise NotAuthenticated("Sign in to look at drafts.", help_path="/account/login/")
    draft = Draft.objects.select_related("project").filter(public_id=public_id).first()
    if draft is not None and draft.project is not None and not holds_role(actor.user, draft.project):
        raise NotFound("There is no such draft, or it is no longer kept.", code="no-such-draft")
    return find_draft(actor=actor, public_id=public_id)
