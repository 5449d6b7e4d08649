"""Several people at once, each in a browser of their own, and what they need to begin with."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from django_otp.oath import TOTP
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.support import chromium
from tests.support.site import Site
from tests.support.virtual_keys import VirtualKey

PHONE = {"viewport": {"width": 390, "height": 844}}

# Runs inside the site. Accounts of a journey's own: an authenticator's code counts once, and whoever signs in
# a second time waits half a minute for the next.
_PREPARE = """
import base64, json
from datetime import timedelta
from accounts.models import MembershipKind, StaffKind
from indexsite import clock
from indexsite.management.demo.acting import publish
from indexsite.management.demo.archives import Package
from mfa.models import AuthenticatorApp
from releases.models import Project
from tests.support import cast, organizations
wanted = json.loads({wanted!r})
people = {{name: cast.person(name, totp=name not in wanted["without_factor"]) for name in wanted["people"]}}
for name in wanted["moderators"]:
    people[name] = cast.staff(name, StaffKind.MODERATOR)
for name, kinds in wanted["staff"].items():
    people[name] = cast.staff(name, *map(StaffKind, kinds))
for name, manager in wanted["organizations"].items():
    organizations.organization(name, managers=[people[manager]])
for name, owners in wanted["projects"].items():
    first, *others = (people[each] for each in owners)
    for version in ("1.0", "1.1"):
        publish(Package(name, version, "It rolls in.", "It rolls in."), first, at=clock.now())
    for owner in others:
        cast.grant(owner, Project.objects.get(name=name))
print(json.dumps({{
    name: {{
        "password": cast.PASSWORD,
        **{{
            "totp_secret": base64.b32encode(app.bin_key).decode()
            for app in AuthenticatorApp.objects.filter(user=user)
        }},
        **({{"security_key": key.told()}} if (key := cast.key_of(user)) is not None else {{}}),
    }}
    for name, user in people.items()
}}))
"""


@dataclass(frozen=True)
class Wanted:
    """`projects`: name -> owners, the first of whom published 1.0 and 1.1. `organizations`: name -> manager.

    `staff`: name -> codes of the roles at the desk.
    """

    people: tuple[str, ...]
    projects: dict[str, tuple[str, ...]]
    without_factor: tuple[str, ...] = ()
    moderators: tuple[str, ...] = ()
    organizations: dict[str, str] | None = None
    staff: dict[str, tuple[str, ...]] | None = None


@contextmanager
def gathered(site: Site, browser: Browser, wanted: Wanted) -> Iterator[dict[str, Page]]:
    """Create all of it, and give each person a phone, signed in."""
    told = prepare(site, wanted)
    with ExitStack() as stack:
        yield {name: stack.enter_context(signed_in(site, browser, name, facts)) for name, facts in told.items()}


def prepare(site: Site, wanted: Wanted) -> dict[str, Any]:
    """Person -> password and, where there are such, the authenticator's secret and the key."""
    facts = {**vars(wanted), "organizations": wanted.organizations or {}, "staff": wanted.staff or {}}
    told: dict[str, Any] = site.script(_PREPARE.format(wanted=json.dumps(facts)))
    return told


@contextmanager
def signed_in(site: Site, browser: Browser, name: str, told: dict[str, Any]) -> Iterator[Page]:
    with chromium.page(browser, base_url=site.url, **PHONE) as page:
        sign_in(site, page, name, told)
        yield page


def session_of(site: Site, browser: Browser, name: str, told: dict[str, Any]) -> StorageState:
    """The cookies of somebody signed in, for any number of contexts."""
    with chromium.page(browser, base_url=site.url) as page:
        sign_in(site, page, name, told)
        return page.context.storage_state()


def sign_in(site: Site, page: Page, name: str, told: dict[str, Any]) -> VirtualKey | None:
    """Sign in; returns the key that was touched for it, which stays plugged in."""
    key = None
    page.goto("/account/login/")
    before = len(site.letters_to(f"{name}@example.org"))
    page.fill("[name=username]", name)
    page.fill("[name=password]", told["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    if told.get("security_key"):
        key = touch(page, told["security_key"])
    elif told.get("totp_secret"):
        prove(page, told["totp_secret"])
    site.confirm_sign_in(page, f"{name}@example.org", after=before)
    page.goto("/account/")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    return key


def touch(page: Page, told: dict[str, Any]) -> VirtualKey:
    """Plug in the key and touch it, where the page waits for a second factor."""
    key = VirtualKey(page)
    key.load(told)
    key.touch()
    page.get_by_role("button", name="Use your key").click()
    page.wait_for_url(lambda url: "/second-factor/" not in url)
    key.touch(on=False)
    return key


def prove(page: Page, secret: str) -> None:
    """Type the app's code; where another journey has just used it, the next one."""
    for steps in (0, 1):
        page.fill("[name=code]", code_of(secret, steps=steps))
        page.get_by_role("button", name="Continue").click()
        if "/second-factor/" not in page.url:
            return
    raise AssertionError(page.locator("main").inner_text())


def code_of(secret: str, *, steps: int = 0) -> str:
    """What the app shows now, or `steps` half minutes later: taken a moment early, for clocks that are fast."""
    app = TOTP(base64.b32decode(secret + "=" * (-len(secret) % 8)))
    app.time = time.time() + steps * app.step
    return f"{app.token():06d}"
