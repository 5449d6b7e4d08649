"""WebAuthn, level 3: what a browser is asked, and what the key's answer shows. All of py_webauthn is behind this
and `mfa.assertions`, which checks again what was kept.

django-otp-webauthn's helper makes the options and verifies the answers. Its views are not used: they sign people
in by themselves, past allauth's stages. The counter is compared here, after the signature: before it, anybody
could make a key look copied.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from django.conf import settings
from django_otp_webauthn.helpers import WebAuthnHelper
from django_otp_webauthn.models import WebAuthnUserHandle
from webauthn import base64url_to_bytes, verify_authentication_response
from webauthn.helpers import encode_cbor, parse_authentication_credential_json, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticationCredential, PublicKeyCredentialType

from accounts.models import User
from indexsite.errors import InvalidInput
from mfa.assertions import KeptSignature
from mfa.challenges import Challenge, Purpose
from mfa.models import SecurityKey

MAX_ANSWER = 16 * 1024  # characters; an answer without attestation has about one thousand
MAX_CREDENTIAL_ID = 1023  # bytes, says the specification
# What the libraries raise on bytes that are no answer of a key.
_BROKEN = (
    WebAuthnException,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
    struct.error,
)


class Kind(StrEnum):
    """What is to be registered: a passkey stands for the password too, a key is a second factor."""

    PASSKEY = "passkey"
    KEY = "key"


class AnswerRefused(InvalidInput):
    """The key's answer does not show what it has to."""

    code = "key-refused"

    def __init__(self) -> None:
        super().__init__("The answer of the key could not be verified; nothing has changed. Try again.")


class WrongOrigin(InvalidInput):
    """Signed for a page under an address that is not this site's."""

    code = "wrong-origin"

    def __init__(self) -> None:
        super().__init__(f"This was confirmed on a page that is not ours; open {settings.SITE_URL} and try again.")


class UnknownKey(InvalidInput):
    """No account here has it, or another one than the one that is asked."""

    code = "key-unknown"

    def __init__(self) -> None:
        super().__init__("This key is not registered here for you; take another one, or another way in.")


class CounterWentBack(InvalidInput):
    """The key is known and signed rightly, and counts fewer uses than it did before."""

    code = "key-set-aside"

    def __init__(self, key: SecurityKey) -> None:
        super().__init__(
            "This key counts fewer uses than before, as a copied key does; it is set aside. Take another way in."
        )
        self.key = key


@dataclass(frozen=True)
class Proof:
    """A valid answer of `key`; `counter` is what it counts now."""

    key: SecurityKey
    counter: int
    is_backed_up: bool


def digest_of(challenge: Challenge) -> str:
    """What is stored of a challenge that was answered."""
    return hashlib.sha256(challenge.value.encode()).hexdigest()


def parse(text: str) -> dict[str, Any]:
    """The browser's answer as an object.

    Raises:
        AnswerRefused: it is none, or too long.
    """
    if len(text) > MAX_ANSWER:
        raise AnswerRefused
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        raise AnswerRefused from None
    if not isinstance(answer, dict):
        raise AnswerRefused
    return answer


# -- registering ------------------------------------------------------------------------------------------


def ask_to_register(user: User, kind: Kind) -> tuple[dict[str, Any], Challenge]:
    """Options for `navigator.credentials.create()`. No attestation is wanted, so no maker is preferred."""
    options, _ = WebAuthnHelper(None).register_begin(user)
    is_passkey = kind is Kind.PASSKEY
    options["authenticatorSelection"] = {
        "residentKey": "required" if is_passkey else "discouraged",
        "requireResidentKey": is_passkey,
        "userVerification": "required" if is_passkey else "discouraged",
    }
    if not is_passkey:
        options["authenticatorSelection"]["authenticatorAttachment"] = "cross-platform"
    options["hints"] = ["client-device" if is_passkey else "security-key"]
    return options, Challenge(Purpose.ADD, user.pk, options["challenge"], is_passkey)


def registered(user: User, challenge: Challenge, answer: dict[str, Any], *, name: str) -> SecurityKey:
    """The key that answered, saved as `name`.

    Raises:
        WrongOrigin, AnswerRefused: see there.
        django.db.IntegrityError: the name or the key is taken.
    """
    state = {"challenge": challenge.value, "require_user_verification": challenge.verify_user}
    try:
        _check_client_data(answer)
        key: SecurityKey = _Registrar(name).register_complete(user, state, answer)
    except _BROKEN as error:
        raise AnswerRefused from error
    return key


class _Registrar(WebAuthnHelper):  # type: ignore[misc]  # the library has no types
    def __init__(self, name: str) -> None:
        super().__init__(None)
        self.name = name

    def create_credential(self, user: User, response: Any, parsed_credential: Any, original_data: Any) -> Any:
        if not 0 < len(response.credential_id) <= MAX_CREDENTIAL_ID:
            raise AnswerRefused
        key = super().create_credential(user, response, parsed_credential, original_data)
        key.name = self.name
        key.verifies_user = response.user_verified
        return key

    def create_attestation(self, *args: Any) -> None:
        """None was asked for; what a browser sends nevertheless is not kept."""


