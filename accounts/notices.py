"""Letters about an account. Warnings go to every verified address, old ones included; nothing turns them off."""

from __future__ import annotations

from typing import Any

from accounts import programs
from accounts.models import User
from accounts.queries import verified_addresses
from indexsite import clock, mail
from indexsite.actors import Actor


def verification_code(*, email: str, username: str, code: str) -> None:
    """The code that proves the address is the person's."""
    mail.queue("verify-email", to=[email], context={"username": username, "code": code})


def address_in_use(*, email: str) -> None:
    """To the holder of an address that somebody just gave as theirs; goes instead of a code."""
    mail.queue("address-in-use", to=[email], context={})


def reset_link(*, email: str, username: str, link: str, actor: Actor) -> None:
    mail.queue("password-reset", to=[email], context={"username": username, "link": link, **origin(actor)})


def reset_without_account(*, email: str, actor: Actor) -> None:
    """To an address that no account has verified: the answer is the same, and so is the work."""
    mail.queue("password-reset-nobody", to=[email], context=origin(actor))


def password_changed(user: User, *, actor: Actor, by_reset: bool) -> None:
    _warn(user, "password-changed", actor, by_reset=by_reset)


def email_added(user: User, *, email: str, actor: Actor) -> None:
    _warn(user, "email-added", actor, email=email)


def email_verified(user: User, *, email: str, actor: Actor) -> None:
    _warn(user, "email-verified", actor, email=email)


def email_removed(user: User, *, email: str, also: list[str], actor: Actor) -> None:
    """`also`: the removed address itself, if it had been verified."""
    _warn(user, "email-removed", actor, also=also, email=email)


def primary_changed(user: User, *, old: str, new: str, actor: Actor) -> None:
    _warn(user, "primary-email-changed", actor, old=old, new=new)


def _warn(user: User, name: str, actor: Actor, *, also: list[str] | None = None, **context: Any) -> None:
    to = list(dict.fromkeys([*verified_addresses(user), *(also or [])]))
    if to:
        mail.queue(name, to=to, context={"username": user.username, **origin(actor), **context})


def origin(actor: Actor) -> dict[str, str]:
    """When, from where and with what: the part of a letter that tells an owner from a thief."""
    return {
        "when": f"{clock.now():%Y-%m-%d %H:%M} UTC",
        "address": actor.address or "unknown",
        "client": programs.recognised(actor.client) or "an unknown program",
    }
