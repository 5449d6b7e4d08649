"""How messages to webhooks are signed: the Standard Webhooks scheme (standardwebhooks.com), HMAC-SHA256. Pure.

A library for it exists and would be one more dependency for these few lines; its verifier is used by receivers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

_PREFIX = "whsec_"
_BYTES = 32


def new_secret() -> bytes:
    """A secret that nobody guesses."""
    return secrets.token_bytes(_BYTES)


def shown(secret: bytes) -> str:
    """The secret as receivers put it into their configuration."""
    return _PREFIX + base64.b64encode(secret).decode()


def signed_headers(secret: bytes, *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """What goes with the body: its id, which stays the same on every try, the time, and the signature over all."""
    seconds = str(int(at.timestamp()))
    content = b".".join([message_id.encode(), seconds.encode(), body])
    signature = base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{signature}",
    }
