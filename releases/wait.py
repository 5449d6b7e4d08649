"""Wait for the people who decide about a draft: `python -m releases.wait URL`, or this file by itself.

    INDEXSITE_TOKEN=idx-... python wait.py URL [--timeout SECONDS]

URL is the `Location` of the session (PEP 694), or the address of the review page. Exits with 0 when the draft is
published, 1 when it was returned or canceled, 2 when the time was over, 3 when nobody could be asked. Needs Python
3.9 and nothing else.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PUBLISHED, REFUSED, TIMED_OUT, FAILED = 0, 1, 2, 3
MEDIA_TYPE = "application/vnd.pypi.upload.v2+json"
TOKEN = "INDEXSITE_TOKEN"  # noqa: S105 - the name of a variable
# In seconds: how long the server is asked to hold an answer back (it may cut that), and how long to rest after it.
HELD, REST = 15, 5
ANSWERED_WITHIN = 60
MAX_BODY = 4 << 20

_REVIEW = re.compile(r"/manage/draft/([0-9a-f-]{36})/?$")


class Failed(Exception):
    """Nobody could be asked, and asking again would not help."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token goes to the host that was named and nowhere else."""

    def redirect_request(self, *args: object) -> None:
        return None


def main(arguments: list[str] | None = None) -> int:
    """What the command line asks for; returns the exit code."""
    options = _parsed(arguments)
    token = os.environ.get(TOKEN, "")
    try:
        if not token:
            raise Failed(f"Put a token that may read the draft into the variable {TOKEN}.")
        return wait(session_address(options.url), token, options.timeout)
    except Failed as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return TIMED_OUT


def session_address(url: str) -> str:
    """Where the status of the draft is.

    Raises:
        Failed: the address is none, or would send the token in clear text.
    """
    parts = urllib.parse.urlsplit(url)
    is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_here)):
        raise Failed("Give an https address: the token would be sent in clear text.")
    path = _REVIEW.sub(r"/upload/2.0/session/\1/", parts.path)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def wait(session: str, token: str, timeout: float) -> int:
    """Ask until the draft is decided about, or `timeout` seconds are over."""
    end = time.monotonic() + timeout
    said = ""
    while True:
        left = end - time.monotonic()
        body, rest = ask(session, token, held=max(0, min(HELD, int(left))))
        status = str(body.get("status", ""))
        if status and status != said:
            print(f"The draft is {status}.", flush=True)
            said = status
        if status == "published":
            return PUBLISHED
        if status in ("canceled", "error"):
            notices = body.get("notices")
            for notice in notices if isinstance(notices, list) else []:
                print(notice)
            return REFUSED
        left = end - time.monotonic()
        if left <= 0:
            print("The time is over, and nobody has decided.", file=sys.stderr)
            return TIMED_OUT
        time.sleep(min(rest, left))


def ask(session: str, token: str, *, held: int) -> tuple[dict[str, object], float]:
    """The session's body, {} when the server is away, and how many seconds to rest.

    Raises:
        Failed: the server refuses, for good.
    """
    user = base64.b64encode(f"__token__:{token}".encode()).decode()
    headers = {"Authorization": f"Basic {user}", "Accept": MEDIA_TYPE, "User-Agent": "indexsite-wait/1"}
    request = urllib.request.Request(f"{session}?wait={held}", headers=headers)  # noqa: S310 - checked before
    opener = urllib.request.build_opener(_NoRedirects())
    try:
        with opener.open(request, timeout=ANSWERED_WITHIN) as response:
            body = json.loads(response.read(MAX_BODY))
            return body if isinstance(body, dict) else {}, _rest(response.headers.get("Retry-After"))
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 429 or error.code >= 500:
                return {}, _rest(error.headers.get("Retry-After"))
            raise Failed(f"The index answered {error.code}: {_detail(error)}") from error
    except (OSError, ValueError) as error:
        print(f"No answer ({type(error).__name__}); asking again.", file=sys.stderr)
        return {}, REST


def _rest(after: str | None) -> float:
    """At least a second: a server that says 0 is not asked without pause."""
    return min(max(1, int(after)), 300) if after and after.isdecimal() and len(after) < 6 else REST


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(MAX_BODY)).get("detail", error.reason))
    except (OSError, ValueError, AttributeError):
        return str(error.reason)


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> None:  # type: ignore[override]
            self.exit(FAILED, f"{message}\n")  # 2 means that the time was over

    parser = Parser(prog="wait", description="Wait until a draft is published.")
    parser.add_argument("url", help="the session of the draft, or its review page")
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds (default: %(default)s)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
