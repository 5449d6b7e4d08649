"""User names that nobody may sign up with, beside the built-in ones. Whoever has one keeps it."""

from __future__ import annotations

from django.db import transaction

from accounts import usernames
from accounts.models import USERNAME_MAX_LENGTH, USERNAME_RE, ProhibitedUsername
from indexsite import audit, reasons
from indexsite.actors import Actor
from indexsite.audit import lifecycle as events
from indexsite.errors import Conflict
from indexsite.policies import Action, require


@transaction.atomic
def prohibit_username(*, actor: Actor, name: str, reason: str) -> None:
    """Nobody signs up with it any more; also no organisation.

    Raises:
        PermissionRefused: the actor may not.
        InvalidInput: this cannot be a user name, or no reason.
        Conflict: it is prohibited already.
    """
    require(actor, Action.NAME_PROHIBIT)
    reason = reasons.clean(reason, is_needed=True)
    name = usernames.canonical(name)
    if len(name) > USERNAME_MAX_LENGTH or not USERNAME_RE.match(name):
        raise usernames.UsernameMalformed
    _, is_new = ProhibitedUsername.objects.get_or_create(name=name, defaults={"reason": reason[:200]})
    if not is_new:
        raise Conflict(f"The user name {name} is prohibited already.", code="name-prohibited-before")
    audit.record(actor, events.NameProhibited(kind="user", label=name, reason=reason))


@transaction.atomic
def allow_username(*, actor: Actor, name: str, reason: str) -> None:
    """It can be taken again. Raises as `prohibit_username`; Conflict where it is not prohibited."""
    require(actor, Action.NAME_PROHIBIT)
    reason = reasons.clean(reason, is_needed=True)
    name = usernames.canonical(name)
    deleted, _ = ProhibitedUsername.objects.filter(name=name).delete()
    if not deleted:
        raise Conflict(f"The user name {name} is not prohibited.", code="name-not-prohibited")
    audit.record(actor, events.NameAllowed(kind="user", label=name, reason=reason))
