"""Secrets of the demo, derived rather than stored: the same database always tells the same ones.

HMAC-SHA256 keyed by SECRET_KEY over a salt of the database and a name, so that neither a copied database nor a
known name gives anything away, and two demo sites under one key have nothing in common.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mfa import recovery_codes

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


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

    def security_key(self, username: str) -> SecurityKeySecrets:
        """The person's passkey."""
        # From far more bits than the order of the curve has: no key is likelier than another (FIPS 186-5, A.2.1).
        number = int.from_bytes(self.take(f"security-key:{username}", 48))
        return SecurityKeySecrets(
            credential_id=self.take(f"credential-id:{username}", 32),
            user_handle=self.take(f"user-handle:{username}", 64),
            private=ec.derive_private_key(number % (P256_ORDER - 1) + 1, ec.SECP256R1()),
        )

    def token_key(self, name: str) -> bytes:
        """The root key of a token."""
        return self.take(f"token-key:{name}", 32)


@dataclass(frozen=True)
class SecurityKeySecrets:
    """What a virtual authenticator needs to be the person's key."""

    credential_id: bytes
    user_handle: bytes
    private: ec.EllipticCurvePrivateKey

    def told(self) -> dict[str, str]:
        """As `manage.py demo --json` prints them."""
        private = self.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return {
            "credential_id": base64url(self.credential_id),
            "private_key": base64url(private),
            "user_handle": base64url(self.user_handle),
        }


def base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def base32(secret: bytes) -> str:
    """As authenticator apps want it: upper case, no padding."""
    return base64.b32encode(secret).decode().rstrip("=")
