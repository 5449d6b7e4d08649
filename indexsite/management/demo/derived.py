"""Secrets of the demo, derived rather than stored: the same database always tells the same ones.

HMAC-SHA256 keyed by SECRET_KEY over a salt of the database and a name, so that neither a copied database nor a
known name gives anything away, and two demo sites under one key have nothing in common.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from mfa import recovery_codes


@dataclass(frozen=True)
class Secrets:
    """Derives from `key` (SECRET_KEY) and `salt` (of the database)."""

    key: str
    salt: str

    def take(self, name: str, size: int) -> bytes:
        """`size` bytes, at most 64, for this name."""
        message = f"demo:{self.salt}:{name}".encode()
        return hmac.digest(self.key.encode(), message, hashlib.sha512)[:size]

    def password(self, username: str) -> str:
        """Four groups of five letters and digits (100 bits), easy to type."""
        text = base32(self.take(f"password:{username}", 13))[:20].lower()
        return "-".join(text[at : at + 5] for at in range(0, 20, 5))

    def totp(self, username: str) -> bytes:
        """The 20-byte key of the person's authenticator (RFC 4226 section 4 recommends 160 bits)."""
        return self.take(f"totp:{username}", 20)

    def recovery_codes(self, username: str) -> list[str]:
        """As many codes as the site gives a person, in the form it gives them."""
        return [self._recovery_code(f"{username}:{number}") for number in range(recovery_codes.COUNT)]

    def _recovery_code(self, name: str) -> str:
        number = int.from_bytes(self.take(f"recovery-code:{name}", 64))
        signs = ""
        while len(signs) < recovery_codes.LENGTH:
            number, index = divmod(number, len(recovery_codes.ALPHABET))
            signs += recovery_codes.ALPHABET[index]
        return "-".join(signs[at : at + recovery_codes.GROUP] for at in range(0, len(signs), recovery_codes.GROUP))

    def token_key(self, name: str) -> bytes:
        """The root key of a token."""
        return self.take(f"token-key:{name}", 32)


def base32(secret: bytes) -> str:
    """As authenticator apps want it: upper case, no padding."""
    return base64.b32encode(secret).decode().rstrip("=")
