"""Changing and resetting the password. Either way all other sessions end and every verified address is told."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.tasks import task
from django.urls import reverse

from accounts import notices, passwords, queries, reset_tokens
from accounts.actions import sessions
from accounts.actions.sign_in import confirm_password
from accounts.models import User
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.errors import InvalidInput, PermissionRefused
from indexsite.limits import Limit
from indexsite.policies import Action, edits_frozen, require, require_locked


class ResetLinkInvalid(InvalidInput):
    """Used, too old, or never made by us."""

    code = "reset-link-invalid"

    def __init__(self) -> None:
        super().__init__("This link has been used or is too old; ask for a new one.")
        self.help_path = "/account/password/reset/"


def change_password(*, actor: Actor, old: str, new: str, keep_session: str, at: datetime) -> User:
    """Replace the password; all sessions but `keep_session` (a key) end.

    Args:
        old: the present password; not looked at when the account has none.

    Raises:
        WrongPassword, WeakPassword, LimitReached: see there.
        PermissionRefused: no recent proof of presence.
    """
    require(actor, Action.PASSWORD_CHANGE)
    user = actor.person
    if user.has_usable_password():
        confirm_password(actor=actor, password=old, at=at)
    _check_quality(user, new)
    encoded = make_password(new)
    with transaction.atomic():
        # All that took its time, and a report may have come meanwhile.
        locked = require_locked(actor, Action.PASSWORD_CHANGE)
        return _store(locked, encoded, actor, audit.PasswordChanged(about=user), keep=keep_session, reset=False)


def ask_for_reset(*, actor: Actor, email: str, at: datetime) -> None:
    """Have a link mailed. What that takes is left to the worker, so that the page takes as long for every address.

    Raises:
        LimitReached: too many for this e-mail address or from this network address.
    """
    limits.consume(Limit.PASSWORD_RESET_ADDRESS, actor.address, at=at)
    limits.consume(Limit.PASSWORD_RESET_EMAIL, email.lower(), at=at)
    with transaction.atomic():
        answer_reset_request.enqueue(email=email.lower(), address=actor.address, client=actor.client)


@task()
def answer_reset_request(*, email: str, address: str, client: str) -> None:
    """Mail a link to the address if a person has verified it, else a letter that says nobody has."""
    actor = Actor(user=None, address=address, client=client)
    user = queries.holder_of(email)
    if user is not None and (not user.is_active or user.recovering_since is not None):
        user = None
    with transaction.atomic():
        audit.record(actor, audit.PasswordResetRequested(about=user))
        if user is None:
            notices.reset_without_account(email=email, actor=actor)
        else:
            uid, token = reset_tokens.make(user)
            link = settings.SITE_URL + reverse("account_reset_link", args=[uid, token])
            notices.reset_link(email=email, user=user, link=link, actor=actor)


def reset_password(*, actor: Actor, uid: str, token: str, new: str, at: datetime) -> User:
    """Set the password of the link's holder. This signs nobody in: a link, too, may be a stranger's who sent it.

    Raises:
        ResetLinkInvalid: the link is used up, too old or forged.
        PermissionRefused: edits are frozen after a report.
        WeakPassword, LimitReached: see there.
    """
    limits.consume(Limit.PASSWORD_RESET_ADDRESS, actor.address, at=at)
    user = reset_tokens.holder(uid, token)
    if user is None:
        raise ResetLinkInvalid
    if (denied := edits_frozen(user)) is not None:
        raise PermissionRefused(denied.sentence, code=denied.code)
    _check_quality(user, new)
    encoded = make_password(new)
    with transaction.atomic():
        # Asked again under the lock: the same link, sent twice at once, works once.
        locked = User.objects.select_for_update().get(pk=user.pk)
        if reset_tokens.holder(uid, token) is None or edits_frozen(locked) is not None:
            raise ResetLinkInvalid
        return _store(locked, encoded, actor, audit.PasswordReset(about=user), keep="", reset=True)


def _check_quality(user: User, new: str) -> None:
    words = passwords.own_words(username=user.username, emails=queries.verified_addresses(user))
    passwords.check(new, own_words=words)


def _store(user: User, encoded: str, actor: Actor, event: audit.Event, *, keep: str, reset: bool) -> User:
    user.password = encoded
    user.save(update_fields=["password"])
    sessions.drop_sessions(user, keep=keep)
    audit.record(actor, event)
    notices.password_changed(user, actor=actor, by_reset=reset)
    return user
