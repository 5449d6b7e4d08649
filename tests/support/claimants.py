"""Claimants in real browsers, and what they read in their mail."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support import crowd
from tests.support.people import NEW_PASSWORD
from tests.support.site import Site


def ask_and_open(site: Site, page: Page, name: str, *, after: int = 0) -> str:
    """Ask for somebody's account with their own mailbox, and open the link in the letter; the status page.

    Args:
        after: how many letters had gone to the mailbox before.
    """
    mailbox = f"{name}@example.org"
    page.goto("/recovery/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("E-mail address that you can read now").fill(mailbox)
    page.get_by_role("button", name="Mail a link").click()
    page.goto(link_in(letter_with(site, mailbox, "/recovery/open/", after=after), "/recovery/open/"))
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/recovery/status/**")
    return page.url


def offer_password(page: Page, status: str, password: str) -> None:
    page.goto(f"{status}evidence/password/")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Offer it").click()
    expect(page.get_by_text("Received.", exact=True)).to_be_visible()


def set_up(page: Page) -> str:
    """Behind the link to a new factor: password, codes, app; the secret of the app."""
    heading(page, "Set a new password")
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set it").click()
    page.get_by_role("button", name="Make 8 codes").click()
    page.get_by_label("One of your codes").fill(page.locator("#codes").inner_text().split()[0])
    page.get_by_role("button", name="Check").click()
    heading(page, "Add a second factor")
    secret = page.locator("#totp-secret").inner_text().replace(" ", "")
    page.get_by_label("Six digits from the app").fill(crowd.code_of(secret))
    page.get_by_role("button", name="Turn on").click()
    heading(page, "Sign in")
    return secret


def letter_with(site: Site, address: str, words: str, *, after: int = 0) -> str:
    part = site.letter_to(address, containing=words, after=after).get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link_in(text: str, kind: str) -> str:
    found = re.search(rf"^(http\S+{kind}\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)
