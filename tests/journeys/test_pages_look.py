"""Every page in a real browser on the demo data: no complaint of the console, none of axe, nothing cut off on a
phone, the main act reachable by keyboard, and all of it without JavaScript."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import batched
from typing import Any

import pytest
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve
from playwright.sync_api import Browser, ConsoleMessage, Page, StorageState, expect

from recovery.case_acts import ACTS
from tests.support import axe, chromium, crowd
from tests.support.site import Site

PUBLIC = [
    "/",
    "/search/?q=sample",
    "/search/?q=nothing-is-called-this",
    "/search/",
    "/project/sampleproject/",
    "/project/critlib/",
    "/project/greetings/1.0/",
    "/project/old-greetings/",
    "/project/greetings-free/",
    "/user/alice/",
    "/help/",
    "/help/problems/",
    "/security/",
    "/recovery/policy/",
    "/api/v1/docs/",
    "/account/login/",
    "/account/signup/",
    "/account/password/reset/",
    "/account/password/reset/new/",
    "/recovery/",
    "/no-such-page/",
]
# Answered with 404, and a page: one is in quarantine.
ABSENT = {"/no-such-page/", "/project/greetings-free/"}
ACCOUNT = [
    "/account/",
    "/account/security/",
    "/account/security/codes/",
    "/account/security/totp/",
    "/account/security/add/",
    "/account/security/keys/",
    "/account/security/keys/add/",
    "/account/security/mailbox/",
    "/account/second-factor/",
    "/account/email/",
    "/account/password/",
    "/account/sessions/",
    "/account/signing-keys/",
    "/account/history/",
    "/account/letters/",
    "/account/freeze/",
    "/account/tokens/",
    "/account/tokens/create/",
    "/account/tokens/revoke-all/",
    "/manage/projects/",
    "/manage/project/sampleproject/",
    "/manage/project/critlib/",
    "/manage/project/sampleproject/releases/",
    "/manage/project/sampleproject/people/",
    "/manage/project/sampleproject/people/invite/",
    "/manage/project/sampleproject/people/member/bob/",
    "/manage/project/sampleproject/people/leave/",
    "/account/invitations/",
    "/account/close/",
    "/account/recovery/",
    "/account/vouch/",
    "/project/critlib/report/",
    "/manage/project/sampleproject/tokens/",
    "/manage/project/sampleproject/settings/",
    "/manage/project/sampleproject/settings/publishing/",
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
GREETINGS = "/manage/project/greetings"
GREETERS = "/manage/organization/greeters"
TOGETHER = [
    "/manage/projects/",
    f"{GREETINGS}/",
    f"{GREETINGS}/releases/",
    f"{GREETINGS}/releases/1.0/",
    f"{GREETINGS}/drafts/",
    f"{GREETINGS}/releases/1.1/",
    f"{GREETINGS}/releases/1.0/yank/",
    f"{GREETINGS}/releases/1.0/unyank/",
    f"{GREETINGS}/releases/1.1/delete/",
    f"{GREETINGS}/files/greetings-1.1-py3-none-any.whl/yank/",
    f"{GREETINGS}/files/greetings-1.1-py3-none-any.whl/unyank/",
    f"{GREETINGS}/files/greetings-1.1-py3-none-any.whl/delete/",
    f"{GREETINGS}/settings/",
    f"{GREETINGS}/settings/status/",
    f"{GREETINGS}/settings/webhooks/",
    f"{GREETINGS}/settings/delete/",
    f"{GREETINGS}/transfer/",
    f"{GREETINGS}/people/",
    f"{GREETINGS}/people/teams/",
    f"{GREETINGS}/people/member/hugo/",
    f"{GREETINGS}/people/leave/",
    f"{GREETINGS}/history/",
    "/manage/project/greetings-cli/",
    "/manage/project/greetings-cli/transfer/",
    "/manage/project/greetings-gui/people/",
    "/manage/project/greetings-free/",
    "/manage/project/greetings-free/settings/",
    "/manage/project/old-greetings/settings/",
    "/manage/organizations/",
    "/manage/organizations/create/",
    f"{GREETERS}/",
    f"{GREETERS}/invite/",
    f"{GREETERS}/members/hugo/",
    f"{GREETERS}/members/gina/",
    f"{GREETERS}/teams/create/",
    f"{GREETERS}/teams/releasers/",
    f"{GREETERS}/history/",
    f"{GREETERS}/leave/",
    f"{GREETERS}/delete/",
]
ASKED = [
    "/account/invitations/",
    f"{GREETINGS}/people/",
    f"{GREETINGS}/releases/1.1/",
    f"{GREETERS}/",
    f"{GREETERS}/leave/",
]
MODERATION = [
    "/admin/moderation/",
    "/admin/moderation/names/",
    "/admin/moderation/reports/",
    "/admin/moderation/policy-changes/",
    "/admin/moderation/leaks/",
    "/admin/moderation/limits/?kind=account&name=mona",
    "/admin/moderation/project/greetings/",
    "/admin/moderation/project/greetings-free/",
    "/admin/moderation/account/dave/",
    "/admin/look-up/",
    "/admin/look-up/account/hugo/",
    "/admin/look-up/account/dave/",
    "/admin/look-up/project/greetings/",
]
DESK = [
    "/admin/recovery/queue/",
    "/admin/recovery/queue/?tab=disputed&late=1",
    "/admin/recovery/queue/?tab=cooling",
    "/admin/recovery/figures/",
]
# Pages of acts on a case, which share one template: with a reason alone, with a field, with nothing at stake.
CASE_ACTS = ("reject", "bounce", "release")
CURATORS = ["/admin/critical/", "/admin/critical/queue/", "/admin/critical/propose/"]
AUDITORS = ["/admin/", "/admin/audit/", "/admin/audit/?actor=alice", "/admin/audit/seals/"]

# Who looks at what; nobody is signed in as "".
LOOKED_AT: dict[str, list[str]] = {
    "": PUBLIC,
    "alice": ACCOUNT,
    "dave": SUSPENDED,
    "gina": TOGETHER,
    "hugo": ASKED,
    "mona": MODERATION,
    "theo": DESK,
    "lena": CURATORS,
    "audra": AUDITORS,
}
# Pages whose addresses have a number: the first link to one, on a page of somebody's.
LED_TO: dict[str, tuple[str, str]] = {
    "token_revoke": ("alice", "/account/tokens/"),
    "undo_deletion": ("gina", f"{GREETINGS}/releases/"),
    "draft": ("gina", f"{GREETINGS}/drafts/"),
    "people_team": ("gina", f"{GREETINGS}/people/"),
    "project_invitation": ("hugo", "/account/invitations/"),
    "moderate_report": ("mona", "/admin/moderation/reports/"),
    "desk_case": ("theo", "/admin/recovery/queue/?tab=open"),
    "audit_event": ("audra", "/admin/audit/"),
    "critical_proposal": ("lena", "/admin/critical/queue/"),
    "transfer_answer": ("hugo", "/account/invitations/"),
}

# Pages that need more than an address; other tests here or `test_newcomer` come by them.
ON_THE_WAY = {
    "signing_key": "needs a key to prove; test_on_the_way sees it",
    "signing_key_remove": "needs a proved key; test_on_the_way sees it",
    "account_verify_email": "shown after sign-up only; test_on_the_way sees it",
    "account_reset_link": "a mailed link; test_on_the_way sees what it opens",
    "security_key": "needs a key; test_keys sees one",
    "pending_form": "needs a form that was sent too late; test_keys sees one",
    "recovery_owner_link": "a link in letters; test_recovery_owner sees it",
    "account_not_me": "a link in letters and in the history; test_new_browser sees it",
    "account_confirm_sign_in": "shown while a sign-in waits; test_new_browser sees it",
    "account_confirm_sign_in_link": "a mailed link; test_new_browser sees it",
    "manage_webhook": "needs a webhook; tests/releases/test_webhooks.py opens it",
    "moderate_policy_change": "needs a change that staff may agree to; releases/test_policy_changes sees it",
    "draft_file": "no page: bytes of a file",
    "draft_zip": "no page: bytes of files",
    "draft_hand_in": "needs a draft; test_drafts sees it",
    "draft_return": "needs a draft; test_drafts sees it",
    "draft_publish": "needs a draft; test_drafts sees it",
    "draft_cancel": "needs a draft; test_drafts sees it",
    "draft_renew": "needs a draft; test_drafts sees it",
    "draft_approve": "needs a draft in review; test_approvals sees it",
    "draft_release": "needs a draft in review; test_approvals sees it",
    "draft_schedule": "needs a draft in review; test_approvals sees it",
    "draft_unschedule": "needs a draft in review; test_approvals sees it",
    "draft_withdraw": "needs a draft in review; test_approvals sees it",
    "draft_evidence": "a file; test_approvals fetches one",
    "recovery_open": "a mailed link; test_recovery sees it",
    "recovery_status": "needs a request; test_recovery sees it",
    "recovery_withdraw": "needs a request; test_recovery sees it",
    "recovery_evidence": "needs a request; test_recovery sees it",
    "recovery_browser": "needs a request; test_recovery sees it",
    "recovery_mailbox": "a mailed link; test_recovery sees it",
    "recovery_enrol": "a mailed link; test_recovery sees it",
}
# Addresses that take a button of another page and show nothing of their own.
BUTTONS = {
    "account_logout",
    "passkey_options",
    "passkey_sign_in",
    "second_factor_options",
    "security_key_options",
    "recovery_key_options",
    "people_invitation",
    "draft_approve_options",
    "draft_release_options",
    "manage_transfer_cancel",
    "manage_policy_stop",
    "manage_policy_agree",
    "transfer_accept",
    "transfer_decline",
    "organization_invitation",
    "organization_invitation_answer",
    "organization_team_change",
    "desk_next",
    "desk_view_drop",
    "desk_heartbeat",
}
# Answered by programs, not looked at by people.
MACHINES = (
    "api/v1/",
    "draft/legacy",
    "stage/",
    "^stage/",
    "upload/2.0/",
    "files/",
    "legacy",
    "metrics",
    "healthz",
    "readyz",
    "pypi/",
    "recovery/policy.json",
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
# What axe checks depends on the markup, but for colours, and these not on the width.
CHECKS: dict[str, tuple[str, ...]] = {
    "desktop": axe.ALL,
    "phone": tuple(tag for tag in axe.ALL if tag.startswith("wcag")),
    "desktop-dark": ("color-contrast",),
    "smallest": (),
}


@pytest.fixture(scope="module")
def people(site: Site, browser: Browser, demo: dict[str, Any]) -> Callable[[str], StorageState]:
    """The session of each; they sign in when first asked for, and once: an authenticator's code counts once."""
    return cache(lambda name: crowd.session_of(site, browser, name, demo["users"][name]))


