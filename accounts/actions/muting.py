"""Which of the harmless letters a person wants; warnings cannot be switched off."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from accounts import letters, notices
from accounts.models import MutedNotice
from indexsite import audit
from indexsite.actors import Actor
from indexsite.audit import safety
from indexsite.errors import InvalidInput
from indexsite.policies import Action, require, require_locked


@transaction.atomic
def mute(*, actor: Actor, muted: Collection[str]) -> None:
    """Send none of these from now on, and all others.

    Every address is told: whoever takes an account over might begin by making it silent.

    Raises:
        InvalidInput: one of them is no letter that can be switched off.
        PermissionRefused: no recent proof of presence, or edits are frozen.
    """
    require(actor, Action.LETTERS_CHOOSE)
    if unknown := sorted(set(muted) - set(letters.MUTABLE)):
        raise InvalidInput(f"The letter {unknown[0]} cannot be switched off.", code="letter-not-mutable")
    user = require_locked(actor, Action.LETTERS_CHOOSE)
    before = set(MutedNotice.objects.filter(user=user).values_list("letter", flat=True))
    if before == set(muted):
        return
    MutedNotice.objects.filter(user=user).delete()
    MutedNotice.objects.bulk_create(MutedNotice(user=user, letter=name) for name in sorted(set(muted)))
    names = ", ".join(sorted(set(muted))) or "none"
    audit.record(actor, safety.LettersChosen(about=user, muted=names))
    notices.letters_chosen(user, muted=[letters.MUTABLE[name] for name in sorted(set(muted))], actor=actor)
