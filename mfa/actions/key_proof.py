"""Proving presence with a key: while signing in, instead of a password, and again inside.

Guessing is hopeless, so nothing is counted per person: whoever is locked out by others' guesses at codes still
comes in with a key. Per network address the work is limited.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.errors import DomainError, PermissionRefused
from indexsite.limits import Limit
from indexsite.policies import account_unusable
from mfa import ceremonies, notices
from mfa.actions.challenge import record_step_up
from mfa.ceremonies import AnswerRefused, CounterWentBack, Proof
from mfa.challenges import Challenge, Purpose
from mfa.models import SecurityKey


def ask(*, actor: Actor, user: User | None, purpose: Purpose, at: datetime) -> tuple[dict[str, Any], Challenge]:
    """Options for the browser, and the challenge to keep. `user` is None for a sign-in without a password.

    Raises:
        LimitReached: too many for this network address.
    """
    limits.consume(Limit.KEY_CHALLENGE_ADDRESS, actor.address, at=at)
    return ceremonies.ask_to_prove(user, purpose)


def ask_to_sign(
    *, actor: Actor, purpose: Purpose, value: str, about: str, at: datetime
) -> tuple[dict[str, Any], Challenge]:
    """The same for a challenge that is the digest (`value`, base64url) of what the person signs.

    Raises:
        LimitReached: as `ask`.
    """
    limits.consume(Limit.KEY_CHALLENGE_ADDRESS, actor.address, at=at)
    return ceremonies.ask_to_sign(actor.person, purpose, value=value, about=about)


def prove(
    *, actor: Actor, user: User | None, challenge: Challenge, answer: dict[str, Any], at: datetime
) -> SecurityKey:
    """The key that gave `answer`, of `user` where there is one, else of whoever it belongs to.

    Raises:
        CounterWentBack: it may have been copied; it is set aside and its owner told.
        DomainError: the answer is not good, for a reason that the sentence says.
        PermissionRefused: it is good, and the account is frozen or closed.
        LimitReached: too many tries from this network address.
    """
    limits.consume(Limit.KEY_PROOF_ADDRESS, actor.address, at=at)
    try:
        return _accept(user, challenge, answer, at)
    except CounterWentBack as error:
        _set_aside(actor, error.key, at)
        raise
    except DomainError as error:
        _record_failure(actor, user, error)
        raise


def step_up(*, actor: Actor, challenge: Challenge, answer: dict[str, Any], at: datetime) -> SecurityKey:
    """A signed-in person proves presence again with a key. Raises as `prove`."""
    key = prove(actor=actor, user=actor.person, challenge=challenge, answer=answer, at=at)
    record_step_up(actor=actor, device=str(key.persistent_id))
    return key


@transaction.atomic
def _accept(user: User | None, challenge: Challenge, answer: dict[str, Any], at: datetime) -> SecurityKey:
    key = ceremonies.find_key(user, answer)
    if key.user.recovering_since is not None:
        raise ceremonies.UnknownKey
    # The row is locked. The session forgets a challenge before it is answered, but two requests at the same moment
    # have both read it: the second is not the work of a copied key, and some keys do not count at all.
    if key.last_challenge == ceremonies.digest_of(challenge):
        raise AnswerRefused
    proof = ceremonies.proved(key, challenge, answer)
    if user is None and (denied := account_unusable(key.user)) is not None:
        raise PermissionRefused(denied.sentence, code=denied.code, help_path=denied.help_path)
    _note_use(proof, challenge, at)
    return key


def _note_use(proof: Proof, challenge: Challenge, at: datetime) -> None:
    SecurityKey.objects.filter(pk=proof.key.pk).update(
        sign_count=proof.counter,
        backup_state=proof.is_backed_up,
        last_used_at=at,
        last_challenge=ceremonies.digest_of(challenge),
    )


@transaction.atomic
def _set_aside(actor: Actor, key: SecurityKey, at: datetime) -> None:
    if SecurityKey.objects.filter(pk=key.pk, set_aside_at=None).update(set_aside_at=at):
        audit.record(actor, audit.KeyCloneSuspected(about=key.user, factor=key.label))
        notices.key_set_aside(key.user, factor=key.label, actor=actor)


@transaction.atomic
def _record_failure(actor: Actor, user: User | None, error: DomainError) -> None:
    if user is not None:
        audit.record(actor, audit.SecondFactorFailed(about=user))
    else:
        # The same one row for a key we know and for one we do not.
        audit.record(actor, audit.SignInFailed(about=None, reason="a passkey was refused"))
