"""The first factor of an account that holds rights: its mailbox is proved before, its co-owners hear of it after.

Whoever has such an account's password, and nothing else, would otherwise make the factor their own, as happened
elsewhere on 31 March 2024.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.actions.emails import MailedCodeWrong
from accounts.models import Organization, User
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.errors import Conflict
from indexsite.limits import Limit
from indexsite.policies import Action, require
from mfa import notices
from releases.models import RoleKind, people_with
from releases.queries_manage import memberships

# Without vowels, so that no words come of it: 20 signs, 8 of them, 34 bits for five tries.
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 8


def mail_code(*, actor: Actor, at: datetime) -> tuple[str, str]:
    """Mail a code to the primary verified address; returns that address, and the digest of the code.

    Raises:
        Conflict: no address is verified.
        LimitReached: too many letters.
    """
    require(actor, Action.ACCOUNT_VIEW)
    user = actor.person
    row = EmailAddress.objects.filter(user=user, verified=True).order_by("-primary", "pk").first()
    if row is None:
        raise Conflict("No address of yours is verified; verify one first.", help_path="/account/email/")
    limits.consume(Limit.MAIL_TO_ADDRESS, row.email, at=at)
    limits.consume(Limit.EMAIL_CODE_USER, str(user.pk), at=at)
    signs = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    with transaction.atomic():
        notices.mailbox_code(email=row.email, username=user.username, code=f"{signs[:4]}-{signs[4:]}")
    return row.email, _digest(user, signs)


def enter_code(*, actor: Actor, email: str, digest: str, typed: str, at: datetime) -> None:
    """The person types the code in.

    Raises:
        MailedCodeWrong: it is another one.
        LimitReached: too many wrong ones.
    """
    require(actor, Action.ACCOUNT_VIEW)
    user = actor.person
    limits.consume(Limit.CODE_CHECK, str(user.pk), at=at)
    signs = "".join(sign for sign in typed.upper() if sign.isalnum())
    is_right = constant_time_compare(_digest(user, signs), digest)
    event = audit.MailboxProved if is_right else audit.EmailCodeFailed
    with transaction.atomic():
        audit.record(actor, event(about=user, email=email))
    if not is_right:
        raise MailedCodeWrong


def tell_co_owners(user: User) -> None:
    """Called in the transaction that adds a factor to an account that had none.

    Managers hear of it too, also where their organisation owns nothing yet, and so do colleagues on the staff.
    """
    shared: dict[int, list[str]] = defaultdict(list)
    readers: dict[int, User] = {}
    for membership in memberships(user):
        for owner in people_with(membership.project, RoleKind.OWNER).exclude(pk=user.pk):
            readers[owner.pk] = owner
            shared[owner.pk].append(membership.project.name)
    for organization in Organization.objects.of(user):
        for manager in organization.managers().exclude(pk=user.pk):
            readers[manager.pk] = manager
            shared[manager.pk].append(f"organization {organization.name}")
    if user.is_staff:
        for colleague in (
            User.objects.exclude(staff_roles=None).filter(is_active=True).exclude(pk=user.pk).distinct()
        ):
            readers[colleague.pk] = colleague
            shared[colleague.pk].append("the staff of this site")
    for pk, reader in readers.items():
        notices.first_factor_of(user, reader=reader, places=sorted(shared[pk]))


def _digest(user: User, signs: str) -> str:
    return salted_hmac(f"mfa.first_factor {user.pk}", signs, algorithm="sha256").hexdigest()
