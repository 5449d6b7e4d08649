"""A draft from the list to the index by buttons: somebody returns one, publishes another, cancels a third."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import axe, crowd
from tests.support.site import Site

LIST = "/manage/project/skates/drafts/"
# Of two versions, the second handed in.
DRAFTS = """
from accounts.models import User
from indexsite import clock
from indexsite.management.demo.acting import at_browser, gather
from indexsite.management.demo.archives import Package
from releases.actions.drafts import beginning, publishing
actor, at = at_browser(User.objects.get(username="wendy")), clock.now()
for version in ("1.2", "2.0"):
    draft = beginning.begin_draft(actor=actor, name="skates", version=version, at=at)
    gather(Package("skates", version, "They roll.", "They roll."), draft, actor=actor, at=at)
publishing.submit_draft(actor=actor, draft=draft, at=at)
print("true")
"""


@pytest.fixture
def wendy(site: Site, browser: Browser) -> Iterator[Page]:
    wanted = crowd.Wanted(people=("wendy",), projects={"skates": ("wendy",)})
    with crowd.gathered(site, browser, wanted) as people:
        assert site.script(DRAFTS)
        yield people["wendy"]


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


def test_a_draft_is_returned_handed_in_again_and_published_and_another_canceled(site: Site, wendy: Page) -> None:
    wendy.goto(LIST)
    wendy.get_by_role("link", name="2.0", exact=True).click()
    expect(wendy.get_by_text("It waits for a decision")).to_be_visible()
    act(wendy, "Return", "Return it", reason="The changelog is missing")
    expect(wendy.get_by_text("The changelog is missing")).to_be_visible()
    command = wendy.locator("#install-pip").inner_text()
    act(wendy, "Make a new address", "Make a new address")
    assert wendy.locator("#install-pip").inner_text() != command
    act(wendy, "Hand in for review", "Hand it in")
    assert "skates-2.0" not in simple_page(site)
    act(wendy, "Publish", "Publish it")
    expect(wendy.get_by_text("skates 2.0 is published.").first).to_be_visible()
    assert "skates-2.0-py3-none-any.whl" in simple_page(site)
    assert "skates-2.0.tar.gz" in simple_page(site)

    wendy.goto(LIST)
    wendy.get_by_role("link", name="1.2", exact=True).click()
    act(wendy, "Cancel the draft", "Cancel the draft", reason="Not worth a release")
    expect(wendy.get_by_text("It was canceled on")).to_be_visible()
    look(wendy)
    wendy.goto(LIST)
    expect(wendy.get_by_text("No drafts")).to_be_visible()
    look(wendy)


def simple_page(site: Site) -> str:
    with urlopen(f"{site.url}/simple/skates/") as answer:
        return answer.read().decode()