@pytest.fixture
def alice(people: Callable[[str], StorageState]) -> StorageState:
    return people("alice")


@pytest.fixture
def visitor(site: Site, browser: Browser, demo: dict[str, Any]) -> Iterator[Page]:
    with chromium.page(browser, base_url=site.url) as page:
        yield page


def test_every_page_is_looked_at_here() -> None:
    paths = {path.partition("?")[0] for paths in LOOKED_AT.values() for path in paths} - {"/no-such-page/"}
    looked_at = {resolve(path).url_name for path in paths} | set(LED_TO)
    pages = {name for route, name in _routes(get_resolver().url_patterns) if not _is_elsewhere(route)}
    acts_on_cases = {f"desk_{act.code}" for act in ACTS}
    assert pages - looked_at - set(ON_THE_WAY) - BUTTONS - acts_on_cases == set()


def _is_elsewhere(route: str) -> bool:
    rooms = ("admin/moderation/", "admin/look-up/", "admin/critical/", "admin/audit/", "admin/recovery/")
    is_elsewhere = route.startswith("admin/") and not route.startswith(rooms)
    return is_elsewhere or route.startswith(MACHINES)


def test_what_is_wrong_is_found(visitor: Page) -> None:
    visitor.set_content("<title>x</title><img src='x.png'><p style='color: #999; background: #fff'>Pale.</p>")
    found = {each.partition(" at ")[0] for each in axe.violations(visitor)}
    assert found >= {"image-alt", "html-has-lang", "color-contrast", "page-has-heading-one"}
    assert axe.violations(visitor, CHECKS["desktop-dark"]) == ["color-contrast at p"]


