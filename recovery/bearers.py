"""What people hold in a case: the request secret, mailed links, the owner's link. Stored as digests, if at all."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.core import signing

from indexsite.errors import InvalidInput

_OWNER_SALT = "recovery.owner"


class OwnerLinkInvalid(InvalidInput):
    """Cut off, or never made by us."""

    code = "owner-link-invalid"
    help_path = "/help/"

    def __init__(self) -> None:
        super().__init__(
            "This link is not whole; copy all of it from the letter, or sign in and stop the recovery there."
        )


@dataclass(frozen=True)
class OwnerClaim:
    """What an owner's link is for: a case, and the letter that it stood in."""

    case_id: uuid.UUID
    notice_id: int


def mint() -> str:
    """A secret of 256 bits that fits into an address."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """As it is stored; plain SHA-256 is enough for what nobody can guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def keyed(purpose: str, text: str) -> str:
    """A digest that nobody can make or compare without the site's key."""
    message = f"{len(purpose)}:{purpose}{text}".encode()
    return hmac.digest(settings.SECRET_KEY.encode(), message, hashlib.sha256).hex()


def network(address: str) -> str:
    """The neighbourhood of a network address, digested: a /24, or a /48 of IPv6; "" for none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    length = 24 if parsed.version == 4 else 48
    return keyed("recovery network", str(ipaddress.ip_network((parsed, length), strict=False)))


def owner_token(case_id: uuid.UUID, notice_id: int) -> str:
    """The path segment of an owner's link. It opens nothing: it stops."""
    return signing.dumps([str(case_id), notice_id], salt=_OWNER_SALT)


def read_owner_token(token: str) -> OwnerClaim:
    """What the link is for. It holds as long as the case can be stopped, so it has no date.

    Raises:
        OwnerLinkInvalid: see there.
    """
    try:
        case_id, notice_id = signing.loads(token, salt=_OWNER_SALT)
        return OwnerClaim(uuid.UUID(case_id), int(notice_id))
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise OwnerLinkInvalid from error
