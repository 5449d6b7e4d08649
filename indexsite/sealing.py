"""Secrets that have to be read back, sealed with a key that is not in the database: a stolen backup opens none.

AES-256-GCM (NIST SP 800-38D) under a key derived from SECRET_KEY, with a random nonce. What a secret belongs to is
part of the seal: moved to another row, it does not open.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_VERSION = b"\x01"
_NONCE = 12
OVERHEAD = len(_VERSION) + _NONCE + 16  # bytes that a seal adds


class SealBroken(Exception):
    """The seal was made with another SECRET_KEY, for another place, or was changed."""


def seal(secret: bytes, *, place: str) -> bytes:
    """`secret`, sealed.

    Args:
        place: what it belongs to, such as "token <id>"; the same has to be said to open it.
    """
    nonce = secrets.token_bytes(_NONCE)
    return _VERSION + nonce + _cipher(settings.SECRET_KEY).encrypt(nonce, secret, place.encode())


def unseal(sealed: bytes, *, place: str) -> bytes:
    """The secret in `sealed`, under the present SECRET_KEY or one in SECRET_KEY_FALLBACKS.

    Raises:
        SealBroken: see there.
    """
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if (opened := _opened(sealed, place, key)) is not None:
            return opened
    raise SealBroken(f"The secret of {place} does not open; was SECRET_KEY changed without SECRET_KEY_FALLBACKS?")


def is_current(sealed: bytes, *, place: str) -> bool:
    """Whether the present SECRET_KEY opens it."""
    return _opened(sealed, place, settings.SECRET_KEY) is not None


def _opened(sealed: bytes, place: str, key: str) -> bytes | None:
    nonce, body = sealed[len(_VERSION) :][:_NONCE], sealed[len(_VERSION) + _NONCE :]
    if not sealed.startswith(_VERSION) or not body:
        return None
    try:
        return _cipher(key).decrypt(nonce, body, place.encode())
    except InvalidTag:
        return None


@functools.lru_cache(maxsize=8)
def _cipher(key: str) -> AESGCM:
    return AESGCM(hmac.digest(key.encode(), b"indexsite sealed secrets v1", hashlib.sha256))
