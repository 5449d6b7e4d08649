"""Proving a password, at the front door and again inside; and the record of having come in."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth import authenticate
from django.db import transaction

from accounts import usernames
from accounts.models import User
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.errors import InvalidInput
from indexsite.limits import Limit


class WrongCredentials(InvalidInput):
    """One sentence for every reason, so that none of them can be told from another."""

    code = "wrong-credentials"

    def __init__(self) -> None:
        super().__init__("This username and password do not go together.")


class WrongPassword(InvalidInput):
    """Said to somebody who is signed in already."""

    code = "wrong-password"
    field = "password"

    def __init__(self) -> None:
        super().__init__("This is not your password.")


def check_credentials(*, actor: Actor, username: str, password: str, at: datetime) -> User:
    """Whose username and password these are. Costs one hash whether or not there is such a person.

    Raises:
        WrongCredentials: they do not fit, for whatever reason.
        LimitReached: too many attempts for this name or from this network address.
    """
    name = usernames.canonical(username)
    # Counted before the work: attempts sent at the same moment do not slip past the limit together.
    limits.consume(Limit.SIGN_IN_ADDRESS, actor.address, at=at)
    limits.consume(Limit.SIGN_IN_USER, name, at=at)
    user = _authenticate(name, password)
    if user is None:
        # The same one row for a person and for nobody; the typed name is not kept, it may be a password.
        _record_failure(actor, User.objects.filter(username=name).first(), "username and password do not fit")
        raise WrongCredentials
    limits.reset(Limit.SIGN_IN_USER, name)
    return user


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


@transaction.atomic
def record_sign_in(*, actor: Actor, methods: str) -> None:
    """`actor` has come in through every stage; `methods` says how, such as "password and authenticator app"."""
    audit.record(actor, audit.SignedIn(about=actor.user, methods=methods))


def _authenticate(username: str, password: str) -> User | None:
    user = authenticate(None, username=username, password=password)
    return user if isinstance(user, User) else None


@transaction.atomic
def _record_failure(actor: Actor, user: User | None, reason: str) -> None:
    audit.record(actor, audit.SignInFailed(about=user, reason=reason))
