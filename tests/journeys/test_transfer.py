"""A project goes to an organisation: cancelled by another owner at first, carried out after 72 hours at last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.crowd import Wanted, gathered
from tests.support.site import Site

MANAGE = "/manage/project/waves"
WANTED = Wanted(people=("uma", "vic", "wes"), projects={"waves": ("uma", "vic")}, organizations={"shore": "wes"})
ALL = ("uma@example.org", "vic@example.org", "wes@example.org")


@pytest.fixture
def later_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of its own: days pass here, and other journeys live on."""
    running = Site(tmp_path_factory.mktemp("later"))
    running.start()
    # Marked as a demo, whose clock may be moved, without the demo's people.
    running.script(
        "from indexsite.models import SiteFact; "
        "SiteFact.objects.create(name='demo', value={'salt': 'none', 'complete': True}); print('null')"
    )
    yield running
    running.stop()


@pytest.fixture
def phones(later_site: Site, browser: Browser) -> Iterator[dict[str, Page]]:
    with gathered(later_site, browser, WANTED) as phones:
        yield phones


def test_a_transfer_is_cancelled_by_another_owner_and_done_at_the_second_try(
    later_site: Site, phones: dict[str, Page]
) -> None:
    site, uma, vic, wes = later_site, phones["uma"], phones["vic"], phones["wes"]
    _offer(uma)
    site.letter_to("vic@example.org", containing="uma offered it to")
    _accept(wes, _link(site, "wes@example.org", number=1))
    site.letter_to("vic@example.org", containing="wes accepted for")

    vic.goto(f"{MANAGE}/")
    expect(vic.locator("main")).to_contain_text("This project goes to shore in")
    vic.get_by_role("button", name="Cancel the transfer").click()
    expect(vic.get_by_text("The transfer to shore is cancelled; everybody is told.")).to_be_visible()
    for address in ALL:
        site.letter_to(address, containing="vic cancelled the transfer")
    wes.reload()
    expect(wes.locator("main")).to_contain_text("This transfer is over")

    _offer(uma)
    _accept(wes, _link(site, "wes@example.org", number=2))
    site.manage("demo", "--advance", "71h")
    _expect_owners(site, ["uma", "vic"])
    site.manage("demo", "--advance", "2h")
    for address in ALL:
        site.letter_to(address, containing="It belongs to")
    _expect_owners(site, [])
    uma.goto(f"{MANAGE}/")
    expect(uma.get_by_role("heading", level=1)).not_to_contain_text("waves")


def _offer(owner: Page) -> None:
    owner.goto(f"{MANAGE}/settings/")
    owner.get_by_role("link", name="Transfer…").click()
    owner.get_by_label("To whom").fill("shore")
    owner.get_by_label("Type waves to confirm").fill("wave")
    owner.get_by_role("button", name="Offer it").click()
    # What was right is still there.
    expect(owner.get_by_label("To whom")).to_have_value("shore")
    owner.get_by_label("Type waves to confirm").fill("waves")
    owner.get_by_role("button", name="Offer it").click()
    expect(owner.get_by_text("waves is offered to shore; all owners are told.")).to_be_visible()


def _link(site: Site, address: str, *, number: int) -> str:
    """Of the letter that asks about this transfer: they are numbered from 1 on a site of one's own."""
    letter = site.letter_to(address, containing=f"/manage/transfer/{number}/").get_body(("plain",))
    assert letter is not None
    (link,) = (line for line in letter.get_content().splitlines() if "/manage/transfer/" in line)
    return link.strip()


def _accept(receiver: Page, link: str) -> None:
    receiver.goto(link)
    expect(receiver.locator("main")).to_contain_text("uma, vic do no longer")
    receiver.get_by_role("button", name="Accept").click()
    expect(receiver.get_by_text("Accepted. waves goes to shore in 72 hours.")).to_be_visible()


def _expect_owners(site: Site, names: list[str]) -> None:
    found: Any = site.script(
        "import json; from releases.models import Role; "
        "print(json.dumps(sorted(Role.objects.filter(kind='owner').values_list('user__username', flat=True))))"
    )
    assert found == names
