"""From the Authorization header, and from nothing else, to an `Actor`.

The order is deliberate: signature, revocation, account, then restrictions. Whoever does not hold a token that this
site made learns nothing about tokens or people.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import User
from indexsite import clock, limits
from indexsite.actors import Actor, CredentialKind, Permission, ProjectRef
from indexsite.errors import NotAuthenticated, PermissionRefused
from indexsite.http import client_address
from indexsite.limits import Limit
from indexsite.policies import account_unusable
from tokens.macaroons import caveats, wire
from tokens.macaroons.wire import MacaroonError
from tokens.models import Token, get_token, get_token_and_user

if TYPE_CHECKING:
    from rest_framework.views import APIView  # reads settings, which name this module

TOKEN_USERNAMES = frozenset({"__token__", "@token"})
HELP_PATH = "/help/#tokens"

_USE_INTERVAL = timedelta(minutes=1)
_NO_KEY = bytes(32)


@dataclass(frozen=True)
class TokenCredential:
    """A verified token; `refusal()` is its half of every permission check."""

    token: Token
    restrictions: tuple[caveats.AnyCaveat, ...]
    kind: CredentialKind = CredentialKind.TOKEN

    @property
    def label(self) -> str:
        return self.token.label

    @property
    def is_for_one_project(self) -> bool:
        """Whether its owner made it for one project, whatever it was narrowed to later."""
        return self.token.project_id is not None

    @property
    def permissions(self) -> frozenset[Permission]:
        """What it may be used for, here and now."""
        return caveats.permitted(self.token.granted, self.restrictions)

    @property
    def is_drafts_only(self) -> bool:
        """Whether an upload with it has to land in a draft, whatever address it was sent to."""
        left = self.permissions
        return Permission.UPLOAD not in left and Permission.DRAFT_UPLOAD in left

    def refusal(
        self,
        permission: Permission | None,
        project: ProjectRef | None,
        *,
        version: str | None = None,
        draft: str | None = None,
    ) -> str | None:
        """One sentence, or None. The row is read again: an upload may outlast a revocation or a narrowing."""
        row = get_token(self.token.pk)
        if row is None:
            return _unknown().sentence
        if row.revoked_at is not None:
            return _revoked(row.revoked_at).sentence
        restrictions = self.restrictions
        try:
            restrictions += row.understood_caveats()
            left = caveats.permitted(row.granted, restrictions)
            if permission is not None and permission not in left:
                return _not_made_for(permission, left)
            caveats.check_project(restrictions, project)
            caveats.check_version(restrictions, version)
            caveats.check_draft(restrictions, draft)
        except MacaroonError as error:
            named = _limited_to(restrictions, project)
            return f"This token {error.reason}{named}; use another or create one at {_tokens_page()}."
        return None


def authenticate(request: HttpRequest) -> Actor:
    """Who sends this request, by the token in its Authorization header.

    Raises:
        NotAuthenticated: the request carries no credentials at all.
        PermissionRefused: it carries some that cannot be accepted; the sentence says which and what to do.
        LimitReached: as before, once too often from this network address.
    """
    header = request.headers.get("Authorization", "").strip()
    if not header:
        raise NotAuthenticated(
            f"No credentials were sent: use the user name __token__ and a token from {_tokens_page()}.",
            code="credentials-missing",
            help_path=HELP_PATH,
        )
    at = clock.now()
    address = client_address(request)
    client = request.headers.get("User-Agent", "")[:200]
    try:
        token, restrictions = _verified(_presented(header), at=at)
    except PermissionRefused:
        # Counted only now, and against failures only: a neighbour's broken script must not stop good tokens.
        limits.check(Limit.TOKEN_FAILURES_ADDRESS, address, at=at)
        limits.consume(Limit.TOKEN_FAILURES_ADDRESS, address, at=at)
        raise
    _note_use(token, at=at, address=address, client=client)
    credential = TokenCredential(token, restrictions)
    return Actor(user=token.user, credential=credential, address=address, client=client)


class TokenAuthentication(BaseAuthentication):
    """`authenticate()` for the REST API: `request.user` is the person, `request.auth` the `Actor`."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        """As REST framework asks; None lets a view say itself that it needs credentials."""
        if not request.headers.get("Authorization", "").strip():
            return None
        actor = authenticate(request._request)  # noqa: SLF001 - REST framework's own name for it
        assert actor.user is not None  # noqa: S101 - a token has an owner
        return actor.user, actor

    def authenticate_header(self, request: Request) -> str:
        return f'Bearer realm="{settings.SITE_NAME}"'


class TokenRequired(BasePermission):
    """For API views that do nothing for visitors: whoever sends no credentials hears which to send."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, Actor):
            authenticate(request._request)  # noqa: SLF001 - raises; it has the sentence
        return True


# -- reading the header -----------------------------------------------------------------------------------


