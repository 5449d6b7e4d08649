"""A sign-in from a browser the account does not know, as the person sees it: desktop and phone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.journeys.test_pages_look import LOOKS, _inspect
from tests.support import chromium, crowd
from tests.support.site import Site


@pytest.mark.parametrize(("look", "name"), [("desktop", "erin"), ("phone", "frank")])
def test_a_new_browser_is_confirmed_by_mail(
    site: Site, browser: Browser, demo: dict[str, Any], look: str, name: str
) -> None:
    told = demo["users"][name]
    before = len(site.letters_to(told["email"]))
    faults: list[str] = []
    with chromium.page(browser, base_url=site.url, **LOOKS[look]) as page:
        page.goto("/account/login/")
        page.fill("[name=username]", name)
        page.fill("[name=password]", told["password"])
        page.get_by_role("button", name="Sign in", exact=True).click()
        crowd.prove(page, told["totp_secret"])
        expect(page.get_by_role("heading", level=1)).to_have_text("Follow the link we mailed")
        _inspect(page, "waiting", faults)
        letter = site.letter_to(told["email"], containing="/account/confirm-sign-in/", after=before)
        text = letter.get_body(("plain",)).get_content()
        link = next(line for line in text.splitlines() if line.startswith(site.url))
        with chromium.page(browser, base_url=site.url, **LOOKS[look]) as elsewhere:
            elsewhere.goto(link)
            expect(elsewhere.get_by_role("heading", level=1)).to_have_text("This link belongs to another browser")
            _inspect(elsewhere, "elsewhere", faults)
        page.goto(link)
        _inspect(page, "link", faults)
        page.get_by_role("button", name="Yes, sign me in").click()
        page.wait_for_url("**/account/")
        page.goto("/account/history/")
        page.get_by_role("link", name="Not me").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Was this not you?")
        _inspect(page, "not me", faults)
        page.goto("/account/sessions/")
        expect(page.get_by_text("This browser", exact=True)).to_be_visible()
    assert faults == []
