"""User-Agent headers in words."""

import pytest

from accounts.programs import MAX_LENGTH, describe, recognised

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36", "Chrome 140 on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0", "Edge 140 on Windows"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 15.0; rv:141.0) Gecko/20100101 Firefox/141.0",
            "Firefox 141 on macOS",
        ),
        (f"Mozilla/5.0 (Linux; Android 15) {WEBKIT} Chrome/139.0 Mobile Safari/537.36", "Chrome 139 on Android"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) "
            "Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari 18 on iPhone",
        ),
        ("Mozilla/5.0 Firefox/140.0", "Firefox 140"),
        ("twine/6.1.0 keyring/25 CPython/3.13", "twine 6.1.0"),
        ("uv/0.9.1", "uv 0.9.1"),
        ("Browser of my own", "Browser of my own"),
        ("", ""),
    ],
)
def test_a_program_is_named_as_its_owner_knows_it(header: str, words: str) -> None:
    assert describe(header) == words


def test_what_nobody_knows_is_shortened() -> None:
    shown = describe("Mozilla/5.0 " + "x" * 200)
    assert len(shown) == MAX_LENGTH
    assert shown.endswith("…")


@pytest.mark.parametrize(
    ("user_agent", "shown"),
    [
        ("twine/6.1.0 pkginfo/1.12", "twine 6.1.0"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox 140 on Linux"),
        ("Your account is lost, sign in at https://evil.example/ now", ""),
        ("evil.example/1", ""),
        ("x/1.evil.example", ""),
        ("", ""),
    ],
)
def test_letters_carry_no_text_of_a_stranger(user_agent: str, shown: str) -> None:
    assert recognised(user_agent) == shown
