"""The signed-in session: who acts in it, with which proofs; and giving it a new key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import NoReturn

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions import middleware
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django_otp import login as bind_device
from django_otp.models import Device

from accounts import allauth_internals
from accounts.allauth_internals import SECOND_FACTOR
from accounts.models import User
from indexsite import clock
from indexsite.actors import Actor, SessionCredential
from indexsite.errors import NotAuthenticated
from indexsite.http import client_address
from mfa.models import is_recovery_code

CLIENT_LENGTH = 200
_MAILBOX_KEY = "mailbox_proof"
_RIGHTS_KEY = "rights_since"
SEEN_EVERY = 10 * 60  # seconds


class SessionMiddleware(middleware.SessionMiddleware):
    """Django's, but a key that opens nothing does not take the cookie away.

    The request may have left the browser before the answer to another one, which changed the key; that answer has
    set the cookie meanwhile, and deleting it would sign the person out.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session = getattr(request, "session", None)
        # Who signs out empties the session, which modifies it.
        is_unknown = session is not None and session.is_empty() and not session.modified
        answered = super().process_response(request, response)
        if is_unknown:
            answered.cookies.pop(settings.SESSION_COOKIE_NAME, None)
        return answered


class SessionGone(NotAuthenticated):
    """Another request of the same moment has ended the session, or given it another key."""

    def __init__(self) -> None:
        super().__init__("This session has ended meanwhile; sign in again.")


def session_actor(request: HttpRequest) -> Actor:
    """The person behind the request with the proofs the session holds; a visitor when nobody is signed in."""
    address = client_address(request)
    client = request.headers.get("User-Agent", "")[:CLIENT_LENGTH]
    user = request.user
    if not user.is_authenticated:
        return Actor(user=None, address=address, client=client)
    touch(request)
    follow_rights(request, user)
    proofs = allauth_internals.proofs(request, user)
    # A proof counts as long as the device that gave it is still the person's: django-otp looks it up.
    device = getattr(user, "otp_device", None)
    # A key that looks copied opens nothing any more, also where it did before that was seen.
    is_aside = getattr(device, "set_aside_at", None) is not None
    device_id = device.persistent_id if device is not None and not is_aside else ""
    factor_at = max((p.at for p in proofs if device_id and p.device == device_id), default=None)
    return Actor(
        user=user,
        credential=SessionCredential(),
        factor=device_id if factor_at is not None else "",
        factor_at=factor_at,
        mailbox_at=mailbox_proof(request, user),
        repair_at=max((p.at for p in proofs if is_recovery_code(p.device)), default=None),
        reauthenticated_at=max((p.at for p in proofs if not p.device or p.device == device_id), default=None),
        address=address,
        client=client,
    )


def note_mailbox(request: HttpRequest, user: User) -> None:
    """The person has just shown to read the mail of a verified address."""
    request.session[_MAILBOX_KEY] = {"user": user.pk, "at": clock.now().timestamp()}


def mailbox_proof(request: HttpRequest, user: User) -> datetime | None:
    kept = request.session.get(_MAILBOX_KEY)
    if kept is None or kept["user"] != user.pk:
        return None
    return datetime.fromtimestamp(kept["at"], tz=UTC)


def touch(request: HttpRequest) -> None:
    """Note that the session is in use; written at most every `SEEN_EVERY`, not with each request."""
    key = request.session.session_key or ""
    mark = f"session-seen:{hashlib.sha256(key.encode()).hexdigest()}"
    if cache.add(mark, 1, timeout=SEEN_EVERY):
        UserSession.objects.filter(session_key=key).update(last_seen_at=clock.now())


def follow_rights(request: HttpRequest, user: User) -> None:
    """Give the session a new key if the person's rights are others than when it got its present one.

    The form token stays: this may happen at any page, while others are open beside it. Of requests that come in at
    once with the old key one changes it; the others are answered, and set no cookie.
    """
    now = user.rights_since.isoformat() if user.rights_since is not None else ""
    if request.session.get(_RIGHTS_KEY, "") != now and _new_key(request):
        request.session[_RIGHTS_KEY] = now


def note_rights_at_sign_in(request: HttpRequest, user: User) -> None:
    """The session's key is new already."""
    if user.rights_since is not None:
        request.session[_RIGHTS_KEY] = user.rights_since.isoformat()


def refresh_actor(request: HttpRequest) -> Actor:
    """Read the actor anew after the session has learnt something."""
    actor = session_actor(request)
    request.actor = actor  # type: ignore[attr-defined]
    return actor


def bind_factor(request: HttpRequest) -> None:
    """Tell django-otp which device proved presence in this session, if one did."""
    user = request.user
    if not user.is_authenticated:
        return
    devices = [p.device for p in allauth_internals.proofs(request, user) if p.method == SECOND_FACTOR]
    if devices:
        bind_device(request, Device.from_persistent_id(devices[-1]))


def rotate(request: HttpRequest) -> None:
    """A new session key and form token, keeping what is in the session: after every new proof or factor.

    Raises:
        SessionGone: see there; what was proved is forgotten with it.
    """
    if not _new_key(request):
        _leave(request)
    rotate_token(request)


def keep_after_password_change(request: HttpRequest, user: User) -> None:
    """The session whose owner changed the password lives on, under a new key.

    Raises:
        SessionGone: see there; the password is changed.
    """
    if not _new_key(request, partial(update_session_auth_hash, request, user)):
        _leave(request)


def _new_key(request: HttpRequest, change: Callable[[], None] | None = None) -> bool:
    """Give the session a new key; False if another request has ended it, or changed its key, since this one began.

    Its row in the list of sessions is locked: whoever ends sessions waits, or comes first. Without that the
    session would live on under a key that is in no list.

    Args:
        change: what gives it the key, if not `cycle_key` alone.
    """
    old = request.session.session_key
    with transaction.atomic():
        row = UserSession.objects.select_for_update().filter(session_key=old).first()
        if row is None:
            return False
        (change or request.session.cycle_key)()
        UserSession.objects.filter(pk=row.pk).update(session_key=request.session.session_key)
    return True


def _leave(request: HttpRequest) -> NoReturn:
    # An empty session that nobody has touched: the answer leaves alone the cookie that another one has set.
    request.session, request.user = SessionStore(), AnonymousUser()
    refresh_actor(request)
    raise SessionGone
