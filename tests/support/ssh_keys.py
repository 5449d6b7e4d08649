"""Key pairs as people have them: ssh-keygen's own, and those on an authenticator, made in software."""

from __future__ import annotations

import hashlib
import subprocess
from base64 import b64encode
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class Ssh:
    """A key pair of ssh-keygen's."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.file = folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", "me@laptop", "-f", self.file, *options], check=True)
        self.public = self.file.with_suffix(".pub").read_text()

    def sign(self, text: str, namespace: str) -> str:
        command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(self.file), "-n", namespace]
        done = subprocess.run(command, input=f"{text}\n", capture_output=True, text=True, check=True)
        return done.stdout


class OnAuthenticator:
    """A key as `ssh-keygen -t ed25519-sk` or `ecdsa-sk` makes it, with an authenticator that is a program.

    Written after PROTOCOL.u2f and PROTOCOL.sshsig, apart from what the site reads with; ssh-keygen takes it, too.
    """

    def __init__(self, kind: str, *, application: str = "ssh:") -> None:
        self.application = application
        if kind == "ed25519-sk":
            self.algorithm = "sk-ssh-ed25519@openssh.com"
            self._ed25519 = Ed25519PrivateKey.generate()
            point = string(self._ed25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        else:
            self.algorithm = "sk-ecdsa-sha2-nistp256@openssh.com"
            self._ec = ec.generate_private_key(ec.SECP256R1())
            encoded = self._ec.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            point = string(b"nistp256") + string(encoded)
        self.blob = string(self.algorithm.encode()) + point + string(application.encode())
        self.public = f"{self.algorithm} {b64encode(self.blob).decode()} me@laptop\n"

    def sign(self, text: str, namespace: str, *, touched: bool = True, extra: bytes = b"") -> str:
        hashed = hashlib.sha512(f"{text}\n".encode()).digest()
        tail = string(namespace.encode()) + string(b"") + string(b"sha512")
        data = b"SSHSIG" + tail + string(hashed)
        flags, counter = bytes([int(touched)]), (7).to_bytes(4)
        over = hashlib.sha256(self.application.encode()).digest() + flags + counter + hashlib.sha256(data).digest()
        signature = string(self.algorithm.encode()) + string(self._raw(over)) + flags + counter
        whole = b"SSHSIG" + (1).to_bytes(4) + string(self.blob) + tail + string(signature) + extra
        lines = b64encode(whole).decode()
        body = "\n".join(lines[at : at + 70] for at in range(0, len(lines), 70))
        return f"-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n"

    def _raw(self, over: bytes) -> bytes:
        if self.algorithm.startswith("sk-ssh"):
            return self._ed25519.sign(over)
        r, s = decode_dss_signature(self._ec.sign(over, ec.ECDSA(hashes.SHA256())))
        return mpint(r) + mpint(s)


def string(value: bytes) -> bytes:
    return len(value).to_bytes(4) + value


def mpint(value: int) -> bytes:
    return string(value.to_bytes(value.bit_length() // 8 + 1))
