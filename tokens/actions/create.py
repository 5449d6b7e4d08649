"""Creating a token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import User
from indexsite import audit, limits
from indexsite.actors import Actor, Permission, with_parts
from indexsite.audit import tokens as events
from indexsite.errors import InvalidInput
from indexsite.limits import Limit
from indexsite.policies import Action, require, require_locked
from releases.models import Project
from tokens import notices
from tokens.macaroons import caveats
from tokens.macaroons.wire import MacaroonError
from tokens.models import GRANTED, MAX_DESCRIPTION, USES, Token, join_words

# The act behind each permission: nobody makes a token for one project that could not do what it is made for.
ACTS = {
    Permission.UPLOAD: Action.FILE_UPLOAD,
    Permission.DRAFT_CREATE: Action.DRAFT_CREATE,
    Permission.DRAFT_UPLOAD: Action.DRAFT_UPLOAD,
    Permission.DRAFT_REPLACE: Action.DRAFT_REPLACE,
    Permission.DRAFT_SUBMIT: Action.DRAFT_SUBMIT,
    Permission.DRAFT_READ: Action.DRAFT_READ,
    Permission.DRAFT_PREVIEW: Action.DRAFT_PREVIEW,
    Permission.DRAFT_CANCEL: Action.DRAFT_CANCEL,
    Permission.PUBLISH: Action.DRAFT_PUBLISH,
    Permission.READ_HISTORY: Action.HISTORY_VIEW,
    Permission.READ_MEMBERS: Action.MEMBERS_VIEW,
    Permission.YANK: Action.RELEASE_YANK,
    Permission.INVITE: Action.ROLE_INVITE,
}


_ABOUT_VERSIONS = with_parts({Permission.UPLOAD}) | {Permission.READ_ACCOUNT}


@dataclass(frozen=True)
class CreatedToken:
    """The new row, and the token itself: show it once and forget it."""

    token: Token
    secret: str


def create_token(
    *,
    actor: Actor,
    description: str,
    project: Project | None,
    expires_at: datetime | None,
    at: datetime,
    permissions: frozenset[Permission] = GRANTED,
    versions: str = "",
) -> CreatedToken:
    """Make a token for all projects of `actor` (`project` None) or for one only.

    Args:
        permissions: what it may be used for; whose it is, it may always say.
        expires_at: the first moment at which it no longer works, or None for never.
        versions: the only versions it is good for, a set such as ">=2,<3" (PEP 440), or "" for all.

    Raises:
        PermissionRefused: the actor may not create tokens, or may not do on the project what the token is for.
        InvalidInput: no description, one that a live token of theirs has, an end that has passed, or a set of
            versions that cannot be read or does not go with what the token is for.
        LimitReached: the actor has made too many today.
    """
    require(actor, Action.TOKEN_CREATE)
    if project is not None:
        for act in sorted({ACTS[permission] for permission in permissions & ACTS.keys()}):
            require(actor, act, project)
    description = _usable(description)
    versions = _readable(versions, permissions)
    if expires_at is not None:
        expires_at = expires_at.replace(microsecond=0)  # caveats count in seconds; the row says the same
    if expires_at is not None and expires_at <= at:
        raise InvalidInput("The end of the token's life must lie in the future.", code="expiry-passed")
    limits.consume(Limit.TOKEN_CREATE_USER, str(actor.person.pk), at=at)
    token = Token(
        user=actor.person,
        description=description,
        caveats=[
            caveat.encode()
            for caveat in _restrictions(actor.person, project, permissions, versions, expires_at, at)
        ],
        permissions=None if permissions == GRANTED else sorted(permissions),
        project=project,
        created_at=at,
        expires_at=expires_at,
    )
    token.remind_at = token.reminder_due_at
    _store(token, by=actor)
    return CreatedToken(token, token.secret())


def _usable(description: str) -> str:
    cleaned = " ".join(description.split())
    if not cleaned or len(cleaned) > MAX_DESCRIPTION or not cleaned.isprintable():
        raise InvalidInput(
            f"Describe the token in 1 to {MAX_DESCRIPTION} characters.", code="description-unusable"
        )
    return cleaned


def _readable(versions: str, permissions: frozenset[Permission]) -> str:
    versions = "".join(versions.split())
    if not versions:
        return ""
    try:
        caveats.decode([caveats.Versions.tag, versions])
    except MacaroonError as error:
        raise InvalidInput(
            "Write versions as installers read them, such as >=2,<3.", code="versions-unreadable"
        ) from error
    # Where no version is asked about, a token for some would be refused: better now than in the pipeline.
    if others := permissions - _ABOUT_VERSIONS:
        words = join_words([USES[permission] for permission in sorted(others)])
        raise InvalidInput(
            f"Versions go with drafts and uploads only: leave them out, or make another token to {words}.",
            code="versions-unfit",
        )
    return versions


def _restrictions(
    user: User,
    project: Project | None,
    permissions: frozenset[Permission],
    versions: str,
    expires_at: datetime | None,
    at: datetime,
) -> list[caveats.AnyCaveat]:
    chain: list[caveats.AnyCaveat] = [caveats.RequestUser(caveats.public_id(user.pk))]
    if project is not None:
        chain.append(caveats.ProjectNames((project.normalized_name,)))
        # By id as well: should the name ever go to somebody else, the token does not go with it.
        chain.append(caveats.ProjectIds((caveats.public_id(project.pk),)))
    if permissions != GRANTED:
        chain.append(caveats.Permissions(tuple(sorted(permissions | {Permission.READ_ACCOUNT}))))
    if versions:
        chain.append(caveats.Versions(versions))
    if expires_at is not None:
        chain.append(caveats.Expiry(expires_at=int(expires_at.timestamp()), not_before=int(at.timestamp())))
    return chain


@transaction.atomic
def _store(token: Token, *, by: Actor) -> None:
    require_locked(by, Action.TOKEN_CREATE)
    _insert(token)
    event = events.TokenCreated(
        about=token.user,
        project=token.project.normalized_name if token.project is not None else "",
        description=token.description,
        token_id=str(token.pk),
        scope=f"{token.scope}, to {token.uses}",
    )
    audit.record(by, event)
    notices.token_created(token, by=by)


def _insert(token: Token) -> None:
    try:
        with transaction.atomic():
            token.save(force_insert=True)
    except IntegrityError as error:
        raise InvalidInput(
            f'You already have a token "{token.description}"; choose another description or revoke that one.',
            code="description-taken",
        ) from error
