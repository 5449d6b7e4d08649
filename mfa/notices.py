"""Letters about factors, to every verified address."""

from __future__ import annotations

from accounts.models import User
from accounts.notices import warn
from accounts.queries import verified_addresses
from indexsite import mail
from indexsite.actors import Actor


def factor_added(user: User, *, factor: str, replaced: bool, actor: Actor) -> None:
    warn(user, "factor-added", actor, factor=factor, replaced=replaced)


def mailbox_code(*, email: str, username: str, code: str) -> None:
    """Asked for before the first factor of an account that holds rights."""
    mail.queue("mailbox-check", to=[email], context={"username": username, "code": code})


def first_factor_of(user: User, *, reader: User, places: list[str]) -> None:
    """To somebody who shares projects or manages organisations with `user`, who had no factor until now."""
    if to := verified_addresses(reader):
        mail.queue("first-factor", to=to, context={"username": user.username, "places": places})


def factor_renamed(user: User, *, old: str, new: str, actor: Actor) -> None:
    warn(user, "factor-renamed", actor, old=old, new=new)


def factor_removed(user: User, *, factor: str, is_last: bool, actor: Actor) -> None:
    """`is_last`: no other factor is left, and the recovery codes went with this one."""
    warn(user, "factor-removed", actor, factor=factor, is_last=is_last)


def key_set_aside(user: User, *, factor: str, actor: Actor) -> None:
    """Its counter went back: the key may have been copied."""
    warn(user, "key-set-aside", actor, factor=factor)


def factor_guessed(user: User, *, actor: Actor) -> None:
    """Several wrong codes after the right password."""
    warn(user, "factor-guessed", actor)


def codes_generated(user: User, *, count: int, replaced: bool, actor: Actor) -> None:
    warn(user, "recovery-codes-generated", actor, count=count, replaced=replaced)


def code_used(user: User, *, left: int, actor: Actor) -> None:
    warn(user, "recovery-code-used", actor, left=left)
