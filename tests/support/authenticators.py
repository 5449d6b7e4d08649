"""A security key in software, and the browser it is plugged into: what `navigator.credentials` would answer.

soft-webauthn does the same for one key with fixed flags and was last released in 2022; the attacks tried here need
every byte, so these are our own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from webauthn.helpers import encode_cbor

PRESENT, VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class SoftKey:
    """One credential.

    Attributes:
        verifies: whether it asks for a PIN, and says so.
        counts: whether its counter goes up; those of passkeys stay at 0.
        discoverable: whether it tells whose it is by itself.
    """

    verifies: bool = True
    counts: bool = True
    discoverable: bool = True
    counter: int = 0
    handle: bytes = b""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    origin: str = ""
    rp_id: str = ""
    cross_origin: bool = False

    def create(self, options: dict[str, Any]) -> str:
        """Answer `navigator.credentials.create(options)`, as the form field has it."""
        self.handle = unb64(options["user"]["id"])
        client = self._client_data("webauthn.create", options["challenge"])
        attested = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + self.cose()
        authenticator = self._authenticator_data(ATTESTED) + attested
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": authenticator})
        return self._answer(
            {"clientDataJSON": b64(client), "attestationObject": b64(attestation), "transports": ["usb"]},
            extensions={"credProps": {"rk": self.discoverable}},
        )

    def get(self, options: dict[str, Any], **changed: Any) -> str:
        """Answer `navigator.credentials.get(options)`; `changed` overrides parts of the response."""
        client = self._client_data("webauthn.get", options["challenge"])
        if self.counts:
            self.counter += 1
        authenticator = self._authenticator_data()
        signature = self.private.sign(authenticator + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": b64(client),
            "authenticatorData": b64(authenticator),
            "signature": b64(signature),
        }
        if self.discoverable:
            response["userHandle"] = b64(self.handle)
        return self._answer({**response, **changed})

    def copy(self) -> SoftKey:
        """What a thief would have made of it."""
        return SoftKey(**{name: getattr(self, name) for name in self.__dataclass_fields__})

    def told(self) -> dict[str, Any]:
        """What a virtual authenticator of a browser needs to be this key; as `manage.py demo --json` prints it."""
        private = self.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return {
            "credential_id": b64(self.credential_id),
            "private_key": b64(private),
            "user_handle": b64(self.handle),
            "rp_id": self.rp_id or settings.OTP_WEBAUTHN_RP_ID,
            "sign_count": self.counter,
        }

    def _answer(self, response: dict[str, Any], *, extensions: dict[str, Any] | None = None) -> str:
        return json.dumps(
            {
                "id": b64(self.credential_id),
                "rawId": b64(self.credential_id),
                "type": "public-key",
                "clientExtensionResults": extensions or {},
                "response": response,
            }
        )

    def _client_data(self, kind: str, challenge: str) -> bytes:
        data = {
            "type": kind,
            "challenge": challenge,
            "origin": self.origin or settings.SITE_URL,
            "crossOrigin": self.cross_origin,
        }
        return json.dumps(data).encode()

    def _authenticator_data(self, flags: int = 0) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        rp_id = self.rp_id or settings.OTP_WEBAUTHN_RP_ID
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + struct.pack(">I", self.counter)

    def cose(self) -> bytes:
        numbers = self.private.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32), numbers.y.to_bytes(32)
        return encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})
