"""A person's e-mail addresses. Every change is told to every verified address, the one that goes included."""

from __future__ import annotations

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction

from accounts import notices
from accounts.allauth_internals import MailedCode
from accounts.models import PastAddress, User, prohibition_of
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.errors import Conflict, InvalidInput, NotFound
from indexsite.limits import Limit
from indexsite.policies import Action, require, require_locked

MAX_ADDRESSES = 10


class AddressRefused(InvalidInput):
    """The sentence says why."""

    code = "address-refused"
    field = "email"


class AddressProhibited(InvalidInput):
    """Its domain is on the staff's list."""

    code = "address-prohibited"
    field = "email"

    def __init__(self) -> None:
        super().__init__("Addresses of this domain cannot be used here; enter another one.")


def insist_on_allowed(email: str) -> None:
    """Refuse what the staff has prohibited as a domain. A single address hears nothing: see `mail_code`.

    Raises:
        AddressProhibited: see there.
    """
    prohibition = prohibition_of(email)
    if prohibition is not None and prohibition.is_domain:
        raise AddressProhibited


def add_address(*, actor: Actor, email: str) -> EmailAddress:
    """Add an address, unverified. Says nothing about whether somebody else has it.

    Raises:
        AddressProhibited: see there.
        AddressRefused: the person has it already, or has too many.
        PermissionRefused: no recent proof of presence.
    """
    require(actor, Action.EMAIL_CHANGE)
    user = actor.person
    email = email.lower()
    insist_on_allowed(email)
    with transaction.atomic():
        require_locked(actor, Action.EMAIL_CHANGE)
        mine = EmailAddress.objects.filter(user=user)
        if mine.filter(email=email).exists():
            raise AddressRefused("This address is on your list already.")
        if mine.count() >= MAX_ADDRESSES:
            raise AddressRefused(f"An account has at most {MAX_ADDRESSES} addresses; remove one first.")
        row = EmailAddress.objects.create(user=user, email=email)
        audit.record(actor, audit.EmailAdded(about=user, email=email))
        notices.email_added(user, email=email, actor=actor)
    return row


class MailedCodeWrong(InvalidInput):
    """Not the code that was mailed last; there may be another try."""

    code = "mailed-code-wrong"
    field = "code"

    def __init__(self) -> None:
        super().__init__("This is not the code we mailed last.")


class MailedCodeVoid(Conflict):
    """Wrong once too often: only a new code helps."""

    code = "mailed-code-void"

    def __init__(self) -> None:
        super().__init__("The code was wrong too often; have a new one mailed.")


class AddressTaken(Conflict):
    """Somebody else has verified the same address; said to whoever has read the code in its mailbox."""

    code = "address-taken"
    field = "code"

    def __init__(self) -> None:
        super().__init__("This address cannot be verified; enter another one.")


def mail_code(*, actor: Actor, user: User, email: str, code: str, at: datetime) -> None:
    """Send the code to the address; to one that somebody else has verified goes a warning in its place.

    To one that the staff has prohibited goes nothing, and whoever typed it does not hear of it: it may be of
    somebody who wants no letters from here.

    Raises:
        LimitReached: this address, or this account, has been sent too many.
        NotAuthenticated, PermissionRefused: the address is not the actor's to verify.
    """
    require(actor, Action.EMAIL_VERIFY, _own(user, email))
    limits.consume(Limit.MAIL_TO_ADDRESS, email.lower(), at=at)
    limits.consume(Limit.EMAIL_CODE_USER, str(user.pk), at=at)
    with transaction.atomic():
        taken = EmailAddress.objects.filter(email=email.lower(), verified=True).exclude(user=user).exists()
        to = [] if prohibition_of(email) is not None else [email]
        if taken:
            notices.address_in_use(to=to)
        else:
            notices.verification_code(to=to, username=user.username, code=code)


