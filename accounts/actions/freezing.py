"""Freezing an account while something about it is looked into; it can be lifted, and nothing is lost by it."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import notices
from accounts.actions.sessions import drop_sessions
from accounts.models import User
from indexsite import audit, reasons
from indexsite.actors import Actor
from indexsite.audit import lifecycle as events
from indexsite.errors import Conflict
from indexsite.policies import Action, require, require_now


@transaction.atomic
def freeze_account(*, actor: Actor, user: User, reason: str, at: datetime) -> None:
    """Nobody acts in this account any more: sessions end, tokens are refused. Projects, roles and tokens stay.

    Args:
        reason: the person reads it.

    Raises:
        PermissionRefused: the actor may not; nobody freezes themselves, and only security freezes staff.
        InvalidInput: no reason.
        Conflict: it is frozen or closed already.
    """
    user, reason = _locked(actor, user, reason)
    if not user.is_active:
        raise Conflict(f"Account {user.username} is frozen or closed already.", code="account-not-open")
    user.is_active, user.frozen_at, user.frozen_reason = False, at, reason
    user.save(update_fields=["is_active", "frozen_at", "frozen_reason"])
    drop_sessions(user, keep="")
    audit.record(actor, events.AccountFrozen(about=user, reason=reason))
    notices.account_frozen(user, reason=reason)


@transaction.atomic
def unfreeze_account(*, actor: Actor, user: User, reason: str) -> None:
    """Everything works again as before, with the same tokens. Raises as `freeze_account`."""
    user, reason = _locked(actor, user, reason)
    if user.frozen_at is None:
        raise Conflict(f"Account {user.username} is not frozen.", code="account-not-frozen")
    user.is_active, user.frozen_at, user.frozen_reason = user.closed_at is None, None, ""
    user.save(update_fields=["is_active", "frozen_at", "frozen_reason"])
    audit.record(actor, events.AccountUnfrozen(about=user, reason=reason))
    notices.account_unfrozen(user)


def _locked(actor: Actor, user: User, reason: str) -> tuple[User, str]:
    require(actor, Action.ACCOUNT_FREEZE, user)
    reason = reasons.clean(reason, is_needed=True)
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    require_now(actor, Action.ACCOUNT_FREEZE, user)
    return user, reason
