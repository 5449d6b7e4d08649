"""SSH and OpenPGP keys of people's own: added, proved by a signature, removed."""

from __future__ import annotations

import secrets
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from accounts import notices, signatures
from accounts.models import MAX_KEYS, PROOF_LIFE, SigningKey
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.errors import Conflict, InvalidInput, NotFound
from indexsite.limits import Limit
from indexsite.policies import Action, require, require_locked

MAX_NAME = 64


class NameUnusable(InvalidInput):
    """Nothing to tell the key by."""

    code = "signing-key-name"
    field = "name"

    def __init__(self) -> None:
        super().__init__(f"Give the key a name of up to {MAX_NAME} characters.")


def message_for(key: SigningKey) -> str:
    """The line that the owner signs: it names site and account, so that it is good for nothing else."""
    return f"I hold this key, and {key.user.username} on {settings.SITE_URL} is mine. {key.nonce}"


def namespace() -> str:
    """What an SSH signature says it is for; OpenSSH asks for a name that belongs to somebody."""
    return f"signing-key@{urlsplit(settings.SITE_URL).hostname}"


@transaction.atomic
def add_key(*, actor: Actor, name: str, public_key: str, at: datetime) -> SigningKey:
    """Keep a public key for an hour, in which its owner proves it. Until then it counts for nothing.

    Raises:
        PermissionRefused: no recent proof of presence, or no verified address.
        NameUnusable: no name, or a long one.
        KeyUnusable: no public key, or none that can be used.
        Conflict: the account has it, or too many.
    """
    require(actor, Action.SIGNING_KEY_ADD)
    key = signatures.read(public_key, at=at)
    user = require_locked(actor, Action.SIGNING_KEY_ADD)
    held = user.signing_keys.proved()
    if held.filter(fingerprint=key.fingerprint).exists():
        raise Conflict("This key is on your account already.", code="signing-key-held")
    if held.count() >= MAX_KEYS:
        raise Conflict(f"An account has up to {MAX_KEYS} keys; remove one first.", code="too-many-signing-keys")
    # One at a time: a forgotten attempt makes room for the next.
    user.signing_keys.filter(proved_at=None).delete()
    return SigningKey.objects.create(
        user=user,
        kind=key.kind,
        fingerprint=key.fingerprint,
        text=key.text,
        name=_clean_name(name),
        nonce=secrets.token_urlsafe(24),
        added_at=at,
    )


def prove_key(*, actor: Actor, pk: int, signature: str, at: datetime) -> SigningKey:
    """Take the signature over `message_for` as proof that the person holds the private half.

    Raises:
        NotFound: no such key of theirs.
        Conflict: proved already, or its hour is over.
        SignatureWrong: it is not by this key, or not over this text.
        LimitReached: too many wrong ones.
    """
    require(actor, Action.SIGNING_KEY_ADD)
    limits.consume(Limit.SIGNING_KEY_USER, str(actor.person.pk), at=at)
    with transaction.atomic():
        require_locked(actor, Action.SIGNING_KEY_ADD)
        key = _locked(actor, pk)
        if key.proved_at is not None:
            raise Conflict("This key is proved already.", code="signing-key-held")
        if at - key.added_at > PROOF_LIFE:
            raise Conflict("The hour for this proof is over; add the key again.", code="signing-key-late")
        message = f"{message_for(key)}\n".encode()
        signatures.check(key.public_key, message=message, signature=signature, namespace=namespace(), at=at)
        key.proved_at = at
        key.save(update_fields=["proved_at"])
        audit.record(actor, audit.SigningKeyAdded(about=key.user, key=key.name, fingerprint=key.fingerprint))
        notices.signing_key_added(key, actor=actor)
    return key


@transaction.atomic
def remove_key(*, actor: Actor, pk: int, at: datetime) -> SigningKey:
    """Let the key speak for the person no more. Raises NotFound, PermissionRefused."""
    require(actor, Action.SIGNING_KEY_REMOVE)
    require_locked(actor, Action.SIGNING_KEY_REMOVE)
    key = _locked(actor, pk)
    if key.proved_at is None:
        key.delete()
        return key
    key.removed_at = at
    key.save(update_fields=["removed_at"])
    audit.record(actor, audit.SigningKeyRemoved(about=key.user, key=key.name, fingerprint=key.fingerprint))
    notices.signing_key_removed(key, actor=actor)
    return key


def _locked(actor: Actor, pk: int) -> SigningKey:
    mine = SigningKey.objects.filter(user=actor.person, removed_at=None)
    key = mine.select_for_update(of=("self",)).select_related("user").filter(pk=pk).first()
    if key is None:
        raise NotFound("There is no such key on your account.")
    return key


def _clean_name(name: str) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    if not line or len(line) > MAX_NAME:
        raise NameUnusable
    return line
