"""Tokens that were found where others can read them: all that still work are revoked, and their owners told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from indexsite import audit, reasons
from indexsite.actors import SITE, Actor
from indexsite.audit import safety
from indexsite.policies import Action, require
from tokens import proofs
from tokens.actions.revoke import drop_tokens
from tokens.models import LEAKED

MOST = 1000  # tokens in one text


@dataclass(frozen=True)
class Leak:
    """How many tokens of this site a text held, and how many of them still worked."""

    found: int
    revoked: int


@transaction.atomic
def report_leak(*, actor: Actor, text: str, reason: str, at: datetime) -> Leak:
    """Revoke every token of this site in `text`, whose signature shows that it is one. The text is kept nowhere.

    Args:
        reason: where it was found, for the audit trail.

    Raises:
        PermissionRefused: the actor may not.
        InvalidInput: no reason.
    """
    require(actor, Action.LEAK_REPORT)
    reason = reasons.clean(reason, is_needed=True)
    tokens = sorted(proofs.raw_tokens(text, most=MOST), key=lambda token: str(token.pk))
    # Of staff it is not said who.
    leak = Leak(found=len(tokens), revoked=drop_tokens(tokens, by=SITE, at=at, reason=LEAKED))
    audit.record(actor, safety.LeakReported(found=leak.found, revoked=leak.revoked, reason=reason))
    return leak
