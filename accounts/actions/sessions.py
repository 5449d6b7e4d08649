"""Ending sessions: one, all others, or whatever a change of password or factor has made untrustworthy."""

from __future__ import annotations

from importlib import import_module

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction

from accounts.models import KnownDevice, User
from indexsite import audit
from indexsite.actors import Actor
from indexsite.errors import NotFound
from indexsite.policies import Action, require


@transaction.atomic
def end_session(*, actor: Actor, pk: int) -> None:
    """End one session of the person's own.

    Raises:
        NotFound: there is none such, or it is somebody else's.
    """
    require(actor, Action.SESSION_END)
    row = UserSession.objects.select_for_update().filter(pk=pk, user=actor.person).first()
    if row is None:
        raise NotFound("This session has ended already.")
    _drop(row)
    audit.record(actor, audit.SessionsEnded(about=actor.person, count=1))


@transaction.atomic
def end_other_sessions(*, actor: Actor, keep: str) -> int:
    """End all sessions of the person but the one with key `keep`; returns how many."""
    require(actor, Action.SESSION_END)
    count = drop_sessions(actor.person, keep=keep)
    audit.record(actor, audit.SessionsEnded(about=actor.person, count=count))
    return count


@transaction.atomic
def drop_sessions(user: User, *, keep: str) -> int:
    """Remove the sessions without a word: for acts whose own event says why. Their browsers are forgotten.

    What makes a session untrustworthy makes the browser so in which it was opened. The rows are locked: a session
    that is getting another key is removed under that one (`accounts.sessions`).
    """
    KnownDevice.objects.filter(user=user).exclude(session__session_key=keep).delete()
    mine = UserSession.objects.select_for_update().filter(user=user).exclude(session_key=keep)
    rows = list(mine.order_by("pk"))
    for row in rows:
        _drop(row)
    return len(rows)


def _drop(row: UserSession) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    store(row.session_key).delete()
    row.delete()
