"""Proves that you hold an API token, without handing it over. Needs Python 3.8 or newer, and no network.

    python prove_token.py CODE

CODE is on the page of your request. The token is asked for, or read from standard input. What is printed is of
use in that request alone, for ten minutes: nobody can upload with it or turn it back into your token.
"""

import base64
import getpass
import hmac
import json
import sys
import time

MINUTES = 9


def prove(token: str, code: str) -> str:
    prefix, _, body = token.strip().partition("-")
    data = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    if data[:1] != b"\x02" or data[-35:-32] != b"\0\x06\x20":
        sys.exit("This is not an API token; copy all of it, with what stands before the dash.")
    chain, signature = data[:-35], data[-32:]
    case, nonce = code.strip().split(".")
    now = int(time.time())
    for caveat in [110, case, nonce], [0, now + 60 * MINUTES, now - 60]:
        text = json.dumps(caveat, separators=(",", ":")).encode()
        signature = hmac.new(signature, text, "sha256").digest()
        size = [len(text)] if len(text) < 128 else [len(text) % 128 + 128, len(text) // 128]
        chain += bytes([2, *size]) + text + b"\0"
    return prefix + "-" + base64.urlsafe_b64encode(chain + b"\0\x06\x20" + signature).decode().rstrip("=")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(prove(getpass.getpass("API token: ") if sys.stdin.isatty() else sys.stdin.read(), sys.argv[1]))
