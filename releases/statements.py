"""What a key signs when somebody agrees to a draft or releases it, and what is kept of that signature.

Pure. A statement is JSON in the canonical form of RFC 8785, so that its bytes follow from its values; the
challenge that the key signs is their SHA-256. The evidence is the statement with all that proves it, under one
digest, which stands in the audit trail.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self

import rfc8785


class Unreadable(ValueError):
    """It is no statement, or no evidence of one."""


@dataclass(frozen=True)
class Statement:
    """One person's word about one draft.

    Attributes:
        site: the public origin.
        act: "approve" or "release".
        draft: its public id; `draft_digest` says what was in it.
        project, version: the normalised name, and the version as it was spelled.
        policy_version: of the project's rules for publishing.
        publish_at: when it is to be public, RFC 3339 in UTC; None for at once, or for whenever it is released.
        approver: user name of whoever says it.
        nonce: never used again.
    """

    site: str
    act: str
    draft: str
    project: str
    version: str
    draft_digest: str
    policy_version: int
    publish_at: str | None
    approver: str
    nonce: str

    def canonical(self) -> bytes:
        """The bytes that are signed for."""
        return rfc8785.dumps(asdict(self))

    @classmethod
    def read(cls, canonical: bytes) -> Self:
        """Raises: Unreadable: these are not the canonical bytes of a statement."""
        try:
            value = json.loads(canonical)
            statement = cls(**value)
            is_same = statement.canonical() == canonical
        except (ValueError, TypeError, RecursionError) as error:
            raise Unreadable("This is no statement.") from error
        if not is_same:
            raise Unreadable("The statement is not in its canonical form (RFC 8785).")
        return statement


def challenge_of(canonical: bytes) -> str:
    """What a key signs for this statement: its SHA-256, base64url as browsers have it."""
    return b64(hashlib.sha256(canonical).digest())


def moment(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds: the same text from every database."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


@dataclass(frozen=True)
class Evidence:
    """A statement and what proves it.

    Attributes:
        factor: "security-key", or "authenticator-app", which signs nothing: then what a key would give is empty.
        client_data: what the browser said of its page (clientDataJSON), as the key signed it.
        public_key: of the key, as COSE (RFC 9052).
        credential_sha256: digest of the key's credential id, hexadecimal.
        algorithm: its COSE number, such as -7 for ES256; None without a key.
        rp_id, origin: of the site, and of the page that asked the key.
        created_at: see `moment`.
    """

    statement: bytes
    factor: str
    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    public_key: bytes
    credential_sha256: str
    algorithm: int | None
    rp_id: str
    origin: str
    created_at: str

    def digest(self) -> str:
        """SHA-256 over all of it as canonical JSON, hexadecimal."""
        return hashlib.sha256(rfc8785.dumps(self._told())).hexdigest()

    def told(self) -> dict[str, Any]:
        """As evidence files have it."""
        return self._told() | {"evidence_sha256": self.digest()}

    def _told(self) -> dict[str, Any]:
        told = asdict(self)
        told["statement"] = self.statement.decode()
        return told | {name: b64(getattr(self, name)) for name in _BYTES}

    @classmethod
    def read(cls, told: object) -> tuple[Self, str]:
        """The evidence, and the digest that it claims to have.

        Raises:
            Unreadable: something is missing, too much, or of another kind.
        """
        if not isinstance(told, dict) or set(told) != {*(field.name for field in fields(cls)), "evidence_sha256"}:
            raise Unreadable("It has not exactly the entries of an evidence.")
        try:
            values = {name: told[name] for name in told if name != "evidence_sha256"}
            values |= {name: unb64(told[name]) for name in _BYTES}
            values["statement"] = told["statement"].encode()
        except (ValueError, TypeError, AttributeError) as error:
            raise Unreadable("An entry is not of its kind.") from error
        return cls(**values), str(told["evidence_sha256"])


_BYTES = ("client_data", "authenticator_data", "signature", "public_key")


def b64(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Raises: ValueError: it is not base64url, or not the one spelling of its bytes."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if b64(raw) != text:
        raise ValueError("not canonical")
    return raw
