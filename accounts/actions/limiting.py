"""Limits that somebody has reached, as the staff see them: who is held up, until when, and letting them go on."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import usernames
from accounts.models import User
from indexsite import audit, limits, reasons
from indexsite.actors import Actor
from indexsite.audit import safety
from indexsite.errors import Conflict, NotFound
from indexsite.limits import Limit, Used
from indexsite.policies import Action, require


def look_up(*, actor: Actor, kind: str, name: str, at: datetime) -> list[Used]:
    """Every limit of which something is used up, the reached ones first.

    Args:
        kind: "account", whose `name` is a user name; or "address", of the network.

    Raises:
        PermissionRefused: the actor may not.
        NotFound: there is no such account.
    """
    require(actor, Action.LIMIT_CLEAR)
    found = [limits.used(limit, key, at=at) for limit, key in _keys(kind, name).items()]
    return sorted((each for each in found if each.count), key=lambda each: not each.is_reached)


def clear(*, actor: Actor, kind: str, name: str, limit: Limit, reason: str, at: datetime) -> None:
    """Forget the attempts counted there; the next one is the first. The person reads it in their history.

    Raises:
        As `look_up`; InvalidInput: no reason.
        Conflict: nothing is counted there any more.
    """
    require(actor, Action.LIMIT_CLEAR)
    reason = reasons.clean(reason, is_needed=True)
    key = _keys(kind, name).get(limit)
    if key is None or not limits.used(limit, key, at=at).count:
        raise Conflict("Nothing is counted there any more.", code="limit-not-used")
    # Counters are changed outside of the act's transaction, as they are counted.
    limits.reset(limit, key)
    about = User.objects.filter(username=usernames.canonical(name)).first() if kind == "account" else None
    with transaction.atomic():
        label = "" if about is not None else name
        audit.record(actor, safety.LimitCleared(about=about, limit=limit.value, place=label, reason=reason))


def _keys(kind: str, name: str) -> dict[Limit, str]:
    if kind == "address":
        return dict.fromkeys(limits.OF_ADDRESS, name.strip())
    user = User.objects.filter(username=usernames.canonical(name)).first()
    if user is None:
        raise NotFound(f"There is no account {name}.")
    return {limit: user.username if limit is Limit.SIGN_IN_USER else str(user.pk) for limit in limits.OF_ACCOUNT}
