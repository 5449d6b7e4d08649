"""Macaroons, binary format version 2, HMAC-SHA256: parse, serialize, restrict, check the signature.

The format is libmacaroons' (`doc/format.txt`), so that other implementations can restrict our tokens offline.
Only first-party caveats exist here. Nothing in this module reads what a caveat says.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, replace

MAX_TOKEN_LENGTH = 4096  # characters, prefix included; ours begin at about 300
MAX_CAVEATS = 32

_VERSION = 2
_END, _LOCATION, _IDENTIFIER, _SIGNATURE = 0, 1, 2, 6
_SIGNATURE_LENGTH = 32
_KEY_GENERATOR = b"macaroons-key-generator"  # fixed by the format


class MacaroonError(Exception):
    """The only exception of this package.

    Attributes:
        code: "malformed", "bad-signature", "expired" or "caveat".
        reason: what is wrong, as the tail of a sentence whose subject is the token; ASCII where names are.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Macaroon:
    """One parsed macaroon.

    Attributes:
        location: a hint where it is good for; not signed, so it carries no authority.
        identifier: finds the root key.
        caveats: restrictions in the order they were added.
        signature: HMAC chain over identifier and caveats.
    """

    location: str
    identifier: bytes
    caveats: tuple[bytes, ...]
    signature: bytes


def create(*, location: str, identifier: bytes, key: bytes) -> Macaroon:
    """A fresh macaroon without restrictions, signed under `key`."""
    return Macaroon(location, identifier, (), _mac(_mac(_KEY_GENERATOR, key), identifier))


def restrict(macaroon: Macaroon, *caveats: bytes) -> Macaroon:
    """The same macaroon with more restrictions; needs no key, and nobody can take them off again."""
    signature = macaroon.signature
    for caveat in caveats:
        signature = _mac(signature, caveat)
    return replace(macaroon, caveats=(*macaroon.caveats, *caveats), signature=signature)


def verify_signature(macaroon: Macaroon, key: bytes) -> None:
    """Check, in constant time, that `key` made this macaroon and that no caveat was removed or changed.

    Raises:
        MacaroonError: "bad-signature".
    """
    made = create(location=macaroon.location, identifier=macaroon.identifier, key=key)
    expected = restrict(made, *macaroon.caveats)
    if not hmac.compare_digest(expected.signature, macaroon.signature):
        raise MacaroonError("bad-signature", "its signature does not match")


def serialize(macaroon: Macaroon, *, prefix: str) -> str:
    """The token as people paste it: `prefix`, then unpadded base64url."""
    data = bytearray([_VERSION])
    _append(data, _LOCATION, macaroon.location.encode())
    _append(data, _IDENTIFIER, macaroon.identifier)
    data.append(_END)
    for caveat in macaroon.caveats:
        _append(data, _IDENTIFIER, caveat)
        data.append(_END)
    data.append(_END)
    _append(data, _SIGNATURE, macaroon.signature)
    return prefix + base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parse(token: str, *, prefix: str) -> Macaroon:
    """Read a token. Says nothing about its validity: `verify_signature` comes first, then the caveats.

    Raises:
        MacaroonError: "malformed".
    """
    if len(token) > MAX_TOKEN_LENGTH:
        raise _malformed(f"it is longer than {MAX_TOKEN_LENGTH} characters")
    if not token.startswith(prefix):
        raise _malformed(f"it does not begin with {prefix}")
    macaroon = _Reader(_decode(token.removeprefix(prefix))).macaroon()
    # One spelling per token: stray bits in base64, overlong integers and padding are all refused here.
    if serialize(macaroon, prefix=prefix) != token:
        raise _malformed("it was altered or cut off")
    return macaroon


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed("it was altered or cut off") from error


class _Reader:
    """Walks the packets of one binary macaroon."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def macaroon(self) -> Macaroon:
        if self._byte() != _VERSION:
            raise _malformed("it is not a version 2 macaroon")
        location = self._field(_LOCATION)
        identifier = self._field(_IDENTIFIER)
        self._end()
        caveats = self._caveats()
        signature = self._field(_SIGNATURE)
        if len(signature) != _SIGNATURE_LENGTH or self._at != len(self._data):
            raise _malformed("it was altered or cut off")
        try:
            return Macaroon(location.decode(), identifier, caveats, signature)
        except UnicodeDecodeError as error:
            raise _malformed("it was altered or cut off") from error

    def _caveats(self) -> tuple[bytes, ...]:
        caveats: list[bytes] = []
        while self._peek() != _END:
            if len(caveats) == MAX_CAVEATS:
                raise _malformed(f"it has more than {MAX_CAVEATS} restrictions")
            caveats.append(self._field(_IDENTIFIER))
            self._end()
        self._end()
        return tuple(caveats)

    def _field(self, kind: int) -> bytes:
        if self._byte() != kind:
            raise _malformed("it was altered or cut off")
        length = self._integer()
        value = self._data[self._at : self._at + length]
        if len(value) != length:
            raise _malformed("it was altered or cut off")
        self._at += length
        return value

    def _end(self) -> None:
        if self._byte() != _END:
            raise _malformed("it was altered or cut off")

    def _integer(self) -> int:
        value = 0
        for shift in range(0, 21, 7):  # three groups of seven bits: far above MAX_TOKEN_LENGTH
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise _malformed("it was altered or cut off")

    def _byte(self) -> int:
        value = self._peek()
        self._at += 1
        return value

    def _peek(self) -> int:
        if self._at >= len(self._data):
            raise _malformed("it was altered or cut off")
        return self._data[self._at]


def _append(data: bytearray, kind: int, value: bytes) -> None:
    data.append(kind)
    length = len(value)
    while length >= 0x80:
        data.append(length & 0x7F | 0x80)
        length >>= 7
    data.append(length)
    data.extend(value)


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _malformed(reason: str) -> MacaroonError:
    return MacaroonError("malformed", reason)