def _presented(header: str) -> str:
    """The token as sent, whichever way clients send it; stray white space around it is the shell's, not its."""
    scheme, _, value = header.partition(" ")
    match scheme.lower():
        case "basic":
            return _from_basic(value)
        case "token" | "bearer":
            return value.strip()
    raise _refused(
        "credentials-unreadable",
        "This Authorization scheme is not supported; send the user name __token__ and a token (Basic), or Bearer.",
    )


def _from_basic(value: str) -> str:
    try:
        pair = base64.b64decode(value.strip(), validate=True).decode()
        username, separator, password = pair.partition(":")
    except (binascii.Error, ValueError) as error:
        raise _refused("credentials-unreadable", "The Authorization header cannot be read.") from error
    if username.strip() in TOKEN_USERNAMES and separator:
        return password.strip()
    if password.strip().startswith(settings.ENV.token_prefix):
        raise _refused(
            "token-username", "The user name is wrong: a token goes with the user name __token__, not with yours."
        )
    raise _refused(
        "password-refused",
        f"Passwords cannot upload; create a token at {_tokens_page()} and use it with the user name __token__.",
    )


# -- judging the token ------------------------------------------------------------------------------------


def _verified(text: str, *, at: datetime) -> tuple[Token, tuple[caveats.AnyCaveat, ...]]:
    try:
        macaroon = wire.parse(text, prefix=settings.ENV.token_prefix)
    except MacaroonError as error:
        raise _refused(
            "token-malformed",
            f"This token is malformed: {error.reason}; copy all of it again, or create one at {_tokens_page()}.",
        ) from error
    token = _signed_by_its_row(macaroon)
    if token.revoked_at is not None:
        raise _revoked(token.revoked_at)
    if (denied := account_unusable(token.user)) is not None:
        raise _refused(denied.code, denied.sentence)
    try:
        restrictions = (*map(caveats.load, macaroon.caveats), *token.understood_caveats())
        caveats.check_bearer(restrictions, at=at, user_id=caveats.public_id(token.user_id))
    except MacaroonError as error:
        raise _refused(
            "token-expired" if error.code == "expired" else "token-restricted",
            f"This token {error.reason}; create a new one at {_tokens_page()} and replace the old one.",
        ) from error
    return token, restrictions


def _signed_by_its_row(macaroon: wire.Macaroon) -> Token:
    """The row behind the macaroon. An unknown id and a wrong signature look and cost the same."""
    token = _row(macaroon.identifier)
    try:
        wire.verify_signature(macaroon, token.root_key if token is not None else _NO_KEY)
    except MacaroonError:
        token = None
    if token is None:
        raise _unknown()
    return token


def _row(identifier: bytes) -> Token | None:
    try:
        return get_token_and_user(UUID(identifier.decode()))
    except ValueError:
        return None


# -- noting the use ---------------------------------------------------------------------------------------


def _note_use(token: Token, *, at: datetime, address: str, client: str) -> None:
    """At most once a minute, in a short transaction of its own that gives way to whoever holds the row."""
    if token.last_used_at is not None and timedelta() <= at - token.last_used_at < _USE_INTERVAL:
        return
    may_skip = connection.features.has_select_for_update_skip_locked
    with transaction.atomic():
        rows = Token.objects.select_for_update(skip_locked=may_skip).filter(pk=token.pk)
        if rows.values_list("pk").first() is not None:
            Token.objects.filter(pk=token.pk).update(
                last_used_at=at, last_used_address=address[:64], last_used_client=client
            )


# -- sentences --------------------------------------------------------------------------------------------


def _tokens_page() -> str:
    return f"{settings.SITE_URL}/account/tokens/"


def _refused(code: str, sentence: str) -> PermissionRefused:
    return PermissionRefused(sentence, code=code, help_path=HELP_PATH)


def _unknown() -> PermissionRefused:
    wrong = "This token is not valid: it is unknown here or was altered"
    return _refused("token-unknown", f"{wrong}; copy it again, or create one at {_tokens_page()}.")


def _revoked(at: datetime) -> PermissionRefused:
    sentence = f"This token was revoked on {at:%Y-%m-%d}; create a new one at {_tokens_page()}."
    return _refused("token-revoked", sentence)


def _not_made_for(permission: Permission, left: frozenset[Permission]) -> str:
    if permission in {Permission.UPLOAD, Permission.PUBLISH} and Permission.DRAFT_UPLOAD in left:
        drafts = f"{settings.SITE_URL}/draft/legacy/"
        return f"This token is for drafts only: upload to {drafts}, or create another one at {_tokens_page()}."
    return f"This token was not made for {permission}; create one that was at {_tokens_page()}."


def _limited_to(restrictions: tuple[caveats.AnyCaveat, ...], project: ProjectRef | None) -> str:
    names = sorted(caveats.project_names(restrictions) or ())
    if not names or (project is not None and project.normalized_name in names):
        return ""
    shown = ", ".join(f"'{name}'" for name in names[:3]) + (" and others" if len(names) > 3 else "")
    return f": it is limited to {shown}"
