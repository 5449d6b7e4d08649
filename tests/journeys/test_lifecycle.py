"""What becomes of a project, seen by three: one owner acts, another undoes it or watches, the staff step in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import chromium
from tests.support.crowd import PHONE, Wanted, gathered
from tests.support.site import Site

MANAGE = "/manage/project/tides"
WANTED = Wanted(people=("ida", "jan"), projects={"tides": ("ida", "jan")}, moderators=("max",))
OWNERS = ("ida@example.org", "jan@example.org")


@pytest.fixture
def phones(site: Site, browser: Browser) -> Iterator[dict[str, Page]]:
    with gathered(site, browser, WANTED) as phones:
        yield phones


@pytest.fixture
def visitor(site: Site, browser: Browser) -> Iterator[Page]:
    with chromium.page(browser, base_url=site.url, **PHONE) as page:
        yield page


def test_a_release_is_deleted_and_restored_the_project_archived_and_quarantined(
    site: Site, phones: dict[str, Page], visitor: Page
) -> None:
    ida, jan, max_ = phones["ida"], phones["jan"], phones["max"]
    before = site.files_of("tides")
    _delete_release(ida, "1.1")
    assert set(site.files_of("tides")) == {"tides-1.0-py3-none-any.whl", "tides-1.0.tar.gz"}
    _told(site, "tides 1.1 was deleted")
    _restore(jan, "1.1")
    assert site.files_of("tides") == before
    _told(site, "Restored by: jan")

    _archive(ida, "Use waves instead.")
    assert _simple(site)["project-status"] == {"status": "archived", "reason": "Use waves instead."}
    visitor.goto("/project/tides/")
    expect(visitor.locator("main")).to_contain_text("Use waves instead.")
    _told(site, "it is now archived")

    ida.goto(f"{MANAGE}/settings/")
    _moderate(max_, "Put into quarantine", "Somebody else may have uploaded it.")
    visitor.reload()
    expect(visitor.locator("main")).to_contain_text("quarantine")
    expect(visitor.locator("main")).not_to_contain_text("tides-1.0.tar.gz")
    # Whoever was about to change something reads why not.
    ida.get_by_role("link", name="Change the status").click()
    expect(ida.locator("main")).to_contain_text("quarantine")
    jan.goto(f"{MANAGE}/")
    expect(jan.locator("main")).to_contain_text("Somebody else may have uploaded it.")
    _told(site, "into quarantine")

    _moderate(max_, "End the quarantine", "It was ida.")
    assert site.files_of("tides") == before
    assert _simple(site)["project-status"] == {"status": "archived", "reason": "Use waves instead."}
    _told(site, "is no longer in quarantine")


def _told(site: Site, what: str) -> None:
    for owner in OWNERS:
        site.letter_to(owner, containing=what)


def _simple(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(site.get("/simple/tides/", Accept="application/vnd.pypi.simple.v1+json"))
    return found


def _delete_release(owner: Page, version: str) -> None:
    owner.goto(f"{MANAGE}/releases/")
    owner.get_by_role("link", name=version, exact=True).click()
    owner.get_by_role("link", name="Delete this release…").click()
    expect(owner.locator("main")).to_contain_text("Everybody else gets 1.0.")
    typed = owner.get_by_label(f"Type {version} to confirm")
    typed.fill("1.0")
    owner.get_by_role("button", name="Delete it").click()
    expect(typed).to_have_value("1.0")
    typed.fill(version)
    owner.get_by_role("button", name="Delete it").click()
    expect(owner.get_by_text(f"{version} is deleted. It can be restored until")).to_be_visible()


def _restore(owner: Page, version: str) -> None:
    owner.goto(f"{MANAGE}/releases/")
    expect(owner.locator("main")).to_contain_text("Deleted by ida.")
    owner.get_by_role("link", name="Restore").click()
    owner.get_by_role("button", name="Restore it").click()
    expect(owner.get_by_text(f"{version} is back.")).to_be_visible()


def _archive(owner: Page, reason: str) -> None:
    owner.goto(f"{MANAGE}/settings/")
    owner.get_by_role("link", name="Change the status").click()
    owner.get_by_label("Archived").check()
    owner.get_by_label("Reason").fill(reason)
    owner.get_by_role("button", name="Save the status").click()
    expect(owner.locator("main")).to_contain_text(f"Archived: {reason}")


def _moderate(staff: Page, act: str, reason: str) -> None:
    staff.goto("/admin/moderation/")
    staff.get_by_label("Name").fill("tides")
    staff.get_by_role("button", name="Look up").click()
    staff.get_by_label("Reason").fill(reason)
    staff.get_by_role("button", name=act).click()
    expect(staff.get_by_role("heading", name="Moderation")).to_be_visible()
