"""Security keys and passkeys: adding, renaming, removing. A person has as many as `MAX_KEYS`, each with a name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from accounts.actions.sessions import drop_sessions
from accounts.models import User
from indexsite import audit
from indexsite.actors import Actor
from indexsite.errors import Conflict, InvalidInput, NotFound
from indexsite.policies import Action, require, require_locked
from mfa import ceremonies, notices
from mfa.actions import first_factor
from mfa.actions.authenticator import require_prepared
from mfa.ceremonies import Kind
from mfa.challenges import Challenge
from mfa.models import RecoveryDevice, RemovalGround, SecurityKey, count_factors, has_factor, remove_factor

MAX_KEYS = 20
MAX_NAME = 64


class NameRefused(InvalidInput):
    """The sentence says why."""

    code = "key-name-refused"
    field = "name"


class KeyTaken(Conflict):
    """The same credential is registered, here or with another account."""

    code = "key-taken"

    def __init__(self) -> None:
        super().__init__("This key is registered already; take another one.")


def ask(*, actor: Actor, kind: Kind) -> tuple[dict[str, Any], Challenge]:
    """Options for the browser, and the challenge to keep.

    Raises:
        Conflict, PermissionRefused: see `require_prepared`; or there are too many keys.
    """
    require_prepared(actor)
    _leave_room(actor.person)
    return ceremonies.ask_to_register(actor.person, kind)


def add(
    *, actor: Actor, name: str, challenge: Challenge, answer: dict[str, Any], keep_session: str, at: datetime
) -> SecurityKey:
    """Register the key that gave `answer`. Sessions that never saw it end, all but `keep_session` (a key).

    Raises:
        NameRefused: the name is missing, too long, or that of another key of the person.
        KeyTaken: the key is registered already.
        ceremonies.AnswerRefused, ceremonies.WrongOrigin: the answer is not good.
        Conflict, PermissionRefused: see `require_prepared`; or there are too many keys.
    """
    require_prepared(actor)
    user = actor.person
    name = _checked(name)
    with transaction.atomic():
        require_locked(actor, Action.FACTOR_ADD)
        _leave_room(user)
        _refuse_taken(user, name)
        is_first = not has_factor(user)
        try:
            with transaction.atomic():
                key = ceremonies.registered(user, challenge, answer, name=name)
        except IntegrityError:
            raise KeyTaken from None
        SecurityKey.objects.filter(pk=key.pk).update(created_at=at)
        drop_sessions(user, keep=keep_session)
        audit.record(actor, audit.FactorAdded(about=user, factor=key.label))
        notices.factor_added(user, factor=key.label, replaced=False, actor=actor)
        if is_first:
            first_factor.tell_co_owners(user)
    return key


@transaction.atomic
def rename(*, actor: Actor, key: SecurityKey, name: str) -> None:
    """Give the key another name.

    Raises:
        NameRefused: the name is missing, too long, or that of another key of the person.
        PermissionRefused: it is somebody else's, or there is no recent proof of presence.
    """
    require(actor, Action.FACTOR_RENAME, key)
    user = actor.person
    name = _checked(name)
    require_locked(actor, Action.FACTOR_RENAME, key)
    old = key.name
    if name == old:
        return
    _refuse_taken(user, name, but=key)
    SecurityKey.objects.filter(pk=key.pk).update(name=name)
    audit.record(actor, audit.FactorRenamed(about=user, old=old, new=name))
    notices.factor_renamed(user, old=old, new=name, actor=actor)


@transaction.atomic
def remove(*, actor: Actor, key: SecurityKey, keep_session: str, at: datetime) -> None:
    """Remove the key; all sessions but `keep_session` (a key) end, one of them may have been opened with it.

    With the last factor the recovery codes go too, which only stand in for one.

    Raises:
        NotFound: it is gone already, or somebody else's.
        PermissionRefused: no recent proof of presence, or an obligation needs this factor.
    """
    require(actor, Action.FACTOR_REMOVE, key)
    user = actor.person
    # Asked again under the lock: a role granted, or another key removed, in the meantime.
    require_locked(actor, Action.FACTOR_REMOVE, key)
    if not SecurityKey.objects.filter(pk=key.pk, user=user).exists():
        raise NotFound("This key has been removed already.")
    event = audit.record(actor, audit.FactorRemoved(about=user, factor=key.label))
    remove_factor(key, RemovalGround.REMOVED, event=event, at=at)
    is_last = not count_factors(user)
    codes = RecoveryDevice.objects.filter(user=user).first()
    if is_last and codes is not None:
        remove_factor(codes, RemovalGround.REMOVED, event=event, at=at)
    drop_sessions(user, keep=keep_session)
    notices.factor_removed(user, factor=key.label, is_last=is_last, actor=actor)


def own_key(user: User, pk: int) -> SecurityKey:
    """One of the person's keys.

    Raises:
        NotFound: there is none such, or it is somebody else's.
    """
    key: SecurityKey | None = SecurityKey.objects.filter(user=user, pk=pk).first()
    if key is None:
        raise NotFound("You have no such key.")
    return key


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name or not name.isprintable():
        raise NameRefused("Give the key a name that tells it from others, such as the colour of its cord.")
    if len(name) > MAX_NAME:
        raise NameRefused(f"A name has at most {MAX_NAME} characters.")
    return name


def _leave_room(user: User) -> None:
    if SecurityKey.objects.filter(user=user).count() >= MAX_KEYS:
        raise Conflict(f"An account has at most {MAX_KEYS} keys; remove one first.")


def _refuse_taken(user: User, name: str, *, but: SecurityKey | None = None) -> None:
    others = SecurityKey.objects.filter(user=user, name__iexact=name)
    if but is not None:
        others = others.exclude(pk=but.pk)
    if others.exists():
        raise NameRefused("Another of your keys has this name.")
