"""The end of a draft that is not published, and of what it kept: bytes, reserved names, its own row."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from indexsite import audit, reasons
from indexsite.actors import SITE, Actor
from indexsite.audit import drafts as events
from indexsite.audit.lifecycle import NO_REASON
from indexsite.policies import Action
from releases.actions import webhooks
from releases.actions.drafts import comparing, reminding
from releases.actions.drafts.standing import event_of, insist_editable, locked
from releases.models import Draft, DraftFile, DraftFileState, DraftState, Project, WebhookEvent, lock_project
from releases.models.drafts import STATUS_KEPT
from tokens.models import Token

EXPIRED = "Its time was over."


@transaction.atomic
def cancel_draft(*, actor: Actor, draft: Draft, reason: str = "", at: datetime) -> Draft:
    """End the draft; what was gathered is dropped, a name it reserved is free again. Safe to repeat.

    Raises:
        DraftClosed: it is being reviewed, or was published.
        InvalidInput: the reason is too long.
        PermissionRefused: the actor may not.
    """
    reason = reasons.clean(reason)
    if draft.state == DraftState.CANCELED:
        return draft
    draft = locked(actor, Action.DRAFT_CANCEL, draft)
    if draft.state == DraftState.CANCELED:
        return draft
    insist_editable(draft)
    _end(actor, draft, reason, at)
    return draft


def _end(actor: Actor, draft: Draft, reason: str, at: datetime) -> None:
    """Under the project's lock. Blobs go with the daily sweep, since no live draft names them any more."""
    draft.move(DraftState.CANCELED, at=at, notice=reason)
    draft.save(update_fields=["state", "notice", "ended_at"])
    draft.files.exclude(state=DraftFileState.CANCELED).update(state=DraftFileState.CANCELED)
    audit.record(
        actor,
        event_of(events.DraftCanceled, draft, reason=reason or NO_REASON),
    )
    webhooks.announce(draft, WebhookEvent.CANCELED, at=at)
    if draft.reserves_name and draft.project is not None:
        _give_name_back(actor, draft.project)


def _give_name_back(actor: Actor, project: Project) -> None:
    """Remove the project that drafts alone have kept, unless it was published or something else holds it."""
    is_held = project.was_published or project.deletion_id is not None or project.deletions.exists()
    if is_held or Draft.objects.live().filter(project=project).exists():
        return
    if Token.objects.unrevoked().filter(project=project).exists() or project.releases.exists():
        # Somebody has built on the name: it stays theirs, unpublished.
        return
    audit.record(actor, events.ReservationEnded(project=project.normalized_name))
    project.delete()


# -- what the worker does -------------------------------------------------------------------------------------


def tend(*, at: datetime) -> int:
    """Cancel drafts whose time is over, announce ends, and forget what ended long ago; how many were canceled."""
    expired = Draft.objects.expired(at).order_by("expires_at", "pk").values_list("pk", flat=True)
    canceled = sum(_expire(pk, at) for pk in list(expired))
    forget(at=at)
    comparing.forget_reports(at=at)
    reminding.remind_of_ends(at=at)
    return canceled


@transaction.atomic
def _expire(pk: int, at: datetime) -> bool:
    draft = Draft.objects.get(pk=pk)
    if draft.project_id is not None:
        lock_project(draft.project_id)
    # Asked again under the lock: it may have been extended, handed in or canceled.
    found = Draft.objects.expired(at).select_related("project").filter(pk=pk).first()
    if found is None:
        return False
    _end(SITE, found, EXPIRED, at)
    return True


def forget(*, at: datetime) -> int:
    """Delete rows of drafts that were canceled longer than `STATUS_KEPT` ago; how many."""
    old = Draft.objects.filter(state=DraftState.CANCELED, ended_at__lt=at - STATUS_KEPT)
    DraftFile.objects.filter(draft__in=old).delete()
    return old.delete()[0]
