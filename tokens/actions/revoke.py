"""Taking tokens back. A revoked row stays, so that its next use can be told what happened."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from indexsite import audit
from indexsite.actors import Actor
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
    token = Token.objects.locked(token.pk)
    if token.revoked_at is not None:
        return False
    token.revoked_at = at
    token.save(update_fields=["revoked_at"])
    event = audit.TokenRevoked(
        about=token.user,
        project=token.project.normalized_name if token.project is not None else "",
        description=token.description,
        token_id=str(token.pk),
        reason=reason,
    )
    audit.record(actor, event)
    notices.token_revoked(token, by=actor, reason=reason)
    return True


@transaction.atomic
def revoke_all_tokens(*, actor: Actor, at: datetime, reason: str = BY_OWNER) -> int:
    """Revoke every token of the actor that still works; returns how many.

    Raises:
        PermissionRefused: as for `revoke_token`.
    """
    tokens = Token.objects.unrevoked().filter(user=actor.user)
    return sum(revoke_token(actor=actor, token=token, at=at, reason=reason) for token in tokens)
