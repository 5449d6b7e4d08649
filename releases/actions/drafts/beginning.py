"""Beginning a draft, and making it last longer."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from packaging.utils import canonicalize_name, canonicalize_version
from packaging.version import Version

from indexsite import audit, clock, limits
from indexsite.actors import Actor
from indexsite.audit import drafts as events
from indexsite.errors import Conflict
from indexsite.limits import Limit
from indexsite.policies import Action, NewDraft, NewProject, require, require_now
from releases.actions import naming, releasing, tombstones
from releases.actions.drafts.standing import (
    DraftExists,
    event_of,
    insist_editable,
    insist_live,
    locked,
    move_preview,
    unusable,
)
from releases.models import Draft, Project, Release, find_project
from releases.models.drafts import FIRST_LIFE, LIFE, MAX_LIVE_PER_PROJECT, MAX_RESERVED_NAMES
from releases.upload import quoted, read_version

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_MAX_NAME = 200


class TooManyDrafts(Conflict):
    """The project has as many live drafts as it may, or the person as many reserved names."""

    code = "too-many-drafts"


def begin_draft(*, actor: Actor, name: str, version: str, at: datetime) -> Draft:
    """Begin a draft of one version; a name that nobody has is reserved while it lives (PEP 694).

    Raises:
        InvalidInput: the name or version cannot be used.
        NotAuthenticated, PermissionRefused: the actor may begin none here.
        DraftExists: there is a live one of this version, however spelled.
        TooManyDrafts, LimitReached: too many of them.
    """
    asked = _read(name, version)
    limits.consume(Limit.DRAFT_USER, str(actor.user.pk) if actor.user else "", at=at)
    found = find_project(asked.new.normalized_name)
    if found is None or naming.is_new_for(actor, found):
        naming.require_new_name(actor, Action.PROJECT_RESERVE, asked.subject, found=found, at=at)
    else:
        require(actor, Action.DRAFT_CREATE, NewDraft(found, asked.normalized_version))
    try:
        return _begin(actor, asked, found, at)
    except IntegrityError as error:
        # Cannot happen under the lock; the constraint stands behind it.
        raise Conflict("Somebody began a draft of this version at this moment; try again.") from error


class _Asked:
    """What somebody wants a draft of."""

    def __init__(self, name: str, version: Version, spelled: str) -> None:
        self.new = NewProject(name, canonicalize_name(name))
        self.version = spelled
        self.normalized_version = canonicalize_version(version)
        self.subject = NewDraft(self.new, self.normalized_version)


def _read(name: str, version: str) -> _Asked:
    if not _NAME.fullmatch(name) or len(name) > _MAX_NAME:
        raise unusable(
            f"The project name {quoted(name)} is invalid; use ASCII letters, digits, '.', '_' and '-', "
            "and begin and end with a letter or digit.",
            "invalid-name",
        )
    parsed = read_version(version)
    if parsed is None or parsed.local is not None:
        raise unusable(
            f"The version {quoted(version)} is not valid here (PEP 440, without a local part); use one such as "
            "'1.2.3'.",
            "invalid-version",
        )
    return _Asked(name, parsed, version)


@transaction.atomic
def _begin(actor: Actor, asked: _Asked, found: Project | None, at: datetime) -> Draft:
    releasing.bound_lock_wait()
    project, is_new = naming.lock_or_register(actor, Action.PROJECT_RESERVE, asked.subject, found=found, at=at)
    if not is_new:
        require_now(actor, Action.DRAFT_CREATE, NewDraft(project, asked.normalized_version))
    live = Draft.objects.live().filter(project=project)
    if (same := live.filter(normalized_version=asked.normalized_version).first()) is not None:
        raise DraftExists(same)
    if live.count() >= MAX_LIVE_PER_PROJECT:
        raise TooManyDrafts(
            f"Project '{project.name}' has {MAX_LIVE_PER_PROJECT} drafts; cancel one of them first."
        )
    if is_new and project.deletion_id is None:
        _reserve(actor, project, at)
    if project.deletion_id is None:
        _check_version(project, asked)
    draft = Draft.objects.create(
        project=project,
        name=project.name,
        normalized_name=project.normalized_name,
        version=asked.version,
        normalized_version=asked.normalized_version,
        reserves_name=not project.was_published,
        created_at=at,
        created_by=actor.person,
        created_with=actor.client,
        expires_at=_whole(at + (LIFE if project.was_published else FIRST_LIFE)),
    )
    audit.record(
        actor,
        event_of(events.DraftBegun, draft),
    )
    return draft


def _reserve(actor: Actor, project: Project, at: datetime) -> None:
    """The name is this person's while the draft lives: nobody else's, and on no page."""
    reserved = Draft.objects.live().filter(created_by=actor.person, reserves_name=True)
    if reserved.values("project").distinct().count() >= MAX_RESERVED_NAMES:
        raise TooManyDrafts(
            f"You keep {MAX_RESERVED_NAMES} names for first releases already; publish or cancel one of them first."
        )
    audit.record(actor, events.ProjectReserved(project=project.normalized_name))
    naming.make_owner(actor, project, at=at)


def _check_version(project: Project, asked: _Asked) -> None:
    """A deleted release can come back: until then nothing else is prepared in its place."""
    same = Release.with_deleted.filter(project=project, normalized_version=asked.normalized_version)
    release = same.first()
    if release is not None:
        release.project = project
        tombstones.check_not_deleted(release)


@transaction.atomic
def extend_draft(*, actor: Actor, draft: Draft, seconds: int, at: datetime) -> Draft:
    """Let the draft live `seconds` longer, as far as that is allowed; its end never moves back (PEP 694).

    Raises:
        DraftClosed: it does not change any more.
        PermissionRefused: the actor may not.
    """
    draft = locked(actor, Action.DRAFT_UPLOAD, draft)
    insist_editable(draft)
    wanted = draft.expires_at + timedelta(seconds=min(max(0, seconds), 366 * 86_400))
    until = max(draft.expires_at, min(_whole(wanted), _whole(draft.latest_end)))
    if until != draft.expires_at:
        draft.expires_at = until
        draft.save(update_fields=["expires_at"])
        audit.record(
            actor,
            event_of(events.DraftExtended, draft, expires_at=clock.written(until)),
        )
    return draft


@transaction.atomic
def renew_preview(*, actor: Actor, draft: Draft) -> Draft:
    """Give the draft's preview a new address, and let the old one die.

    Raises:
        DraftClosed: it has no preview any more.
        PermissionRefused: the actor may not.
    """
    draft = locked(actor, Action.DRAFT_REPLACE, draft)
    insist_live(draft)
    move_preview(actor, draft)
    return draft


def _whole(moment: datetime) -> datetime:
    """Whole seconds, as PEP 694 writes them; never earlier."""
    return moment.replace(microsecond=0) + timedelta(seconds=bool(moment.microsecond))
