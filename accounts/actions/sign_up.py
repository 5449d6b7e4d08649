"""Making an account. Whether the address is known elsewhere changes nothing that shows at the form."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from accounts import passwords, usernames
from accounts.actions import emails
from accounts.models import User
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.limits import Limit


def create_account(*, actor: Actor, username: str, email: str, password: str, at: datetime) -> User:
    """Make an account that can do nothing yet but verify its address.

    The account is made even if the address belongs to somebody: an answer, a reserved name or a shorter wait
    that depended on it would tell who is here. Only the letter differs, and only its holder reads that.

    Raises:
        UsernameMalformed, UsernameUnavailable, AddressProhibited, WeakPassword: see there.
        LimitReached: too many sign-ups from this network address.
    """
    limits.consume(Limit.SIGN_UP_ADDRESS, actor.address, at=at)
    username = usernames.check_available(username)
    email = email.lower()
    emails.insist_on_allowed(email)
    passwords.check(password, own_words=passwords.own_words(username=username, emails=[email]))
    encoded = make_password(password)  # before the transaction: a fifth of a second is long to hold a lock
    try:
        with transaction.atomic():
            user = User.objects.create(username=username, email=email, password=encoded, date_joined=at)
            EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
            audit.record(actor, audit.AccountCreated(about=user))
    except IntegrityError as error:
        raise usernames.UsernameUnavailable from error
    return user