# A handful at a time, so that parallel processes share the long lists.
HANDFULS = [(name, list(some)) for name, paths in LOOKED_AT.items() for some in batched(paths, 8, strict=False)]


@pytest.mark.parametrize(("name", "paths"), HANDFULS, ids=[f"{name}-{some[0]}" for name, some in HANDFULS])
def test_pages_look_right(
    site: Site, browser: Browser, people: Callable[[str], StorageState], name: str, paths: list[str]
) -> None:
    with _opened(site, browser, "desktop", people(name) if name else None) as (page, faults):
        for path in paths:
            answer = page.goto(path)
            assert answer is not None
            if answer.status != (404 if path in ABSENT else 200):
                faults.append(f"{path}: status {answer.status}")
            _inspect_all(page, path, faults)
    assert faults == []


@pytest.mark.parametrize("name", sorted({whose for whose, _ in LED_TO.values()}))
def test_pages_with_numbers_look_right(
    site: Site, browser: Browser, people: Callable[[str], StorageState], name: str
) -> None:
    with _opened(site, browser, "desktop", people(name)) as (page, faults):
        for url_name in (url_name for url_name, (whose, _) in LED_TO.items() if whose == name):
            page.goto(LED_TO[url_name][1])
            page.goto(_first_link_to(page, url_name))
            _inspect_all(page, url_name, faults)
    assert faults == []


