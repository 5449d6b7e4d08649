"""Letters about tokens. They go to every verified address: one mailbox may be in the wrong hands."""

from __future__ import annotations

from datetime import datetime

from accounts import programs
from accounts.queries import verified_addresses
from indexsite import mail
from indexsite.actors import Actor
from tokens.models import Token


def token_created(token: Token, *, by: Actor) -> None:
    """A token was made."""
    context = _context(token, by=by, at=token.created_at)
    mail.queue("token-created", to=verified_addresses(token.user), context=context)


def token_revoked(token: Token, *, by: Actor, reason: str) -> None:
    """A token stopped working."""
    assert token.revoked_at is not None  # noqa: S101 - it was just revoked
    context = {**_context(token, by=by, at=token.revoked_at), "reason": reason}
    mail.queue("token-revoked", to=verified_addresses(token.user), context=context)


def _context(token: Token, *, by: Actor, at: datetime) -> dict[str, str]:
    return {
        "username": token.user.username,
        "description": token.description,
        "short_id": token.short_id,
        "scope": token.scope,
        "expires": f"{token.expires_at:%Y-%m-%d %H:%M} UTC" if token.expires_at is not None else "",
        "at": f"{at:%Y-%m-%d %H:%M} UTC",
        "address": by.address,
        "client": programs.recognised(by.client),
    }
