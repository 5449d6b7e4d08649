"""An owner away from home: a banner in the session that is still open, and a letter's link without any session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import axe, chromium
from tests.support.claimants import ask_and_open, letter_with, link_in
from tests.support.crowd import PHONE, Wanted, gathered
from tests.support.site import Site

WANTED = Wanted(people=("olivia", "otto"), projects={"away": ("olivia", "otto")})
ASKS = "Somebody asks to recover this account"
OLIVIA = "olivia@example.org"


@pytest.fixture
def phones(site: Site, browser: Browser) -> Iterator[dict[str, Page]]:
    with gathered(site, browser, WANTED) as phones:
        yield phones


@pytest.fixture
def stranger(site: Site, browser: Browser) -> Iterator[Page]:
    """Reads olivia's mail, or is olivia: nobody can tell yet."""
    with chromium.page(browser, base_url=site.url, **PHONE) as page:
        yield page


def test_an_owner_stops_one_in_a_session_and_disputes_the_next_by_a_letter(
    site: Site, browser: Browser, phones: dict[str, Page], stranger: Page
) -> None:
    olivia, otto = phones["olivia"], phones["otto"]
    ask_and_open(site, stranger, "olivia")
    letter_with(site, OLIVIA, "/recovery/cancel/")
    olivia.goto("/project/away/")
    banner = olivia.get_by_role("region", name="Recovery of this account")
    expect(banner).to_contain_text(ASKS)
    looks_right(olivia)
    banner.get_by_role("link", name="See who asks, and stop it").click()
    looks_right(olivia)

    # The co-owner was told, and is shown how to speak for her.
    expect_told = letter_with(site, "otto@example.org", "/account/vouch/")
    assert "the account olivia" in expect_told
    otto.goto("/account/vouch/?for=olivia")
    expect(otto.get_by_label("Username of whom you speak for")).to_have_value("olivia")
    looks_right(otto)

    olivia.get_by_role("button", name="Stop it").click()
    expect(olivia.locator("main")).to_contain_text("Stopped. The recovery does not go on.")
    olivia.goto("/project/away/")
    expect(olivia.get_by_text(ASKS)).to_have_count(0)

    # Once more; this time she reads it in her mail, on somebody else's machine.
    before = len(site.letters_to(OLIVIA))
    ask_and_open(site, stranger, "olivia", after=before)
    text = letter_with(site, OLIVIA, "/recovery/cancel/", after=before)
    with chromium.page(browser, base_url=site.url, java_script_enabled=False, **PHONE) as borrowed:
        borrowed.goto(link_in(text, "/recovery/cancel/"))
        expect(borrowed.get_by_role("heading", level=1)).to_have_text("Is somebody taking over olivia?")
        borrowed.get_by_role("button", name="This was not me").click()
        expect(borrowed.locator("main")).to_contain_text("people who work for this site look into it")
        expect(borrowed.get_by_role("button", name="This was not me")).to_have_count(0)
    olivia.goto("/account/")
    expect(olivia.locator("main")).to_contain_text("Settings are frozen")


def test_the_policy_is_there_for_everybody(stranger: Page) -> None:
    stranger.goto("/recovery/policy/")
    expect(stranger.get_by_role("heading", level=1)).to_have_text("How accounts are recovered")
    looks_right(stranger)


def looks_right(page: Page) -> None:
    """Nothing cut off on the smallest phone, and nothing for axe to complain of."""
    page.set_viewport_size({"width": 320, "height": 640})
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert axe.violations(page) == []
    page.set_viewport_size(PHONE["viewport"])