def test_acts_on_a_case_look_right(site: Site, browser: Browser, people: Callable[[str], StorageState]) -> None:
    with _opened(site, browser, "desktop", people("theo")) as (page, faults):
        page.goto("/admin/recovery/queue/?tab=disputed")
        case = _first_link_to(page, "desk_case")
        for act in CASE_ACTS:
            page.goto(f"{case}{act}/")
            _inspect_all(page, act, faults)
    assert faults == []


def _first_link_to(page: Page, url_name: str) -> str:
    links = page.locator("main a[href^='/']").evaluate_all("all => all.map(each => each.getAttribute('href'))")
    return next(link for link in links if _name_of(link.partition("?")[0]) == url_name)


def _name_of(path: str) -> str | None:
    try:
        return resolve(path).url_name
    except Resolver404:
        return None


def test_a_new_token_looks_right(site: Site, browser: Browser, alice: StorageState) -> None:
    with _opened(site, browser, "phone", alice) as (page, faults):
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


def test_all_works_without_javascript(
    site: Site, browser: Browser, demo: dict[str, Any], alice: StorageState
) -> None:
    with chromium.page(browser, base_url=site.url, java_script_enabled=False, storage_state=alice) as page:
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


@contextmanager
def _opened(
    site: Site, browser: Browser, look: str, session: StorageState | None = None
) -> Iterator[tuple[Page, list[str]]]:
    faults: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # The status of the page itself is checked; Chromium repeats it here.
        if message.type in {"error", "warning"} and not page.url.endswith(tuple(ABSENT)):
            faults.append(f"{page.url}: {message.text}")

    state = {"storage_state": session} if session else {}
    with chromium.page(browser, base_url=site.url, **LOOKS[look], **state) as page:
        page.on("console", heard)
        yield page, faults


def _inspect_all(page: Page, name: str, faults: list[str]) -> None:
    """In every look, without asking the site again: only the style sheets know one from the other."""
    for look, options in LOOKS.items():
        page.set_viewport_size(options["viewport"])
        page.emulate_media(color_scheme=options["color_scheme"])
        # Colours on their way from one scheme to the other are nobody's choice.
        page.evaluate("document.getAnimations().forEach(each => each.finish())")
        _inspect(page, f"{name} ({look})", faults, look)


def _inspect(page: Page, name: str, faults: list[str], look: str = "phone") -> None:
    page.wait_for_load_state()
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if too_wide > 0:
        faults.append(f"{name}: {too_wide} px too wide")
    if page.get_by_role("heading", level=1).count() < 1:
        faults.append(f"{name}: no heading")
    if not CHECKS[look]:
        return
    faults += [f"{name}: {found}" for found in axe.violations(page, CHECKS[look])]


def _create_token(page: Page, description: str) -> None:
    page.goto("/account/tokens/create/")
    page.get_by_label("Description").fill(f"{description} {time.monotonic_ns()}")
    page.get_by_label("Upload files").check()
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
