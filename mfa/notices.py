"""Letters about factors, to every verified address."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from accounts.notices import origin
from accounts.queries import verified_addresses
from indexsite import mail
from indexsite.actors import Actor


def factor_added(user: User, *, factor: str, replaced: bool, actor: Actor) -> None:
    _warn(user, "factor-added", actor, factor=factor, replaced=replaced)


def factor_removed(user: User, *, factor: str, actor: Actor) -> None:
    _warn(user, "factor-removed", actor, factor=factor)


def factor_guessed(user: User, *, actor: Actor) -> None:
    """Several wrong codes after the right password."""
    _warn(user, "factor-guessed", actor)


def codes_generated(user: User, *, count: int, replaced: bool, actor: Actor) -> None:
    _warn(user, "recovery-codes-generated", actor, count=count, replaced=replaced)


def code_used(user: User, *, left: int, actor: Actor) -> None:
    _warn(user, "recovery-code-used", actor, left=left)


def _warn(user: User, name: str, actor: Actor, **context: Any) -> None:
    to = verified_addresses(user)
    if to:
        mail.queue(name, to=to, context={"username": user.username, **origin(actor), **context})
