"""A newcomer in a real browser: from sign-up to the page of their own project, and in again by second factor."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django_otp.oath import TOTP
from playwright.sync_api import Browser, Page, expect

from tests.support import chromium, clients, distributions
from tests.support.clients import Desk
from tests.support.site import Site

PASSWORD = "nine lanterns over a slow river"
STEP_SECONDS = 30


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    with chromium.page(browser, base_url=site.url) as opened:
        yield opened


def test_a_newcomer_signs_up_enrols_publishes_and_sees_the_project(site: Site, page: Page, desk: Desk) -> None:
    sign_up(site, page)
    codes = keep_recovery_codes(page)
    secret = enrol_authenticator(page)
    token = make_token(page)
    publish(site, desk, token)
    see_project(page)
    sign_in_again(site, page, secret)
    sign_in_again(site, page, secret, code=codes[0])


def sign_up(site: Site, page: Page) -> None:
    page.goto("/account/signup/")
    page.fill("[name=username]", "grace")
    page.fill("[name=email]", "grace@example.org")
    page.fill("[name=password1]", PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Verify your address", exact=True)).to_be_visible()
    letter = site.letter_to("grace@example.org").get_body(("plain",))
    assert letter is not None
    page.fill("[name=code]", mailed_code(letter.get_content()))
    page.get_by_role("button", name="Verify", exact=True).click()
    expect(page.get_by_text("Your address is verified.")).to_be_visible()


def mailed_code(text: str) -> str:
    """The code stands on a line of its own."""
    found = re.search(r"^\s*([A-Z0-9]{3,}(?:-[A-Z0-9]{3,})*)\s*$", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


def keep_recovery_codes(page: Page, *, from_the_start: bool = True) -> list[str]:
    if from_the_start:
        page.goto("/account/security/codes/")
    page.get_by_role("button", name=re.compile("Make 8 codes")).click()
    codes = page.locator("#codes").inner_text().split()
    assert len(set(codes)) == 8
    page.fill("[name=code]", codes[3])
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="Add a second factor", exact=True)).to_be_visible()
    page.get_by_role("link", name="Set up an app").click()
    expect(page.get_by_role("heading", name="Authenticator app", exact=True)).to_be_visible()
    return codes


def enrol_authenticator(page: Page) -> bytes:
    shown = page.locator("#totp-secret")
    text = shown.input_value() if shown.evaluate("node => 'value' in node") else shown.inner_text()
    secret = base64.b32decode(text.replace(" ", ""))
    page.fill("[name=code]", totp_code(secret))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("Your authenticator app is set up.").first).to_be_visible()
    return secret


def totp_code(secret: bytes) -> str:
    return f"{TOTP(secret, step=STEP_SECONDS).token():06d}"


def make_token(page: Page) -> str:
    page.goto("/account/tokens/")
    page.get_by_role("link", name="Create a token").click()
    page.fill("[name=description]", "laptop")
    page.get_by_role("radio", name=re.compile("whole account", re.IGNORECASE)).check()
    page.get_by_label("Upload files").check()
    page.get_by_label("7 days").check()
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("heading", name="Your new token", exact=True)).to_be_visible()
    token = page.locator("#token").inner_text()
    assert token.startswith("idx-")
    return token


def publish(site: Site, desk: Desk, token: str) -> None:
    readme = distributions.core_metadata(
        name="graceful", summary="A graceful thing", description="# Graceful\n\nIt bows.\n"
    )
    path: Path = distributions.make_wheel("graceful", "1.0", metadata=readme).write(desk.directory)
    desk.must(
        clients.program("twine"), "upload", "--non-interactive", "--repository-url", site.upload_url,
        "-u", "__token__", "-p", token, path,
    )  # fmt: skip


def see_project(page: Page) -> None:
    page.goto("/project/graceful/")
    expect(page.get_by_role("heading", name=re.compile("graceful", re.IGNORECASE)).first).to_be_visible()
    expect(page.get_by_text("It bows.")).to_be_visible()
    expect(page.get_by_text("graceful-1.0-py3-none-any.whl").first).to_be_attached()
    page.goto("/manage/projects/")
    expect(page.get_by_role("link", name="graceful").first).to_be_visible()


def sign_in_again(site: Site, page: Page, secret: bytes, *, code: str = "") -> None:
    page.context.clear_cookies()
    before = len(site.letters_to("grace@example.org"))
    page.goto("/account/login/")
    page.fill("[name=username]", "grace")
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("[name=code]")).to_be_visible()
    page.fill("[name=code]", code or unused_totp_code(secret))
    page.locator("form:has([name=code]) button[type=submit]").first.click()
    page.wait_for_url("**/account/confirm-sign-in/")
    site.confirm_sign_in(page, "grace@example.org", after=before)
    page.wait_for_url(re.compile(r"/account/(security/)?$"))  # a recovery code leads to the repair


def unused_totp_code(secret: bytes) -> str:
    """Each code works once, and the present one was used to enrol: the next is accepted a moment early."""
    totp = TOTP(secret, step=STEP_SECONDS)
    totp.time = time.time() + STEP_SECONDS
    return f"{totp.token():06d}"
