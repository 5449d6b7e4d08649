"""What a recovery code looks like and how it is stored. Pure but for the site's key."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from django.conf import settings

COUNT = 8
# No 0, 1, i, l, o, u: nothing to mistake for another. 30 signs give 4.9 bits each: 24 of them 117 bits. With 112
# a fast digest is enough (ASVS 5.0, 6.5.2).
ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"
LENGTH = 24
GROUP = 6
_KEY_CONTEXT = b"indexsite recovery codes v1"


def generate() -> str:
    """A new code, grouped for reading: `xxxxxx-xxxxxx-xxxxxx-xxxxxx`."""
    signs = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(signs[i : i + GROUP] for i in range(0, LENGTH, GROUP))


def normalize(typed: str) -> str:
    """The code without what people add when they copy: case, dashes, spaces."""
    return "".join(sign for sign in typed.lower() if sign.isalnum())


def looks_like_one(typed: str) -> bool:
    """Whether this has the length of a recovery code rather than of an app's six digits."""
    return len(normalize(typed)) == LENGTH


def digest(typed: str) -> str:
    """Keyed, so that a stolen table can be searched by nobody who lacks the key; fast, as 117 bits allow."""
    return _digest_under(settings.SECRET_KEY, typed)


def digests(typed: str) -> list[str]:
    """All that a stored code may look like: it outlives a change of SECRET_KEY while the earlier one is known."""
    return [_digest_under(key, typed) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _digest_under(secret_key: str, typed: str) -> str:
    key = hmac.new(secret_key.encode(), _KEY_CONTEXT, hashlib.sha256).digest()
    return hmac.new(key, normalize(typed).encode(), hashlib.sha256).hexdigest()
