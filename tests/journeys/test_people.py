"""Three people at once: one owner invites, the second joins, publishes, and is removed by the third."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.test_newcomer import enrol_authenticator, keep_recovery_codes
from tests.support import clients, distributions
from tests.support.clients import Desk
from tests.support.crowd import Wanted, gathered
from tests.support.site import Site

PEOPLE = "/manage/project/breakers/people/"
WANTED = Wanted(people=("ann", "ben", "clara"), without_factor=("clara",), projects={"breakers": ("ann", "ben")})


@pytest.fixture
def phones(site: Site, browser: Browser) -> Iterator[dict[str, Page]]:
    with gathered(site, browser, WANTED) as phones:
        yield phones


def test_somebody_without_a_factor_joins_publishes_and_is_removed_by_another_owner(
    site: Site, phones: dict[str, Page], desk: Desk
) -> None:
    ann, ben, clara = phones["ann"], phones["ben"], phones["clara"]
    _invite(ann, "clara@example.org", "Maintainer")
    site.letter_to("ben@example.org", containing="clara@example.org")
    ben.goto(PEOPLE)
    expect(ben.locator("main")).to_contain_text("As maintainer, by ann")

    _accept_with_a_new_factor(clara, _link(site, "clara@example.org", "asks you to become maintainer"))
    site.letter_to("ann@example.org", containing="clara is now maintainer")
    ben.reload()
    expect(ben.locator("main")).to_contain_text("Maintainer since")
    expect(ben.locator("main")).to_contain_text("invited by ann")

    token = _make_token(clara)
    assert _upload(site, desk, token, "2.0").status == 0
    site.letter_to("ben@example.org", containing="a new release of breakers is public: 2.0")

    _fill_token_form(clara, "a second laptop")
    _remove(ben, "clara")
    clara.get_by_role("button", name="Create token").click()
    expect(clara.locator("main")).to_contain_text("no right to upload to that project any more")
    expect(clara.get_by_label("Description")).to_have_value("a second laptop")
    site.letter_to("clara@example.org", containing="ben took it away")
    site.letter_to("ann@example.org", containing="clara is no longer maintainer")
    refused = _upload(site, desk, token, "2.1")
    assert refused.status != 0
    assert "403" in refused.output
    assert sorted(version_of(name) for name in site.files_of("breakers")) == ["1.0", "1.0", "1.1", "1.1", "2.0"]


def version_of(filename: str) -> str:
    found = re.search(r"-(\d+\.\d+)", filename)
    assert found is not None
    return found[1]


def _invite(owner: Page, whom: str, kind: str) -> None:
    owner.goto(PEOPLE)
    owner.get_by_role("link", name="Invite somebody").click()
    owner.get_by_label("Who?").fill(whom)
    owner.get_by_label(kind).check()
    owner.get_by_role("button", name="Send the invitation").click()
    expect(owner.get_by_text(f"{whom} is invited and has 7 days to answer.")).to_be_visible()


def _link(site: Site, address: str, containing: str) -> str:
    letter = site.letter_to(address, containing=containing).get_body(("plain",))
    assert letter is not None
    (link,) = (line for line in letter.get_content().splitlines() if "/account/invitations/" in line)
    return link.strip()


def _accept_with_a_new_factor(invited: Page, link: str) -> None:
    """Whoever has a role has a factor: accepting leads through setting one up, and back."""
    invited.goto(link)
    expect(invited.locator("main")).to_contain_text("Accepting takes a second factor")
    invited.get_by_role("button", name="Accept").click()
    if "/security/codes/" not in invited.url:
        invited.get_by_role("link", name=re.compile("recovery codes", re.IGNORECASE)).first.click()
    keep_recovery_codes(invited, from_the_start=False)
    enrol_authenticator(invited)
    invited.get_by_role("link", name="Go on where you were").click()
    expect(invited.get_by_role("heading", level=1)).to_have_text("Become maintainer of breakers?")
    invited.get_by_role("button", name="Accept").click()
    expect(invited.get_by_text("You are maintainer of breakers now.")).to_be_visible()


def _make_token(person: Page) -> str:
    _fill_token_form(person, "laptop")
    person.get_by_role("button", name="Create token").click()
    return person.locator("#token").inner_text()


def _fill_token_form(person: Page, description: str) -> None:
    person.goto("/account/tokens/create/")
    person.get_by_label("Description").fill(description)
    person.get_by_label("Upload files").check()
    person.get_by_label("Only breakers").check()
    person.get_by_label("7 days").check()


def _upload(site: Site, desk: Desk, token: str, version: str) -> clients.Result:
    path: Path = distributions.make_wheel("breakers", version).write(desk.directory)
    return desk.run(
        clients.program("twine"), "upload", "--non-interactive", "--repository-url", site.upload_url,
        "-u", "__token__", "-p", token, path,
    )  # fmt: skip


def _remove(owner: Page, name: str) -> None:
    owner.goto(PEOPLE)
    owner.get_by_role("link", name=f"Change {name}").click()
    expect(owner.locator("main")).to_contain_text("The token laptop for breakers alone is revoked")
    owner.get_by_role("button", name=f"Remove {name}").click()
    expect(owner.get_by_text(f"{name} has no role of their own on breakers any more.")).to_be_visible()