def enter_code(*, actor: Actor, user: User, mailed: MailedCode, typed: str, at: datetime) -> None:
    """The person types the code in; with the right one the address is verified.

    Args:
        actor: who types; while signing up, nobody yet.
        user: whose address it is.
        mailed: the code this session waits for.

    Raises:
        MailedCodeWrong, MailedCodeVoid, AddressTaken: see there.
        LimitReached: too many wrong codes for this account, in whichever session.
    """
    limits.consume(Limit.CODE_CHECK, str(user.pk), at=at)
    if mailed.matches(typed):
        if not mailed.finish():
            raise AddressTaken
        return
    with transaction.atomic():
        audit.record(actor, audit.EmailCodeFailed(about=user, email=mailed.email))
    raise MailedCodeWrong if mailed.count_failure() else MailedCodeVoid


def mark_verified(*, actor: Actor, row: EmailAddress) -> bool:
    """The code was right. False if somebody else verified the same address first, or it was prohibited since.

    Raises:
        NotAuthenticated, PermissionRefused: the address is not the actor's to verify.
    """
    require(actor, Action.EMAIL_VERIFY, row)
    user: User = row.user
    if prohibition_of(row.email) is not None:
        return False
    try:
        with transaction.atomic():
            if actor.user is not None:
                require_locked(actor, Action.EMAIL_VERIFY, row)
            if not row.set_verified(commit=False):
                return False
            row.primary = not EmailAddress.objects.filter(user=user, primary=True).exclude(pk=row.pk).exists()
            row.save()
            if row.primary:
                _mirror(user, row.email)
            audit.record(actor, audit.EmailVerified(about=user, email=row.email))
            if EmailAddress.objects.filter(user=user, verified=True).count() > 1:
                notices.email_verified(user, email=row.email, actor=actor)
    except IntegrityError:  # one verified row per address, says the database
        return False
    return True


def replace_unverified(*, actor: Actor, user: User, email: str) -> None:
    """Correct the address given at sign-up, before it was verified; there is no other one to warn yet.

    Raises:
        AddressProhibited: see there.
        Conflict: the account has a verified address.
    """
    email = email.lower()
    insist_on_allowed(email)
    with transaction.atomic():
        if EmailAddress.objects.filter(user=user, verified=True).exists():
            raise Conflict("This account has a verified address already; sign in and change it there.")
        EmailAddress.objects.filter(user=user).delete()
        EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
        _mirror(user, email)
        audit.record(actor, audit.EmailAdded(about=user, email=email))


@transaction.atomic
def make_primary(*, actor: Actor, email: str) -> None:
    """Letters that need one address go to this one from now on.

    Raises:
        NotFound: not an address of the person.
        Conflict: it is not verified.
    """
    require(actor, Action.EMAIL_CHANGE)
    user = require_locked(actor, Action.EMAIL_CHANGE)
    row = _own(user, email)
    if not row.verified:
        raise Conflict("Verify this address first.")
    old = EmailAddress.objects.filter(user=user, primary=True).first()
    if old is not None and old.pk == row.pk:
        return
    EmailAddress.objects.filter(user=user, primary=True).update(primary=False)
    EmailAddress.objects.filter(pk=row.pk).update(primary=True)
    _mirror(user, row.email)
    before = old.email if old is not None else ""
    audit.record(actor, audit.PrimaryEmailChanged(about=user, old=before, new=row.email))
    notices.primary_changed(user, old=before, new=row.email, actor=actor)


@transaction.atomic
def remove_address(*, actor: Actor, email: str, at: datetime) -> None:
    """Remove an address.

    Raises:
        NotFound: not an address of the person.
        Conflict: it is the primary one.
    """
    require(actor, Action.EMAIL_CHANGE)
    user = require_locked(actor, Action.EMAIL_CHANGE)
    row = _own(user, email)
    if row.primary:
        raise Conflict("This is your primary address; make another one primary first.")
    also = [row.email] if row.verified else []
    if row.verified:
        PastAddress.objects.create(user=user, email=row.email, removed_at=at)
    row.delete()
    audit.record(actor, audit.EmailRemoved(about=user, email=row.email))
    notices.email_removed(user, email=row.email, also=also, actor=actor)


def _own(user: User, email: str) -> EmailAddress:
    row = EmailAddress.objects.filter(user=user, email=email.lower()).first()
    if row is None:
        raise NotFound("This address is not on your list.")
    return row


def _mirror(user: User, email: str) -> None:
    user.email = email
    user.save(update_fields=["email"])
