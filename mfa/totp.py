"""Time-based codes: the secret a person's app is given, and what a typed code says about it.

Time here is the machine's, never the demo clock: phones do not know of that one.
"""

from __future__ import annotations

import base64
import secrets
import time
from typing import Literal
from urllib.parse import quote, urlencode

import segno
from django.conf import settings
from django_otp.oath import TOTP

SECRET_BYTES = 20  # 160 bits, RFC 4226 section 4
STEP = 30  # seconds
DIGITS = 6
TOLERANCE = 1  # steps to either side
SKEW = 10  # steps within which a wrong clock is the likely reason

type Verdict = Literal["right", "clock", "wrong"]


def new_secret() -> str:
    """A fresh secret, hexadecimal as django-otp stores it."""
    return secrets.token_hex(SECRET_BYTES)


def base32(secret: str) -> str:
    return base64.b32encode(bytes.fromhex(secret)).decode()


def grouped(secret: str) -> str:
    """The secret as a person types it into an app: groups of four."""
    text = base32(secret)
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def uri(secret: str, username: str) -> str:
    """The `otpauth:` address that apps read from the image or open as a link."""
    issuer = settings.SITE_NAME
    query = urlencode(
        {"secret": base32(secret), "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": STEP},
        quote_via=quote,
    )
    return f"otpauth://totp/{quote(issuer)}:{quote(username)}?{query}"


def qr_svg(address: str) -> str:
    """The address as an inline SVG without styles or scripts, dark on white whatever the page's colours."""
    return str(
        segno.make(address, error="m", micro=False).svg_inline(
            border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None
        )
    )


def plain(typed: str) -> str:
    """The six digits of a typed code, however grouped; "" if it is not six ASCII digits."""
    digits = "".join(typed.split()).replace("-", "")
    return digits if len(digits) == DIGITS and digits.isascii() and digits.isdigit() else ""


def judge(secret: str, typed: str) -> tuple[Verdict, int]:
    """What a code typed at enrolment shows: right (and which time step), a phone's wrong clock, or wrong."""
    code = plain(typed)
    if not code:
        return "wrong", 0
    generator = TOTP(bytes.fromhex(secret), STEP, 0, DIGITS)
    now = generator.time = time.time()
    for distance in range(SKEW + 1):
        for sign in (1, -1):
            generator.time = now + sign * distance * STEP
            if generator.token() == int(code):
                return ("right" if distance <= TOLERANCE else "clock"), generator.t()
    return "wrong", 0
