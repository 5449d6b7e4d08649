"""Taking tokens back. A revoked row stays, so that its next use can be told what happened."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from indexsite import audit
from indexsite.actors import Actor
from indexsite.audit import tokens as events
from indexsite.policies import Action, require
from tokens import notices
from tokens.models import Token

BY_OWNER = "by its owner"


@transaction.atomic
def revoke_token(*, actor: Actor, token: Token, at: datetime, reason: str = BY_OWNER) -> bool:
    """Revoke `token` from this moment on; returns False where it already was.

    Args:
        reason: completes "was revoked ...", for the audit trail and the mail.

    Raises:
        PermissionRefused: it is not the actor's, or no person in a browser is asking.
    """
    require(actor, Action.TOKEN_REVOKE, token)
    return _revoke(token, by=actor, at=at, reason=reason)


@transaction.atomic
def drop_tokens(tokens: Iterable[Token], *, by: Actor, at: datetime, reason: str) -> int:
    """Revoke tokens along with the right they stood on; returns how many. Asks no policy: the act behind it has.

    Args:
        reason: completes "was revoked ...", for the audit trail and the mail.
    """
    return sum(_revoke(token, by=by, at=at, reason=reason) for token in tokens)


def _revoke(token: Token, *, by: Actor, at: datetime, reason: str) -> bool:
    token = Token.objects.locked(token.pk)
    if token.revoked_at is not None:
        return False
    token.revoked_at = at
    token.save(update_fields=["revoked_at"])
    event = events.TokenRevoked(
        about=token.user,
        project=token.project.normalized_name if token.project is not None else "",
        description=token.description,
        token_id=str(token.pk),
        reason=reason,
    )
    audit.record(by, event)
    notices.token_revoked(token, by=by, reason=reason)
    return True


@transaction.atomic
def revoke_all_tokens(*, actor: Actor, at: datetime, reason: str = BY_OWNER) -> int:
    """Revoke every token of the actor that still works; returns how many.

    Raises:
        PermissionRefused: as for `revoke_token`.
    """
    tokens = Token.objects.unrevoked().filter(user=actor.user)
    return sum(revoke_token(actor=actor, token=token, at=at, reason=reason) for token in tokens)
