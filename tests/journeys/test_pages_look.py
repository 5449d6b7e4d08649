"""Every page in a real browser on the demo data: no complaint of the console, none of axe, nothing cut off on a
phone, the main act reachable by keyboard, and all of it without JavaScript."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django_otp.oath import TOTP
from playwright.sync_api import Browser, ConsoleMessage, Page, StorageState, expect

from tests.support import chromium, run
from tests.support.site import Site

PUBLIC = [
    "/",
    "/search/?q=sample",
    "/search/?q=nothing-is-called-this",
    "/search/",
    "/project/sampleproject/",
    "/project/critlib/",
    "/user/alice/",
    "/help/",
    "/help/problems/",
    "/security/",
    "/api/v1/docs/",
    "/account/login/",
    "/account/signup/",
    "/account/password/reset/",
    "/account/password/reset/new/",
    "/no-such-page/",
]
ACCOUNT = [
    "/account/",
    "/account/security/",
    "/account/security/codes/",
    "/account/security/totp/",
    "/account/second-factor/",
    "/account/email/",
    "/account/password/",
    "/account/sessions/",
    "/account/history/",
    "/account/tokens/",
    "/account/tokens/create/",
    "/account/tokens/revoke-all/",
    "/manage/projects/",
    "/manage/project/sampleproject/",
    "/manage/project/sampleproject/releases/",
    "/manage/project/sampleproject/people/",
    "/manage/project/sampleproject/tokens/",
    "/manage/project/sampleproject/settings/",
    "/manage/project/sampleproject/history/",
]
# Without a factor the same pages ask for one.
SUSPENDED = [
    "/account/",
    "/account/security/",
    "/account/security/codes/",
    "/manage/projects/",
    "/account/tokens/",
]

STAFF = ["/admin/", "/admin/indexsite/auditevent/"]

# Pages that need more than an address; other tests here or `test_newcomer` come by them.
ON_THE_WAY = {
    "account_verify_email": "shown after sign-up only",
    "account_reset_link": "a mailed link",
    "token_revoke": "needs a token's id",
    "project_release": "needs a version",
    "draft_review": "needs a draft",
}
# Answered by programs, not looked at by people.
MACHINES = (
    "api/v1/",
    "files/",
    "legacy",
    "metrics",
    "healthz",
    "readyz",
    "pypi/",
    "rss/",
    "simple",
    "^files/",
    ".well-known",
)

LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "desktop-dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    # 320 CSS pixels: WCAG 2.2, 1.4.10, and what 400 % zoom makes of a desktop.
    "smallest": {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark"},
}
# What a page looks like does not depend on the database: one look is enough on the second.
ALL_LOOKS = list(LOOKS) if run.database_kind(os.environ) == "sqlite" else ["phone"]
# What axe checks depends on the markup, but for colours, and these not on the width.
CHECKS: dict[str, list[str]] = {
    "desktop": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "phone": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "desktop-dark": ["color-contrast"],
    "smallest": [],
}


class Person:
    """Somebody of the demo data, signed in once; browser contexts share the session."""

    def __init__(self, site: Site, browser: Browser, name: str, told: dict[str, Any]) -> None:
        with chromium.page(browser, base_url=site.url) as page:
            page.goto("/account/login/")
            page.fill("[name=username]", name)
            page.fill("[name=password]", told["password"])
            page.get_by_role("button", name="Sign in").click()
            if told.get("totp_secret"):
                _prove(page, told["totp_secret"])
            page.goto("/account/")
            expect(page.get_by_role("heading", level=1)).to_have_text(name)
            self.state: StorageState = page.context.storage_state()


def _prove(page: Page, secret: str) -> None:
    """Type the app's code; where another journey has just used it, the next one."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    for _ in range(2):
        page.fill("[name=code]", f"{TOTP(key).token():06d}")
        page.get_by_role("button", name="Continue").click()
        if "/second-factor/" not in page.url:
            return
        time.sleep(30 - time.time() % 30 + 0.5)
    raise AssertionError(page.locator("main").inner_text())


@pytest.fixture(scope="module")
def alice(site: Site, browser: Browser, demo: dict[str, Any]) -> Person:
    return Person(site, browser, "alice", demo["users"]["alice"])


@pytest.fixture(scope="module")
def dave(site: Site, browser: Browser, demo: dict[str, Any]) -> Person:
    return Person(site, browser, "dave", demo["users"]["dave"])


@pytest.fixture(scope="module")
def root(site: Site, browser: Browser, demo: dict[str, Any]) -> Person:
    return Person(site, browser, "root", demo["users"]["root"])


@pytest.fixture
def visitor(site: Site, browser: Browser, demo: dict[str, Any]) -> Iterator[Page]:
    with chromium.page(browser, base_url=site.url) as page:
        yield page


def test_every_page_is_looked_at_here() -> None:
    looked_at = {resolve(path.partition("?")[0]).url_name for path in PUBLIC + ACCOUNT if path != "/no-such-page/"}
    pages = {
        name for route, name in _routes(get_resolver().url_patterns) if not route.startswith((*MACHINES, "admin/"))
    }
    assert pages - looked_at - set(ON_THE_WAY) - {"account_logout"} == set()


@pytest.mark.parametrize("look", ALL_LOOKS)
def test_public_pages_look_right(site: Site, browser: Browser, demo: dict[str, Any], look: str) -> None:
    assert _faults(site, browser, PUBLIC, look) == []


