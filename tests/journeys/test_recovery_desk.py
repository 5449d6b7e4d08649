"""The desk at work, each of its people in a browser of their own: decided by two, by three, and a dispute settled.

One site and one set of browsers for all of it: signing in is what takes time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import chromium, crowd
from tests.support.claimants import ask_and_open, heading, letter_with, link_in, offer_password, set_up
from tests.support.crowd import PHONE, Wanted
from tests.support.people import NEW_PASSWORD
from tests.support.site import Site

DESK = {"tina": ("support-1",), "theo": ("support-2",), "tess": ("support-2",), "sven": ("security",)}
OWNERS = ("mira", "nora", "dan", "otis")
# Accounts and roles of long ago, a name on the critical list, and a demo's clock, which may be moved.
_LONG_AGO = """
from datetime import timedelta
from accounts.models import User
from indexsite import clock
from indexsite.models import SiteFact
from releases.models import Role
from tests.support import cast, critical
then = clock.now() - timedelta(days=400)
user = User.objects.in_bulk(field_name="username")
for name, owners in {"mill": "mira otis", "keystone": "nora otis", "dam": "dan"}.items():
    first, *others = owners.split()
    project = cast.ProjectFactory(name=name, owner=user[first])
    for other in others:
        cast.grant(user[other], project)
critical.listed("keystone")
Role.objects.update(granted_at=then)
User.objects.update(date_joined=then)
SiteFact.objects.create(name="demo", value={"salt": "none", "complete": True})
print("null")
"""
_OFFER = """
from recovery.assurance import Signal
from tests.support import recovery
for signal in {signals!r}:
    recovery.offer({pk!r}, Signal(signal))
print("null")
"""


@pytest.fixture
def later_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of its own: days pass here, and other journeys live on."""
    running = Site(tmp_path_factory.mktemp("desk"))
    running.env["TRUSTED_PROXIES"] = "127.0.0.1/32,::1/128"
    running.start()
    yield running
    running.stop()


@pytest.fixture
def told(later_site: Site) -> dict[str, Any]:
    told = crowd.prepare(later_site, Wanted(people=OWNERS, projects={}, staff=DESK))
    later_site.script(_LONG_AGO)
    return told


class Floor:
    """Phones of claimants, and a signed-in browser for everybody else, each opened when it is needed."""

    def __init__(self, site: Site, browser: Browser, told: dict[str, Any], stack: ExitStack) -> None:
        self.site, self.told, self._browser, self._stack = site, told, browser, stack
        self._pages: dict[str, Page] = {}

    def phone(self, name: str) -> Page:
        """Not signed in."""
        if name not in self._pages:
            # Each at home somewhere else: who asks for several accounts from one network is a suspect.
            home = {"X-Forwarded-For": f"198.51.{100 + len(self._pages)}.7"}
            opened = chromium.page(self._browser, base_url=self.site.url, extra_http_headers=home, **PHONE)
            self._pages[name] = self._stack.enter_context(opened)
        return self._pages[name]

    def at_work(self, name: str) -> Page:
        """Signed in, the desk's people by their keys."""
        if name not in self._pages:
            opened = crowd.signed_in(self.site, self._browser, name, self.told[name])
            self._pages[name] = self._stack.enter_context(opened)
        return self._pages[name]


@pytest.fixture
def floor(later_site: Site, browser: Browser, told: dict[str, Any]) -> Iterator[Floor]:
    with ExitStack() as stack:
        yield Floor(later_site, browser, told, stack)


def test_a_day_at_the_desk(floor: Floor) -> None:
    status = mira_asks_and_otis_speaks_for_her(floor)
    tina_alone_is_not_enough(floor)
    theo_says_the_second_yes(floor)
    three_decide_about_what_is_critical(floor)
    dan_disputes_and_sven_settles_it(floor)
    the_site_hands_over_and_mira_signs_in(floor, status)


def mira_asks_and_otis_speaks_for_her(floor: Floor) -> str:
    mira, otis = floor.phone("mira"), floor.at_work("otis")
    status = ask_and_open(floor.site, mira, "mira")
    offer_password(mira, status, floor.told["mira"]["password"])
    otis.goto("/account/vouch/?for=mira")
    expect(otis.locator("main")).to_contain_text("Somebody asks to recover the account of mira")
    otis.get_by_label("I have seen or spoken with them myself").check()
    otis.get_by_role("button", name="Show me a PIN").click()
    heading(otis, "A PIN for mira")
    mira.goto(f"{status}evidence/vouch/")
    mira.get_by_label("PIN").fill(otis.locator("#pin").inner_text())
    mira.get_by_role("button", name="Offer it").click()
    expect(mira.get_by_text("A PIN was received.")).to_be_visible()
    mira.get_by_role("button", name="That is all I have").click()
    heading(mira, "Your request is looked at")
    return status


