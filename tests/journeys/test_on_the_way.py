"""Pages that need more than an address: what people see on the way in, while proving, and after a report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.test_keys import PASSWORD, Person, without_faults
from tests.support import chromium, crowd
from tests.support.site import Site
from tests.support.ssh_keys import Ssh


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    with chromium.page(browser, base_url=site.url) as opened:
        opened.set_default_timeout(15_000)
        yield opened


def link_in(site: Site, address: str, containing: str) -> str:
    letter = site.letter_to(address, containing=containing).get_body(("plain",))
    assert letter is not None
    found = re.search(rf"^({re.escape(site.url)}\S*{containing}\S*)$", letter.get_content(), re.MULTILINE)
    assert found is not None
    return found[1]


# A signature takes the key's private half, which no page has; tests of signing keys make real ones.
_PROVED = """
from accounts.models import SigningKey
from indexsite import clock
print(SigningKey.objects.filter(user__username="{name}").update(proved_at=clock.now()))
"""


def test_pages_between_the_sign_up_and_a_report(site: Site, page: Page, tmp_path: Path) -> None:
    hana = Person(site, page, look=without_faults)
    address = f"{hana.name}@example.org"

    page.goto("/account/signing-keys/")
    page.get_by_label("Name").fill("Laptop")
    page.locator("[name=public_key]").fill(Ssh(tmp_path, "-t", "ed25519").public)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Prove Laptop")
    without_faults(page)
    site.script(_PROVED.format(name=hana.name))
    page.goto("/account/signing-keys/")
    page.locator("main a[href$='/remove/']").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Laptop")
    without_faults(page)

    page.goto("/account/email/")
    page.locator("[name=email]:not([type=hidden])").fill(f"second-{address}")
    page.locator("form:has([name=email]:not([type=hidden])) button[type=submit]").click()
    page.goto(link_in(site, address, "/account/not-me/"))
    without_faults(page)
    page.get_by_role("main").get_by_role("button").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Reported")
    without_faults(page)

    page.goto("/account/login/")
    page.fill("[name=username]", hana.name)
    page.fill("[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.goto("/account/freeze/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    without_faults(page)


def test_a_new_password_by_mail(site: Site, page: Page) -> None:
    hana = Person(site, page)
    hana.sign_out()
    page.goto("/account/password/reset/")
    page.fill("[name=email]", f"{hana.name}@example.org")
    page.get_by_role("main").get_by_role("button").first.click()
    without_faults(page)
    page.goto(link_in(site, f"{hana.name}@example.org", "/account/password/reset/"))
    without_faults(page)
    page.fill("[name=password1]", f"{PASSWORD} again")
    page.get_by_role("main").get_by_role("button").first.click()
    page.wait_for_url("**/account/login/")
    without_faults(page)


# Somebody signed in with nothing to prove with: what is left of an account whose password was disabled meanwhile.
_WITHOUT_PROOF = """
import json
from django.conf import settings
from django.test import Client
from tests.support import cast
bare = cast.person("bare", totp=False)
bare.set_unusable_password()
bare.save()
client = Client()
client.force_login(bare)
name = settings.SESSION_COOKIE_NAME
print(json.dumps({"name": name, "value": client.cookies[name].value}))
"""


def test_whoever_has_nothing_to_prove_with_is_shown_the_way(site: Site, page: Page) -> None:
    page.context.add_cookies([{**site.script(_WITHOUT_PROOF), "url": site.url}])
    page.goto("/account/second-factor/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Set a password first")
    without_faults(page)


def test_the_mailbox_is_shown_before_the_first_factor(site: Site, page: Page, demo: dict[str, Any]) -> None:
    """dave has a role, and no factor yet."""
    crowd.sign_in(site, page, "dave", demo["users"]["dave"])
    page.goto("/account/security/mailbox/")
    without_faults(page)
    page.get_by_role("button", name="Mail me a code").click()
    expect(page.get_by_text("A code was mailed to")).to_be_visible()
    without_faults(page)
