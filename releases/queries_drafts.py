"""Drafts as their project's members see them."""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.actors import Actor
from indexsite.policies import Action, may, offers
from releases.models import Draft, DraftFile, DraftFileState, DraftState, Project

ENDED_SHOWN = 20


@dataclass(frozen=True)
class DraftLists:
    """Drafts of a project: those that may still be published, and the last of the others."""

    live: list[Draft]
    ended: list[Draft]


@dataclass(frozen=True)
class DraftPage:
    """One draft, its files without deleted ones, and which acts to offer."""

    draft: Draft
    files: list[DraftFile]
    total_bytes: int
    offers_hand_in: bool
    offers_publish: bool
    offers_return: bool
    offers_cancel: bool
    offers_renew: bool
    preview: str


def drafts_of(project: Project) -> DraftLists:
    """Every draft of the project that is still kept, the newest first."""
    drafts = Draft.objects.filter(project=project).select_related("created_by")
    live = list(drafts.live())
    ended = list(drafts.filter(ended_at__isnull=False).order_by("-ended_at")[:ENDED_SHOWN])
    return DraftLists(live, ended)


def draft_page(draft: Draft, *, actor: Actor) -> DraftPage:
    """All that the page of a draft shows."""
    files = draft.files.exclude(state=DraftFileState.CANCELED).select_related("created_by").order_by("filename")
    is_reviewed = draft.state == DraftState.REVIEW
    may_look_in = draft.is_live and bool(may(actor, Action.DRAFT_PREVIEW, draft))
    shown = list(files)
    is_ready = bool(shown) and all(file.state == DraftFileState.COMPLETED for file in shown)
    return DraftPage(
        draft=draft,
        files=shown,
        total_bytes=sum(max(file.size, 0) for file in shown),
        offers_hand_in=draft.is_editable and is_ready and offers(actor, Action.DRAFT_SUBMIT, draft),
        offers_publish=is_reviewed and offers(actor, Action.DRAFT_PUBLISH, draft),
        offers_return=is_reviewed and offers(actor, Action.DRAFT_RETURN, draft),
        offers_cancel=draft.is_editable and offers(actor, Action.DRAFT_CANCEL, draft),
        offers_renew=draft.is_live and offers(actor, Action.DRAFT_REPLACE, draft),
        preview=draft.token if may_look_in else "",
    )