def tina_alone_is_not_enough(floor: Floor) -> None:
    tina = floor.at_work("tina")
    tina.goto("/admin/recovery/queue/")
    tina.get_by_role("button", name="Take the next oldest case").click()
    heading(tina, "mira")
    # Her page of before, kept: a form that is sent once more.
    form = {
        field: tina.locator(f"#approve [name={field}]").input_value()
        for field in ("csrfmiddlewaretoken", "digest")
    }
    approve(tina, "The evidence fits, and otis knows her.")
    expect(tina.locator("main")).to_contain_text("You have said yes already; somebody else has to.")
    expect(tina.get_by_role("button", name="Approve with your security key")).to_have_count(0)
    again = tina.request.post(
        f"{tina.url.partition('#')[0]}approve/",
        form={**form, "reason": "Once more."},
        headers={"Referer": tina.url},
    )
    assert again.status == 409
    assert floor.site.query("SELECT state FROM recovery_recoverycase") == [("approved",)]
    assert floor.site.query("SELECT count(*) FROM recovery_caseapproval") == [(1,)]


def theo_says_the_second_yes(floor: Floor) -> None:
    theo = floor.at_work("theo")
    open_case(theo, "mira")
    expect(theo.locator("main")).to_contain_text("tina works on this case")
    approve(theo, "I called nobody, I read what there is.")
    expect(theo.locator("main")).to_contain_text("It was the last yes")


def three_decide_about_what_is_critical(floor: Floor) -> None:
    nora, tina, theo = floor.phone("nora"), floor.at_work("tina"), floor.at_work("theo")
    status = ask_and_open(floor.site, nora, "nora")
    pk = status.rstrip("/").rpartition("/")[2]
    floor.site.script(_OFFER.format(pk=pk, signals=["password", "device", "co-owner"]))
    nora.reload()
    nora.get_by_role("button", name="That is all I have").click()
    heading(nora, "Your request is looked at")

    open_case(tina, "nora")
    tina.get_by_role("button", name="Take the case").click()
    expect(tina.locator("main")).to_contain_text("Your role adds nothing")
    tina.get_by_role("button", name="Give it back").click()

    open_case(theo, "nora")
    theo.get_by_role("button", name="Take the case").click()
    approve(theo, "Everything fits.")
    for name in ("tess", "sven"):
        expect(theo.locator("main")).not_to_contain_text("It was the last yes")
        page = floor.at_work(name)
        open_case(page, "nora")
        approve(page, "I have read it, too.")
    expect(floor.at_work("sven").locator("main")).to_contain_text("It was the last yes")
    ((waits,),) = floor.site.query(f"SELECT not_before - notified_at FROM recovery_recoverycase WHERE id = '{pk}'")
    assert waits.days == 14


def dan_disputes_and_sven_settles_it(floor: Floor) -> None:
    stranger, sven = floor.phone("stranger"), floor.at_work("sven")
    status = ask_and_open(floor.site, stranger, "dan")
    letter = letter_with(floor.site, "dan@example.org", "/recovery/cancel/")
    dan = floor.phone("dan")
    dan.goto(link_in(letter, "/recovery/cancel/"))
    dan.get_by_role("button", name="This was not me").click()
    expect(dan.locator("main")).to_contain_text("people who work for this site look into it")
    sven.goto("/admin/recovery/queue/?tab=disputed")
    sven.get_by_role("link", name="dan", exact=True).click()
    sven.get_by_role("link", name="Settle the dispute").click()
    sven.get_by_label("The claim is rejected").check()
    sven.get_by_label("Reason").fill("dan says so himself, and the claimant has shown nothing.")
    sven.get_by_role("button", name="Settle it").click()
    expect(sven.locator("main")).to_contain_text("Settled.")
    stranger.goto(status)
    expect(stranger.get_by_role("heading", level=1)).to_contain_text("ended")


def the_site_hands_over_and_mira_signs_in(floor: Floor, status: str) -> None:
    site, mira = floor.site, floor.phone("mira")
    site.manage("demo", "--advance", "145h")
    letter_with(site, "mira@example.org", "No letter comes in between")
    site.manage("demo", "--advance", "25h")
    link = link_in(letter_with(site, "mira@example.org", "/recovery/enrol/"), "/recovery/enrol/")
    # Somebody else who reads her mail: the link is of no use without the secret of the request.
    thief = floor.phone("thief")
    thief.goto(link)
    expect(thief.get_by_label("New password")).to_have_count(0)
    mira.goto(link)
    secret = set_up(mira)
    mira.get_by_label("Username").fill("mira")
    mira.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
    mira.get_by_role("button", name="Sign in", exact=True).click()
    crowd.prove(mira, secret)
    mira.goto("/account/")
    heading(mira, "mira")
    mira.goto(status)
    heading(mira, "You are in again")


def open_case(page: Page, name: str) -> None:
    """By way of everything that is open: whoever it belongs to."""
    page.goto("/admin/recovery/queue/?tab=open")
    page.get_by_role("link", name=name, exact=True).click()
    heading(page, name)


def approve(page: Page, reason: str) -> None:
    page.get_by_label("Why you are sure").fill(reason)
    page.get_by_role("button", name="Approve with your security key").click()
    expect(page.locator("main")).to_contain_text("Approved.")