def as_registered(
    user: User, *, name: str, credential_id: bytes, handle: bytes, public: EllipticCurvePublicKey, at: datetime
) -> SecurityKey:
    """A passkey of `user` without a ceremony: for the demo, whose keys are derived rather than made.

    Args:
        at: since when the person has it.
    """
    numbers = public.public_numbers()
    # RFC 9053 section 7.1.1: an elliptic curve key of ES256 on P-256.
    cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
    WebAuthnUserHandle.objects.update_or_create(user=user, defaults={"handle_hex": handle.hex()})
    key: SecurityKey = SecurityKey.objects.create(
        user=user,
        name=name,
        credential_id=credential_id,
        public_key=encode_cbor(cose),
        discoverable=True,
        verifies_user=True,
    )
    key.created_at = at  # which the library sets by itself
    key.save(update_fields=["created_at"])
    return key


# -- authenticating ---------------------------------------------------------------------------------------


def ask_to_prove(user: User | None, purpose: Purpose) -> tuple[dict[str, Any], Challenge]:
    """Options for `navigator.credentials.get()`; without `user` any passkey may answer, and must ask for a PIN."""
    verify_user = user is None
    options, _ = WebAuthnHelper(None).authenticate_begin(user, require_user_verification=verify_user)
    options.setdefault("allowCredentials", [])
    return options, Challenge(purpose, user.pk if user is not None else 0, options["challenge"], verify_user)


def ask_to_sign(user: User, purpose: Purpose, *, value: str, about: str) -> tuple[dict[str, Any], Challenge]:
    """Options for `navigator.credentials.get()` where the challenge is no random number but the digest of `about`.

    Args:
        value: that digest, base64url.
    """
    keys = SecurityKey.objects.filter(user=user, set_aside_at=None)
    # Whoever has a key that asks for no PIN could not answer; which key it was then decides (`kept`).
    verify_user = not keys.filter(verifies_user=False).exists()
    options, _ = WebAuthnHelper(None).authenticate_begin(user, require_user_verification=verify_user)
    options["userVerification"] = "required" if verify_user else "preferred"
    options["challenge"] = value
    options.setdefault("allowCredentials", [])
    return options, Challenge(purpose, user.pk, value, verify_user, about)


def kept(key: SecurityKey, answer: dict[str, Any]) -> KeptSignature:
    """The answer of `key`, which `proved` has accepted, as it is kept for others to check.

    Raises:
        AnswerRefused: a key that asks for a PIN or a finger has not done so.
    """
    response = answer["response"]
    client_data = base64url_to_bytes(response["clientDataJSON"])
    signature = KeptSignature(
        client_data=client_data,
        authenticator_data=base64url_to_bytes(response["authenticatorData"]),
        signature=base64url_to_bytes(response["signature"]),
        public_key=bytes(key.public_key),
        credential_sha256=key.credential_id_sha256,
        rp_id=settings.OTP_WEBAUTHN_RP_ID,
        origin=parse_client_data_json(client_data).origin,
    )
    if key.verifies_user and not signature.verified_user:
        raise AnswerRefused
    return signature


def find_key(user: User | None, answer: dict[str, Any]) -> SecurityKey:
    """The key that says it answers, locked; whether it does is for `proved` to say.

    Raises:
        UnknownKey: there is none, it is another person's, or it is set aside.
        AnswerRefused: the answer names none.
    """
    credential = _credential(answer)
    digest = SecurityKey.get_credential_id_sha256(credential.raw_id)
    key: SecurityKey | None = (
        SecurityKey.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(credential_id_sha256=digest)
        .first()
    )
    if key is None or key.set_aside_at is not None or (user is not None and key.user_id != user.pk):
        raise UnknownKey
    handle = credential.response.user_handle
    # Section 7.2, step 6: whoever the key says it belongs to is whom we know it to belong to.
    if handle is None and user is None:
        raise UnknownKey
    if handle is not None and handle != WebAuthnUserHandle.get_handle_for_user(key.user):
        raise UnknownKey
    return key


def proved(key: SecurityKey, challenge: Challenge, answer: dict[str, Any]) -> Proof:
    """What the answer of `key` shows.

    Raises:
        WrongOrigin, AnswerRefused, CounterWentBack: see there.
    """
    try:
        _check_client_data(answer)
        shown = verify_authentication_response(
            credential=_credential(answer),
            expected_challenge=base64url_to_bytes(challenge.value),
            expected_rp_id=settings.OTP_WEBAUTHN_RP_ID,
            expected_origin=settings.OTP_WEBAUTHN_ALLOWED_ORIGINS,
            credential_public_key=bytes(key.public_key),
            credential_current_sign_count=0,
            require_user_verification=challenge.verify_user,
        )
    except _BROKEN as error:
        # With a present count of 0 the library leaves the counter to us.
        raise AnswerRefused from error
    counts = shown.new_sign_count or key.sign_count
    if counts and shown.new_sign_count <= key.sign_count:
        raise CounterWentBack(key)
    return Proof(key, shown.new_sign_count, shown.credential_backed_up)


def _credential(answer: dict[str, Any]) -> AuthenticationCredential:
    try:
        credential = parse_authentication_credential_json(answer)
    except _BROKEN:
        raise AnswerRefused from None
    if credential.type is not PublicKeyCredentialType.PUBLIC_KEY:
        raise AnswerRefused
    return credential


def _check_client_data(answer: dict[str, Any]) -> None:
    """Where the page was that asked the key. A frame on a foreign page is not ours, whatever it shows.

    Raises:
        WrongOrigin: elsewhere. Anything of `_BROKEN`: the answer is none.
    """
    client = parse_client_data_json(base64url_to_bytes(answer["response"]["clientDataJSON"]))
    if client.origin not in settings.OTP_WEBAUTHN_ALLOWED_ORIGINS or client.cross_origin:
        raise WrongOrigin
