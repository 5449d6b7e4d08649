"""The audit vocabulary, continued: tokens."""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class TokenCreated(Event):
    name = "token.created"
    sentence = 'Token "{description}" was created for {scope}.'
    description: str
    token_id: str
    scope: str


@dataclass(frozen=True, kw_only=True)
class TokenRevoked(Event):
    name = "token.revoked"
    sentence = 'Token "{description}" was revoked: {reason}.'
    description: str
    token_id: str
    reason: str
