"""SSH public keys, and the signatures that `ssh-keygen -Y sign` makes with them.

Keys: RFC 4253, 5656 and 8709. Signatures: OpenSSH's PROTOCOL.sshsig, and PROTOCOL.u2f for keys on an
authenticator. Everything read here comes from strangers: lengths are checked before anything is taken, and nothing
may be left over.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

# OpenSSH takes no longer ones either (OPENSSL_RSA_MAX_MODULUS_BITS).
MAX_RSA_BITS = 16_384
# `ssh-keygen` gives this to every key on an authenticator. Another one could be a passkey for some web site, and a
# signature by it one that the site asked for.
APPLICATION = "ssh:"

_MAGIC = b"SSHSIG"
_VERSION = 1
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_USER_PRESENT = 0x01
_DIGESTS = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_RSA_HASHES = {"rsa-sha2-256": hashes.SHA256, "rsa-sha2-512": hashes.SHA512}  # not ssh-rsa, which is SHA-1
_ED25519, _SK_ED25519 = "ssh-ed25519", "sk-ssh-ed25519@openssh.com"
_SK_ECDSA = "sk-ecdsa-sha2-nistp256@openssh.com"
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "nistp256": ec.SECP256R1,
    "nistp384": ec.SECP384R1,
    "nistp521": ec.SECP521R1,
}
# RFC 5656, 6.2.1: the hash goes by the size of the curve.
_CURVE_HASHES: dict[int, Callable[[], hashes.HashAlgorithm]] = {
    256: hashes.SHA256,
    384: hashes.SHA384,
    521: hashes.SHA512,
}


class Malformed(ValueError):
    """No public key of a kind known here."""


class NotSigned(ValueError):
    """No signature of this text by this key."""


@dataclass(frozen=True)
class SshKey:
    """A public key.

    Attributes:
        algorithm: its name in SSH, such as "ecdsa-sha2-nistp256".
        blob: the key as SSH writes it.
        application: of a key on an authenticator, what it is for; else "".
    """

    algorithm: str
    blob: bytes
    public: Ed25519PublicKey | rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    application: str = ""

    @property
    def fingerprint(self) -> str:
        """`SHA256:...`, as ssh-keygen prints it."""
        return "SHA256:" + b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")

    @property
    def text(self) -> str:
        """The line of a .pub file, without its comment."""
        return f"{self.algorithm} {b64encode(self.blob).decode()}"


def parse(line: str) -> SshKey:
    """The key in the line of a .pub file.

    Raises:
        Malformed: it is none, or of a kind not known here.
    """
    fields = line.split(maxsplit=2)
    if len(fields) < 2 or "\n" in line.strip():
        raise Malformed("not the line of a .pub file")
    try:
        key = _load(b64decode(fields[1], validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Malformed(str(error)) from error
    if key.algorithm != fields[0]:
        raise Malformed("the line names another kind than the key")
    return key


def verify(key: SshKey, *, message: bytes, armored: str, namespace: str) -> None:
    """Make sure that the signature is one of `message` by `key`, made for `namespace`.

    Raises:
        NotSigned: it is not.
    """
    try:
        _verify(key, message, _dearmored(armored), namespace.encode())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError) as error:
        raise NotSigned(str(error)) from error


def _verify(key: SshKey, message: bytes, raw: bytes, namespace: bytes) -> None:
    reader = _Reader(raw)
    if reader.take(len(_MAGIC)) != _MAGIC or reader.number() != _VERSION:
        raise NotSigned("not a signature of ssh-keygen")
    by, meant_for, reserved, digest = reader.string(), reader.string(), reader.string(), reader.text()
    signature = _Reader(reader.string())
    reader.finish()
    if by != key.blob or meant_for != namespace or digest not in _DIGESTS:
        raise NotSigned("by another key, or for something else")
    hashed = _DIGESTS[digest](message).digest()
    _check(key, signature, _MAGIC + b"".join(map(_string, [namespace, reserved, digest.encode(), hashed])))


def _check(key: SshKey, signature: _Reader, signed: bytes) -> None:
    """Whether the key made this signature over these bytes."""
    form, value = signature.text(), signature.string()
    if key.application:
        flags, counter = signature.take(1), signature.take(4)
        if not flags[0] & _USER_PRESENT:
            raise NotSigned("nobody touched the authenticator")
        application = hashlib.sha256(key.application.encode()).digest()
        signed = application + flags + counter + hashlib.sha256(signed).digest()
    signature.finish()
    if isinstance(key.public, rsa.RSAPublicKey):
        if form not in _RSA_HASHES:
            raise NotSigned("a hash that is no longer good enough")
        key.public.verify(value, signed, padding.PKCS1v15(), _RSA_HASHES[form]())
        return
    if form != key.algorithm:
        raise NotSigned("of another kind than the key")
    if isinstance(key.public, Ed25519PublicKey):
        key.public.verify(value, signed)
        return
    numbers = _Reader(value)
    r, s = numbers.integer(), numbers.integer()
    numbers.finish()
    key.public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(_CURVE_HASHES[key.public.curve.key_size]()))


def _load(blob: bytes) -> SshKey:
    reader = _Reader(blob)
    algorithm = reader.text()
    public: Ed25519PublicKey | rsa.RSAPublicKey | ec.EllipticCurvePublicKey
    if algorithm in {_ED25519, _SK_ED25519}:
        public = Ed25519PublicKey.from_public_bytes(reader.string())
    elif algorithm == "ssh-rsa":
        e, n = reader.integer(), reader.integer()
        if n.bit_length() > MAX_RSA_BITS:
            raise Malformed("larger than any RSA key in use")
        public = rsa.RSAPublicNumbers(e, n).public_key()
    else:
        public = _load_point(algorithm, reader)
    application = reader.text() if algorithm in {_SK_ED25519, _SK_ECDSA} else ""
    if algorithm.startswith("sk-") and not application.startswith(APPLICATION):
        raise Malformed("not made for SSH")
    reader.finish()
    return SshKey(algorithm, blob, public, application)


def _load_point(algorithm: str, reader: _Reader) -> ec.EllipticCurvePublicKey:
    curve = reader.text()
    known = {f"ecdsa-sha2-{name}": name for name in _CURVES} | {_SK_ECDSA: "nistp256"}
    if known.get(algorithm) != curve:
        raise Malformed("a kind of key that is not known here")
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[curve](), reader.string())


def _dearmored(text: str) -> bytes:
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
        raise NotSigned("not what ssh-keygen prints")
    try:
        return b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error as error:
        raise NotSigned("not what ssh-keygen prints") from error


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(4) + value


class _Reader:
    """Fields of SSH's wire format (RFC 4251, 5), one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        """The next bytes; ValueError if there are fewer."""
        value = self._data[self._at : self._at + length]
        if len(value) != length:
            raise ValueError("cut off")
        self._at += length
        return value

    def number(self) -> int:
        return int.from_bytes(self.take(4))

    def string(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        return self.string().decode("ascii")  # UnicodeDecodeError is a ValueError

    def integer(self) -> int:
        """An mpint above zero."""
        value = int.from_bytes(self.string(), signed=True)
        if value <= 0:
            raise ValueError("a number above zero belongs here")
        return value

    def finish(self) -> None:
        if self._at != len(self._data):
            raise ValueError("something follows the end")
