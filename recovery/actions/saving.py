"""Queues as somebody of the desk likes to see them, under names of their own: bookmarks, not audited."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from django.db import transaction

from indexsite import reasons
from indexsite.actors import Actor
from indexsite.errors import Conflict, InvalidInput
from indexsite.policies import Action, require
from recovery.models import SavedView

MOST = 20
NAME_LENGTH, QUERY_LENGTH = 40, 300


@transaction.atomic
def save_view(*, actor: Actor, name: str, query: str) -> SavedView:
    """Keep the filters of an address under a name, but for a mailbox among them; one of that name is replaced.

    Raises:
        InvalidInput: no name, or one that is too long.
        Conflict: there are `MOST` already.
        PermissionRefused: no role that reads cases.
    """
    require(actor, Action.CASE_VIEW)
    name = reasons.clean(name)
    if not name or len(name) > NAME_LENGTH or len(query) > QUERY_LENGTH:
        sentence = f"Give the view a name of at most {NAME_LENGTH} characters."
        raise InvalidInput(sentence, code="view-name-unusable")
    mine = SavedView.objects.filter(person=actor.person)
    if mine.exclude(name=name).count() >= MOST:
        raise Conflict(f"You have {MOST} views already; remove one first.", code="views-full")
    kept = {"query": _without_mailbox(query)}
    row, _ = mine.update_or_create(person=actor.person, name=name, defaults=kept)
    return row


def _without_mailbox(query: str) -> str:
    """What somebody was looked for by goes with the case; a bookmark would keep it for years."""
    return urlencode([(name, value) for name, value in parse_qsl(query) if "@" not in value])


@transaction.atomic
def drop_view(*, actor: Actor, pk: int) -> None:
    """Forget it; what is not there, or somebody else's, stays as it is."""
    require(actor, Action.CASE_VIEW)
    SavedView.objects.filter(pk=pk, person=actor.person).delete()
