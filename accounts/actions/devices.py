"""Browsers that an account knows: remembered after a whole sign-in or a proof of the mailbox, and forgotten."""

from __future__ import annotations

import secrets
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.db import transaction

from accounts import known_devices
from accounts.models import DEVICE_LIFE, KnownDevice, User, known_device
from indexsite import audit
from indexsite.actors import Actor
from indexsite.audit import safety
from indexsite.errors import NotFound
from indexsite.policies import Action, require

MAX_DEVICES = 50  # the least used one goes


def remember(*, user: User, shown: str, session_key: str, address: str, client: str, at: datetime) -> str:
    """Know this browser from now on; returns the secret its cookie has to hold.

    Args:
        shown: what its cookie holds. A secret is kept only where we gave it out for this account: one that
            somebody planted would let that somebody be known.
        session_key: of the session just signed in to, or "".
    """
    session = UserSession.objects.filter(session_key=session_key, user=user).first()
    facts = {"last_used_at": at, "address": address, "client": client, "session": session}
    with transaction.atomic():
        found = known_device(user, known_devices.digest(user, shown), at)
        if found is not None:
            KnownDevice.objects.filter(pk=found.pk).update(**facts)
            return shown
        if session is not None:  # with a new password this browser's own row is void, too
            KnownDevice.objects.filter(user=user, session=session).delete()
        secret = secrets.token_urlsafe(32)
        digest = known_devices.digest(user, secret)
        KnownDevice.objects.create(user=user, digest=digest, created_at=at, **facts)
        surplus = KnownDevice.objects.filter(user=user).values_list("pk", flat=True)[MAX_DEVICES:]
        KnownDevice.objects.filter(pk__in=list(surplus)).delete()
    return secret


@transaction.atomic
def forget(*, actor: Actor, pk: int) -> None:
    """Forget one browser of the person's own; a session it has goes on.

    Raises:
        NotFound: there is none such, or it is somebody else's.
    """
    require(actor, Action.SESSION_END)
    count, _ = KnownDevice.objects.filter(pk=pk, user=actor.person).delete()
    if not count:
        raise NotFound("This browser has been forgotten already.")
    audit.record(actor, safety.DevicesForgotten(about=actor.person, count=count))


@transaction.atomic
def forget_all(*, actor: Actor) -> int:
    """Forget every browser of the person, this one too; returns how many."""
    require(actor, Action.SESSION_END)
    count, _ = KnownDevice.objects.filter(user=actor.person).delete()
    audit.record(actor, safety.DevicesForgotten(about=actor.person, count=count))
    return count


def sweep(*, at: datetime) -> None:
    """Delete those that have not been used for too long to count."""
    KnownDevice.objects.filter(last_used_at__lte=at - DEVICE_LIFE).delete()
