"""Drafts as their project's members see them."""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.actors import Actor
from indexsite.policies import Action, Denied, may, offers
from releases.models import (
    Draft,
    DraftFile,
    DraftFileState,
    DraftState,
    Project,
    SignedAct,
    SignedStatement,
)
from releases.queries_approvals import Approvals, approvals_of

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
    offers_approve: bool
    offers_withdraw: bool
    offers_release: bool
    offers_unschedule: bool
    preview: str
    approvals: Approvals
    # What was signed and stands; for a published draft, what it was published on.
    signed: list[SignedStatement]
    # Why an approver cannot approve; "" for others.
    cannot_approve: str


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
    approvals, signed = approvals_of(draft), _signed(draft)
    has_approved = any(row.person == actor.user and row.act == SignedAct.APPROVE for row in signed)
    project = draft.project
    is_signed_for = is_reviewed and project is not None and project.publishing_policy.is_review_required
    may_need_me = is_signed_for and approvals.needed > 0 and not has_approved
    is_ready = bool(shown) and all(file.state == DraftFileState.COMPLETED for file in shown)
    return DraftPage(
        draft=draft,
        files=shown,
        total_bytes=sum(max(file.size, 0) for file in shown),
        offers_hand_in=draft.is_editable and is_ready and offers(actor, Action.DRAFT_SUBMIT, draft),
        offers_publish=is_reviewed and offers(actor, Action.DRAFT_PUBLISH, draft),
        offers_approve=may_need_me and offers(actor, Action.DRAFT_APPROVE, draft),
        offers_withdraw=is_reviewed and has_approved,
        offers_release=is_signed_for and approvals.are_enough and offers(actor, Action.DRAFT_RELEASE, draft),
        offers_unschedule=draft.publish_at is not None and offers(actor, Action.DRAFT_RETURN, draft),
        approvals=approvals,
        signed=signed,
        cannot_approve=_cannot_approve(actor, draft) if may_need_me else "",
        offers_return=is_reviewed and offers(actor, Action.DRAFT_RETURN, draft),
        offers_cancel=draft.is_editable and offers(actor, Action.DRAFT_CANCEL, draft),
        offers_renew=draft.is_live and offers(actor, Action.DRAFT_REPLACE, draft),
        preview=draft.token if may_look_in else "",
    )


def _signed(draft: Draft) -> list[SignedStatement]:
    if not draft.digest:
        return []
    live = SignedStatement.objects.live().filter(draft=draft, draft_digest=draft.digest)
    return list(live.select_related("person"))


_OWN_REASONS = {"own-upload", "role-too-new", "second-factor-required", "edits-frozen", "on-hold"}


def _cannot_approve(actor: Actor, draft: Draft) -> str:
    verdict = may(actor, Action.DRAFT_APPROVE, draft)
    return verdict.sentence if isinstance(verdict, Denied) and verdict.code in _OWN_REASONS else ""
