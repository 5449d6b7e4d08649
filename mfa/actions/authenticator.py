"""The authenticator app: setting it up, replacing it, removing it. A person has one or none."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.actions.sessions import drop_sessions
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.errors import Conflict, InvalidInput
from indexsite.limits import Limit
from indexsite.policies import Action, require, require_locked
from mfa import notices, queries, totp
from mfa.actions import first_factor
from mfa.models import (
    AuthenticatorApp,
    RecoveryDevice,
    RemovalGround,
    count_factors,
    has_factor,
    remove_factor,
)

NAME = "authenticator app"


class CodeRefused(InvalidInput):
    """The sentence says what is wrong with the code."""

    code = "code-refused"
    field = "code"


def require_prepared(actor: Actor) -> None:
    """Insist on what has to come before a factor: verified address, recovery codes kept.

    Asked for the page and for the act alike.

    Raises:
        PermissionRefused: no verified address, or no recent proof of presence.
        Conflict: no recovery codes that the person has shown to have kept, or old ones before a first factor.
    """
    require(actor, Action.FACTOR_ADD)
    if not queries.codes_of(actor.person).are_ready:
        raise Conflict(
            "Make new recovery codes and check one of them first: they are the way back in when a factor is lost.",
            code="recovery-codes-first",
            help_path="/account/security/codes/",
        )


def enrol(*, actor: Actor, secret: str, code: str, keep_session: str, at: datetime) -> AuthenticatorApp:
    """Make the app that holds `secret` the person's factor, in place of an earlier one.

    Sessions that never saw the new factor end, all but `keep_session` (a key).

    Raises:
        CodeRefused: the code is wrong, or the phone's clock is.
        Conflict, PermissionRefused, LimitReached: see `require_prepared`.
    """
    require_prepared(actor)
    user = actor.person
    limits.consume(Limit.SECOND_FACTOR_INSIDE, str(user.pk), at=at)
    verdict, step = totp.judge(secret, code)
    if verdict != "right":
        _record_failure(actor, verdict)
    if verdict == "clock":
        raise CodeRefused(
            "The code belongs to another minute: the clock of your phone is off. "
            "Set it to automatic time and type the next code."
        )
    if verdict == "wrong":
        raise CodeRefused("This is not the code the app should show now; wait for the next one and type that.")
    limits.reset(Limit.SECOND_FACTOR_INSIDE, str(user.pk))
    with transaction.atomic():
        require_locked(actor, Action.FACTOR_ADD)
        is_first = not has_factor(user)
        event = audit.record(actor, audit.FactorAdded(about=user, factor=NAME))
        replaced = AuthenticatorApp.objects.filter(user=user).first()
        if replaced is not None:
            remove_factor(replaced, RemovalGround.REPLACED, event=event, at=at)
        # The code just typed is used up: nobody signs in with it who looked over a shoulder.
        device: AuthenticatorApp = AuthenticatorApp.objects.create(
            user=user, name=NAME, key=secret, confirmed=True, last_t=step
        )
        drop_sessions(user, keep=keep_session)
        notices.factor_added(user, factor=NAME, replaced=replaced is not None, actor=actor)
        if is_first:
            first_factor.tell_co_owners(user)
    return device


@transaction.atomic
def _record_failure(actor: Actor, verdict: totp.Verdict) -> None:
    reason = "the code was of another minute" if verdict == "clock" else "the code was wrong"
    audit.record(actor, audit.FactorSetUpFailed(about=actor.person, factor=NAME, reason=reason))


@transaction.atomic
def remove(*, actor: Actor, keep_session: str, at: datetime) -> None:
    """Remove the app; all sessions but `keep_session` (a key) end, one of them may have been opened with it.

    With the last factor the recovery codes go too, which only stand in for one.

    Raises:
        PermissionRefused: no recent proof of presence, or an obligation needs the factor.
        Conflict: there is none.
    """
    require(actor, Action.FACTOR_REMOVE)
    user = actor.person
    # Asked again under the lock: a role granted in the meantime brings the obligation with it.
    require_locked(actor, Action.FACTOR_REMOVE)
    app = AuthenticatorApp.objects.filter(user=user).first()
    if app is None:
        raise Conflict("No authenticator app is set up.")
    event = audit.record(actor, audit.FactorRemoved(about=user, factor=NAME))
    remove_factor(app, RemovalGround.REMOVED, event=event, at=at)
    is_last = not count_factors(user)
    codes = RecoveryDevice.objects.filter(user=user).first()
    if is_last and codes is not None:
        remove_factor(codes, RemovalGround.REMOVED, event=event, at=at)
    drop_sessions(user, keep=keep_session)
    notices.factor_removed(user, factor=NAME, is_last=is_last, actor=actor)
