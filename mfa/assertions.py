"""Signatures of keys that are kept, to be checked again by anybody, without the database.

Beside `mfa.ceremonies` the only module that knows py_webauthn.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from webauthn import verify_authentication_response
from webauthn.helpers import bytes_to_base64url, decode_credential_public_key
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticationCredential, AuthenticatorAssertionResponse

_VERIFIED = 0x04  # WebAuthn level 3, section 6.1: the flag "user verified"
_FLAGS_AT = 32  # after the hash of the relying party's id


class SignatureBroken(ValueError):
    """The parts do not belong together."""


@dataclass(frozen=True)
class KeptSignature:
    """What a key answered, and the public half of it (COSE). `credential_sha256` is hexadecimal."""

    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    public_key: bytes
    credential_sha256: str
    rp_id: str
    origin: str

    @property
    def verified_user(self) -> bool:
        """Whether the key says that it asked for a PIN or a finger."""
        return len(self.authenticator_data) > _FLAGS_AT and bool(self.authenticator_data[_FLAGS_AT] & _VERIFIED)

    @property
    def algorithm(self) -> int:
        """The COSE number of the algorithm.

        Raises:
            SignatureBroken: the public key is none.
        """
        try:
            return int(decode_credential_public_key(self.public_key).alg)
        except _BROKEN as error:
            raise SignatureBroken("The public key cannot be read.") from error

    def check(self, *, challenge: bytes) -> None:
        """Insist that the key has signed this challenge, on a page of this origin, for this relying party.

        Raises:
            SignatureBroken: it has not.
        """
        try:
            # The library wants the id of the credential, and only looks whether it is spelled the same twice.
            credential_id = bytes.fromhex(self.credential_sha256)
            verify_authentication_response(
                credential=AuthenticationCredential(
                    id=bytes_to_base64url(credential_id),
                    raw_id=credential_id,
                    response=AuthenticatorAssertionResponse(
                        client_data_json=self.client_data,
                        authenticator_data=self.authenticator_data,
                        signature=self.signature,
                    ),
                ),
                expected_challenge=challenge,
                expected_rp_id=self.rp_id,
                expected_origin=self.origin,
                credential_public_key=self.public_key,
                credential_current_sign_count=0,
                require_user_verification=False,
            )
        except _BROKEN as error:
            raise SignatureBroken(f"The signature does not hold: {error}") from error


_BROKEN = (
    WebAuthnException,
    InvalidSignature,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
    struct.error,
)
