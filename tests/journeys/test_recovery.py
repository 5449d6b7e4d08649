"""From a lost phone to signed in again, without anybody of the staff; and a preview of links changes nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.test_pages_look import LOOKS, _inspect, _inspect_all
from tests.support import chromium, crowd
from tests.support.crowd import Wanted
from tests.support.people import NEW_PASSWORD
from tests.support.site import Site

MAILBOX = "carla@example.org"
# An account of long ago, and a demo's clock, which may be moved.
_LONG_AGO = """
from datetime import timedelta
from accounts.models import User
from indexsite import clock
from indexsite.models import SiteFact
SiteFact.objects.create(name='demo', value={'salt': 'none', 'complete': True})
User.objects.update(date_joined=clock.now() - timedelta(days=400))
print('null')
"""
STEPS = ("mailbox", "password", "browser", "token", "repository", "signature", "vouch")


@pytest.fixture
def later_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of its own: days pass here, and other journeys live on."""
    running = Site(tmp_path_factory.mktemp("recovery"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def carla(later_site: Site) -> dict[str, Any]:
    told: dict[str, Any] = crowd.prepare(later_site, Wanted(people=("carla",), projects={}))["carla"]
    later_site.script(_LONG_AGO)
    return told


def test_from_a_lost_phone_to_signed_in_again_without_staff(
    later_site: Site, browser: Browser, carla: dict[str, Any]
) -> None:
    site = later_site
    faults: list[str] = []
    with chromium.page(browser, base_url=site.url, **LOOKS["phone"]) as page:
        _ask(page, carla["password"], faults)
        link = _link(site, "/recovery/open/")
        _prefetch(site, page, link)
        page.goto(link)
        _inspect_all(page, "the mailed link", faults)
        page.get_by_role("button", name="Go on").click()
        _heading(page, "Show that the account is yours")
        _inspect_all(page, "evidence", faults)
        status = page.url
        _look_at_every_step(page, status, faults)
        _offer_password(page, status, carla["password"])
        site.letter_to(MAILBOX, containing="Somebody says to be you")
        page.get_by_role("button", name="That is all I have").click()
        _wait_for_heading(page, "The waiting has begun")
        _inspect_all(page, "waiting", faults)
        site.manage("demo", "--advance", "49h")
        site.letter_to(MAILBOX, containing="No letter comes in between")
        site.manage("demo", "--advance", "25h")
        page.goto(_link(site, "/recovery/enrol/"))
        code_secret = _set_up(page, faults)
        page.get_by_label("Username").fill("carla")
        page.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        crowd.prove(page, code_secret)
        page.goto("/account/")
        _heading(page, "carla")
        page.goto(status)
        _heading(page, "You are in again")
        _inspect_all(page, "on hold", faults)
    assert faults == []


def _ask(page: Page, password: str, faults: list[str]) -> None:
    """By way of the page that wants the lost factor."""
    page.goto("/account/login/")
    page.get_by_label("Username").fill("carla")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Lost your second factor and your recovery codes?").click()
    _heading(page, "Get back in")
    page.get_by_label("User name").fill("carla")
    page.get_by_label("E-mail address that you can read now").fill(MAILBOX)
    page.get_by_role("button", name="Mail a link").click()
    _heading(page, "Look into your mail")
    _inspect_all(page, "asked", faults)


def _prefetch(site: Site, page: Page, link: str) -> None:
    """A scanner of mail, and a browser that fetches ahead with all its cookies."""
    site.get(link)
    page.request.get(link)
    page.request.head(link)
    page.reload()
    _heading(page, "Look into your mail")
    assert len(site.letters_to(MAILBOX)) == 1


def _look_at_every_step(page: Page, status: str, faults: list[str]) -> None:
    for step in STEPS:
        page.goto(f"{status}evidence/{step}/")
        _inspect_all(page, step, faults)
        ask = page.locator("button[name=act][value=ask]")
        if ask.count():
            ask.click()
            _inspect_all(page, f"{step}, asked for", faults)
    page.goto(f"{status}withdraw/")
    _inspect_all(page, "taking it back", faults)


def _offer_password(page: Page, status: str, password: str) -> None:
    page.goto(status)
    page.get_by_role("link", name=re.compile("Offer it.*Your password")).click()
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Offer it").click()
    expect(page.get_by_text("Received.", exact=True)).to_be_visible()


def _set_up(page: Page, faults: list[str]) -> str:
    """Password, codes, app; the secret of the app."""
    _heading(page, "Set a new password")
    _inspect_all(page, "new password", faults)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set it").click()
    page.get_by_role("button", name="Make 8 codes").click()
    _inspect_all(page, "codes", faults)
    code = page.locator("#codes").inner_text().split()[0]
    page.get_by_label("One of your codes").fill(code)
    page.get_by_role("button", name="Check").click()
    _heading(page, "Add a second factor")
    _inspect_all(page, "factor", faults)
    secret = page.locator("#totp-secret").inner_text().replace(" ", "")
    page.get_by_label("Six digits from the app").fill(crowd.code_of(secret))
    page.get_by_role("button", name="Turn on").click()
    _heading(page, "Sign in")
    return secret


def test_a_request_works_without_javascript(site: Site, browser: Browser, demo: dict[str, Any]) -> None:
    """As far as one gets in a day, on the narrowest phone; for somebody who is not there, which looks the same."""
    faults: list[str] = []
    with chromium.page(browser, base_url=site.url, java_script_enabled=False, **LOOKS["smallest"]) as page:
        page.goto("/recovery/")
        page.get_by_label("User name").fill("nobody-at-all")
        page.get_by_label("E-mail address that you can read now").fill("no-script@example.com")
        page.get_by_role("button", name="Mail a link").click()
        letter = site.letter_to("no-script@example.com", containing="/recovery/open/")
        page.goto(_in(letter, site.url))
        page.get_by_role("button", name="Go on").click()
        page.get_by_role("link", name=re.compile("Offer it.*Somebody who knows you")).click()
        page.get_by_label("PIN").fill("12345 67890")
        page.get_by_role("button", name="Offer it").click()
        expect(page.get_by_text("A PIN was received.")).to_be_visible()
        page.get_by_role("button", name="That is all I have").click()
        _heading(page, "Your request is looked at")
        page.get_by_role("link", name="Take the request back").click()
        page.get_by_role("button", name="Take it back").click()
        _heading(page, "You took your request back")
        _inspect(page, "taken back", faults, "smallest")
    assert faults == []


def _heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def _wait_for_heading(page: Page, text: str) -> None:
    """The worker is asked every minute."""
    deadline = time.monotonic() + 90
    while page.get_by_role("heading", level=1).inner_text() != text and time.monotonic() < deadline:
        time.sleep(1)
        page.reload()
    _heading(page, text)


def _link(site: Site, path: str) -> str:
    return _in(site.letter_to(MAILBOX, containing=path), site.url)


def _in(letter: Any, origin: str) -> str:
    found = re.search(rf"^{re.escape(origin)}/recovery/\S+$", letter.get_body(("plain",)).get_content(), re.M)
    assert found is not None
    return found[0]
