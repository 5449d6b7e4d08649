"""A draft from the list to the index by buttons: somebody returns one, publishes another, cancels a third."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import axe, crowd
from tests.support.site import Site

LIST = "/manage/project/greetings/drafts/"


@pytest.fixture
def gina(site: Site, browser: Browser, demo: dict[str, Any]) -> Iterator[Page]:
    with crowd.signed_in(site, browser, "gina", demo["users"]["gina"]) as page:
        yield page


def look(page: Page) -> None:
    assert axe.violations(page) == []
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (page.url, width)


def act(page: Page, link: str, button: str, **fields: str) -> None:
    page.get_by_role("link", name=link, exact=True).click()
    look(page)
    for label, text in fields.items():
        page.get_by_label(label.capitalize()).fill(text)
    page.get_by_role("button", name=button, exact=True).click()


def test_a_draft_is_returned_handed_in_again_and_published_and_another_canceled(site: Site, gina: Page) -> None:
    gina.goto(LIST)
    gina.get_by_role("link", name="2.0", exact=True).click()
    expect(gina.get_by_text("It waits for a decision")).to_be_visible()
    act(gina, "Return", "Return it", reason="The changelog is missing")
    expect(gina.get_by_text("The changelog is missing")).to_be_visible()
    command = gina.locator("#preview-install").inner_text()
    act(gina, "Make a new address", "Make a new address")
    assert gina.locator("#preview-install").inner_text() != command
    act(gina, "Hand in for review", "Hand it in")
    assert "greetings-2.0" not in simple_page(site)
    act(gina, "Publish", "Publish it")
    expect(gina.get_by_text("greetings 2.0 is published.").first).to_be_visible()
    assert "greetings-2.0-py3-none-any.whl" in simple_page(site)
    assert "greetings-2.0.tar.gz" in simple_page(site)

    gina.goto(LIST)
    gina.get_by_role("link", name="1.2", exact=True).click()
    act(gina, "Cancel the draft", "Cancel the draft", reason="Not worth a release")
    expect(gina.get_by_text("It was canceled on")).to_be_visible()
    look(gina)
    gina.goto(LIST)
    expect(gina.get_by_text("No drafts")).to_be_visible()
    look(gina)


def simple_page(site: Site) -> str:
    with urlopen(f"{site.url}/simple/greetings/") as answer:
        return answer.read().decode()
