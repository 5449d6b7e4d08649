"""Proving a password, at the front door and again inside; and the record of having come in."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth import authenticate
from django.db import transaction

from accounts import known_devices, notices, passwords, usernames
from accounts.actions.sessions import drop_sessions
from accounts.models import User, known_device
from indexsite import audit, counters, limits
from indexsite.actors import Actor
from indexsite.audit import safety
from indexsite.counters import Counter
from indexsite.errors import InvalidInput, PermissionRefused
from indexsite.limits import Limit
from indexsite.policies import account_unusable


class WrongCredentials(InvalidInput):
    """One sentence for every reason, so that none of them can be told from another."""

    code = "wrong-credentials"

    def __init__(self) -> None:
        super().__init__("This username and password do not go together.")


class PasswordDisabled(PermissionRefused):
    """Said to whoever has just proved to know it."""

    code = "password-disabled"
    help_path = "/account/password/reset/"

    def __init__(self) -> None:
        super().__init__(
            "This password is on a list of leaked passwords, so we have disabled it; "
            'choose "Forgot your password?" to set a new one.'
        )


class WrongPassword(InvalidInput):
    """Said to somebody who is signed in already."""

    code = "wrong-password"
    field = "password"

    def __init__(self) -> None:
        super().__init__("This is not your password.")


def check_credentials(*, actor: Actor, username: str, password: str, shown: str, at: datetime) -> User:
    """Whose username and password these are. Costs one hash whether or not there is such a person.

    Args:
        shown: what the browser's cookie of `accounts.known_devices` holds for this name, or "".

    Raises:
        WrongCredentials: they do not fit, for whatever reason.
        PermissionRefused: they fit, and the account is frozen.
        PasswordDisabled: they fit, and the password is known from a leak; it opens nothing any more.
        LimitReached: too many attempts for this name or from this network address.
    """
    name = usernames.canonical(username)
    named = User.objects.filter(username=name).first()
    device = known_device(named, known_devices.digest(named, shown), at)
    bucket = _count_attempt(name, str(device.pk) if device is not None else "", actor.address, at)
    user = _authenticate(name, password)
    if user is None:
        # The same one row for a person and for nobody; the typed name is not kept, it may be a password.
        _record_failure(actor, named, "username and password do not fit")
        raise WrongCredentials
    limits.reset(*bucket)
    if (denied := account_unusable(user)) is not None:
        # Only now: whoever does not know the password learns nothing of the account.
        _record_failure(actor, user, "the account is frozen")
        raise PermissionRefused(denied.sentence, code=denied.code, help_path=denied.help_path)
    if passwords.is_breached(password):
        _disable_password(actor, user)
        raise PasswordDisabled
    return user


def prove_password(*, actor: Actor, username: str, password: str, at: datetime) -> User | None:
    """Whose username and password these are, for whoever must not hear it.

    Counted like a sign-in. A success resets nothing: a counter that begins anew would tell.

    Raises:
        LimitReached: too many attempts for this name or from this network address.
    """
    name = usernames.canonical(username)
    named = User.objects.filter(username=name).first()
    _count_attempt(name, "", actor.address, at)
    user = _authenticate(name, password)
    # The same one row for right and wrong, so that it takes as long.
    _record_failure(actor, named, "a password was offered in a recovery")
    return user


@transaction.atomic
def _disable_password(actor: Actor, user: User) -> None:
    """Whoever tries lists of leaked passwords has it too: from now on only a mailed link helps."""
    user.set_unusable_password()
    user.save(update_fields=["password"])
    drop_sessions(user, keep="")
    audit.record(actor, safety.PasswordDisabled(about=user))
    notices.password_disabled(user, actor=actor)
    counters.add(Counter.PASSWORDS_DISABLED)


def _count_attempt(name: str, device: str, address: str, at: datetime) -> tuple[Limit, *tuple[str, ...]]:
    """Count one attempt before the work, so that simultaneous ones do not slip past together.

    A known device counts by itself: whatever strangers do, its owner may try. The name's own ceiling is never
    reset, or each success of the owner would hand the strangers a fresh one.

    Returns:
        The bucket that a success empties.
    """
    if device:
        limits.consume(Limit.SIGN_IN_DEVICE, device, at=at)
        return Limit.SIGN_IN_DEVICE, device
    limits.consume(Limit.SIGN_IN_ADDRESS, address, at=at)
    limits.consume(Limit.SIGN_IN_USER_ADDRESS, name, address, at=at)
    limits.consume(Limit.SIGN_IN_USER, name, at=at)
    return Limit.SIGN_IN_USER_ADDRESS, name, address


def confirm_password(*, actor: Actor, password: str, at: datetime) -> None:
    """A signed-in person proves the password again.

    Raises:
        WrongPassword: it is not theirs, or they have none.
        LimitReached: too many attempts.
    """
    user = actor.user
    if user is None:
        raise WrongPassword
    limits.consume(Limit.STEP_UP_USER, str(user.pk), at=at)
    found = _authenticate(user.username, password)
    if found is None or found.pk != user.pk:
        _record_failure(actor, user, "wrong password when asked again")
        raise WrongPassword
    limits.reset(Limit.STEP_UP_USER, str(user.pk))
    with transaction.atomic():
        audit.record(actor, audit.PresenceProved(about=user, method="password"))


@transaction.atomic
def record_sign_in(*, actor: Actor, methods: str, is_new_place: bool) -> None:
    """`actor` has come in through every stage; `methods` says how, such as "password and authenticator app".

    Args:
        is_new_place: the browser was unknown, and no mailed link has confirmed it: then a letter does. Not at the
            first sign-in of all, from the browser in which the account was made.
    """
    is_first = not actor.person.audit_events.filter(name=audit.SignedIn.name).exists()
    audit.record(actor, audit.SignedIn(about=actor.user, methods=methods))
    if is_new_place and not is_first:
        notices.new_sign_in(actor.person, methods=methods, actor=actor)


@transaction.atomic
def record_sign_out(*, actor: Actor) -> None:
    """`actor` ends the session this is asked in."""
    audit.record(actor, audit.SignedOut(about=actor.user))


def _authenticate(username: str, password: str) -> User | None:
    user = authenticate(None, username=username, password=password)
    return user if isinstance(user, User) else None


@transaction.atomic
def _record_failure(actor: Actor, user: User | None, reason: str) -> None:
    audit.record(actor, audit.SignInFailed(about=user, reason=reason))