@pytest.mark.parametrize("look", ALL_LOOKS)
def test_account_pages_look_right(site: Site, browser: Browser, alice: Person, look: str) -> None:
    assert _faults(site, browser, ACCOUNT, look, alice) == []


@pytest.mark.parametrize("look", ["phone"])
def test_pages_of_somebody_without_a_factor_look_right(
    site: Site, browser: Browser, dave: Person, look: str
) -> None:
    assert _faults(site, browser, SUSPENDED, look, dave) == []


@pytest.mark.parametrize("look", ["desktop", "desktop-dark"])
def test_the_staff_console_looks_right(site: Site, browser: Browser, root: Person, look: str) -> None:
    assert _faults(site, browser, STAFF, look, root) == []


def test_pages_of_releases_and_tokens_look_right(site: Site, browser: Browser, alice: Person) -> None:
    with _opened(site, browser, "phone", alice) as (page, faults):
        page.goto("/project/sampleproject/")
        page.locator("#releases ~ ol a, .release-rows a").last.click()
        _inspect(page, "an older release", faults)
        page.goto("/account/tokens/")
        page.get_by_role("link", name="Revoke ", exact=False).last.click()
        _inspect(page, "revoke", faults)
        _create_token(page, "phone look")
        _inspect(page, "the new token", faults)
    assert faults == []


def test_the_keyboard_reaches_the_content_and_the_main_act(visitor: Page) -> None:
    visitor.goto("/project/sampleproject/")
    visitor.keyboard.press("Tab")
    expect(visitor.get_by_role("link", name="Skip to the content")).to_be_focused()
    visitor.keyboard.press("Enter")
    visitor.keyboard.press("Tab")
    expect(visitor.get_by_role("button", name="Copy install command")).to_be_focused()
    outline = visitor.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"


def test_one_signs_in_by_keyboard_alone(visitor: Page, demo: dict[str, Any]) -> None:
    visitor.goto("/account/login/")
    visitor.get_by_label("Username").focus()
    visitor.keyboard.type("carol")
    visitor.keyboard.press("Tab")
    visitor.keyboard.type(demo["users"]["carol"]["password"])
    visitor.keyboard.press("Enter")
    menu = visitor.locator("details.menu summary")
    menu.focus()
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_role("link", name="API tokens").first).to_be_visible()
    visitor.keyboard.press("Escape")
    expect(menu).to_be_focused()
    assert visitor.locator("details.menu").get_attribute("open") is None


def test_the_copy_button_says_what_it_did(visitor: Page) -> None:
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.goto("/project/sampleproject/")
    visitor.get_by_role("button", name="Copy install command").click()
    expect(visitor.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    assert "sampleproject" in visitor.evaluate("navigator.clipboard.readText()")


def test_all_works_without_javascript(site: Site, browser: Browser, demo: dict[str, Any], alice: Person) -> None:
    with chromium.page(browser, base_url=site.url, java_script_enabled=False, storage_state=alice.state) as page:
        page.goto("/")
        page.get_by_label("Search projects").fill("sample")
        page.get_by_role("main").get_by_role("button", name="Search").click()
        page.get_by_role("link", name="sampleproject", exact=True).click()
        expect(page.locator("#install")).to_contain_text("sampleproject")
        expect(page.get_by_role("button", name="Copy", exact=False)).to_have_count(0)
        page.locator("details.menu summary").click()
        page.get_by_role("link", name="API tokens").first.click()
        _create_token(page, "no script")
        page.locator("summary", has_text="uv").click()
        expect(page.get_by_text("UV_PUBLISH_TOKEN").first).to_be_visible()


# -- looking ----------------------------------------------------------------------------------------------


def _faults(site: Site, browser: Browser, paths: list[str], look: str, person: Person | None = None) -> list[str]:
    with _opened(site, browser, look, person) as (page, faults):
        for path in paths:
            answer = page.goto(path)
            assert answer is not None
            if answer.status != (404 if path == "/no-such-page/" else 200):
                faults.append(f"{path}: status {answer.status}")
            _inspect(page, path, faults, look)
    return faults


@contextmanager
def _opened(
    site: Site, browser: Browser, look: str, person: Person | None = None
) -> Iterator[tuple[Page, list[str]]]:
    faults: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # The status of the page itself is checked; Chromium repeats it here.
        if message.type in {"error", "warning"} and "/no-such-page/" not in page.url:
            faults.append(f"{page.url}: {message.text}")

    state = {"storage_state": person.state} if person else {}
    with chromium.page(browser, base_url=site.url, **LOOKS[look], **state) as page:
        page.on("console", heard)
        yield page, faults


def _inspect(page: Page, name: str, faults: list[str], look: str = "phone") -> None:
    page.wait_for_load_state()
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if too_wide > 0:
        faults.append(f"{name}: {too_wide} px too wide")
    if page.get_by_role("heading", level=1).count() < 1:
        faults.append(f"{name}: no heading")
    if not CHECKS[look]:
        return
    found = Axe().run(page, options={"runOnly": CHECKS[look]}).response["violations"]
    faults += [f"{name}: {each['id']} at {each['nodes'][0]['target']}" for each in found]


def _create_token(page: Page, description: str) -> None:
    page.goto("/account/tokens/create/")
    page.get_by_label("Description").fill(f"{description} {time.monotonic_ns()}")
    page.get_by_label("Only sampleproject").check()
    page.get_by_label("30 days").check()
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("#token")).to_be_visible()


def _routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        elif pattern.name:
            yield route, pattern.name
