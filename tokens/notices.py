"""Letters about tokens. They go to every verified address: one mailbox may be in the wrong hands."""

from __future__ import annotations

from datetime import datetime

from accounts import not_me, places, programs
from accounts.queries import verified_addresses
from indexsite import clock, mail
from indexsite.actors import Actor
from tokens.models import Token


def token_created(token: Token, *, by: Actor) -> None:
    """A token was made."""
    context = _context(token, "token-created", by=by, at=token.created_at)
    mail.queue("token-created", to=verified_addresses(token.user), context=context)


def token_revoked(token: Token, *, by: Actor, reason: str) -> None:
    """A token stopped working."""
    assert token.revoked_at is not None  # noqa: S101 - it was just revoked
    context = {**_context(token, "token-revoked", by=by, at=token.revoked_at), "reason": reason}
    mail.queue("token-revoked", to=verified_addresses(token.user), context=context)


def token_ends_soon(token: Token) -> None:
    """A token will stop working within days, whether or not somebody still uses it."""
    assert token.expires_at is not None  # noqa: S101 - only such tokens have a reminder
    context = {
        "username": token.user.username,
        "description": token.description,
        "short_id": token.short_id,
        "scope": token.scope,
        "uses": token.uses,
        "expires": clock.written(token.expires_at),
        "last_used": clock.written(token.last_used_at) if token.last_used_at is not None else "",
        "client": programs.recognised(token.last_used_client),
    }
    mail.queue("token-ends-soon", to=verified_addresses(token.user), context=context)


def _context(token: Token, letter: str, *, by: Actor, at: datetime) -> dict[str, str]:
    # Where a co-owner sat who took a role away is not for the token's owner to know.
    own = by.user == token.user
    return {
        "username": token.user.username,
        "not_me": not_me.link_of_letter(token.user, letter, at=at),
        "description": token.description,
        "short_id": token.short_id,
        "scope": token.scope,
        "uses": token.uses,
        "expires": clock.written(token.expires_at) if token.expires_at is not None else "",
        "at": clock.written(at),
        "by": "" if own else by.label,
        "address": places.with_place(by.address) if own else "",
        "client": programs.recognised(by.client) if own else "",
    }
