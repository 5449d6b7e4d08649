"""Signatures that people make with keys of their own: SSH (OpenSSH's PROTOCOL.sshsig) and OpenPGP (RFC 9580).

The one module that knows pysequoia. It knows no database and no web.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pysequoia
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from accounts import ssh_signatures
from indexsite.errors import InvalidInput

# A certificate with photographs and a hundred signatures of others is larger; nobody needs those here.
MAX_KEY = 64 * 1024
MAX_SIGNATURE = 16 * 1024
MIN_RSA_BITS = 2048

_PRIVATE = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")


class KeyKind(StrEnum):
    """What a key is, as the standards name it."""

    SSH = "ssh"
    OPENPGP = "openpgp"


@dataclass(frozen=True)
class PublicKey:
    """A public key as it is stored.

    Attributes:
        fingerprint: `SHA256:…` as ssh-keygen prints it, or 40 or 64 hexadecimal digits.
        text: the key alone, without the comment of an SSH key.
    """

    kind: KeyKind
    fingerprint: str
    text: str


class KeyUnusable(InvalidInput):
    """What was pasted is no public key that can be used here."""

    code = "signing-key-unusable"
    field = "public_key"


class SignatureWrong(InvalidInput):
    """What was pasted is no signature of this text by this key."""

    code = "signature-wrong"
    field = "signature"


def read(text: str, *, at: datetime) -> PublicKey:
    """The key in what somebody pasted.

    Raises:
        KeyUnusable: it is private, too large, malformed, of a kind not supported, too weak, expired or revoked.
    """
    text = text.strip()
    if _PRIVATE.search(text):
        raise KeyUnusable("This is a private key. Nobody but you should ever see it; paste the public one.")
    if len(text) > MAX_KEY:
        raise KeyUnusable(
            f"This key is longer than {MAX_KEY // 1024} KiB; export it without signatures of others."
        )
    if "BEGIN PGP" in text:
        return _read_openpgp(text, at)
    return _read_ssh(text)


def check(key: PublicKey, *, message: bytes, signature: str, namespace: str, at: datetime) -> None:
    """Make sure that `signature`, armored, is one of `message` by `key`.

    Args:
        namespace: what the signature is for (SSH only; OpenPGP has none).

    Raises:
        KeyUnusable: the key has expired or was revoked meanwhile.
        SignatureWrong: it is not.
    """
    signature = signature.strip() + "\n"
    if len(signature) > MAX_SIGNATURE:
        raise SignatureWrong("This is longer than a signature; paste what the command printed, and nothing else.")
    if key.kind is KeyKind.SSH:
        _check_ssh(key, message, signature, namespace)
    else:
        _check_openpgp(_certificate(key.text), message, signature, at)


def _read_ssh(text: str) -> PublicKey:
    try:
        key = ssh_signatures.parse(text)
    except ssh_signatures.Malformed as error:
        raise KeyUnusable(
            "This is no public key that can be used here: paste the one line of an Ed25519, ECDSA or RSA "
            ".pub file, or a PGP public key block."
        ) from error
    if isinstance(key.public, RSAPublicKey) and key.public.key_size < MIN_RSA_BITS:
        raise KeyUnusable(
            f"This RSA key has {key.public.key_size} bits; use one of {MIN_RSA_BITS} or more, or Ed25519."
        )
    return PublicKey(KeyKind.SSH, key.fingerprint, key.text)


def _check_ssh(key: PublicKey, message: bytes, signature: str, namespace: str) -> None:
    try:
        ssh_signatures.verify(
            ssh_signatures.parse(key.text), message=message, armored=signature, namespace=namespace
        )
    except ssh_signatures.NotSigned as error:
        raise SignatureWrong(
            "This is no signature of the text by this key; run the command again and paste all that it prints."
        ) from error


def _read_openpgp(text: str, at: datetime) -> PublicKey:
    certificate = _certificate(text)
    _insist_on_use(certificate, at)
    return PublicKey(KeyKind.OPENPGP, certificate.fingerprint.upper(), str(certificate).strip())


def _certificate(text: str) -> pysequoia.Cert:
    try:
        return pysequoia.Cert.from_bytes(text.encode())
    except RuntimeError as error:  # all that the library raises
        raise KeyUnusable("This PGP block cannot be read; paste what gpg --armor --export prints.") from error


def _insist_on_use(certificate: pysequoia.Cert, at: datetime) -> None:
    if certificate.is_revoked:
        raise KeyUnusable("This key was revoked; use the one that took its place.")
    if certificate.expiration is not None and certificate.expiration <= at:
        raise KeyUnusable("This key has expired; extend it and export it again.")


def _check_openpgp(certificate: pysequoia.Cert, message: bytes, signature: str, at: datetime) -> None:
    _insist_on_use(certificate, at)
    try:
        detached = pysequoia.Sig.from_bytes(signature.encode())
        pysequoia.verify(bytes=message, store=lambda _ids: [certificate], signature=detached)
    except RuntimeError as error:  # all that the library raises
        raise SignatureWrong(
            "This is no signature of the text by this key; run the command again and paste all that it prints."
        ) from error
