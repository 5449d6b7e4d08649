"""A pipeline uploads, two people approve with their keys, the owner presses Release, and all can install it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import axe, chromium, clients, crowd
from tests.support.clients import Desk
from tests.support.distributions import make_sdist, make_wheel
from tests.support.site import Site
from tests.support.virtual_keys import VirtualKey

# Runs inside the site: olive owns the project, pat and quin approve, and nothing is published without them.
PREPARE = """
import json
from indexsite import clock
from indexsite.management.demo.acting import publish
from indexsite.management.demo.archives import Package
from releases.models import Project
from tests.support import approvals, cast
from tests.support.tokens import token_of
people = {name: cast.person(name) for name in ("olive", "pat", "quin")}
keys = {name: approvals.old_key(user) for name, user in people.items()}
publish(Package("trolleys", "1.0", "They roll.", "They roll."), people["olive"], at=clock.now())
project = Project.objects.get(name="trolleys")
for name in ("pat", "quin"):
    approvals.old_approver(people[name], project)
Project.objects.filter(pk=project.pk).update(
    publishing="required-auto", approvals=2, four_eyes=True, policy_version=2
)
token = token_of(people["olive"], description="ci", project=project).secret()
told = {name: {"password": cast.PASSWORD, "security_key": key.told()} for name, key in keys.items()}
print(json.dumps({"people": told, "token": token}))
"""


@dataclass(frozen=True)
class Someone:
    """A browser with somebody's key in it."""

    page: Page
    key: VirtualKey

    def sign(self, button: str) -> None:
        """Press the button and touch the key."""
        self.key.touch()
        self.page.get_by_role("button", name=button, exact=True).click()

    def look(self) -> None:
        self.key.touch(on=False)
        assert axe.violations(self.page) == []
        for width in (1280, 320):
            self.page.set_viewport_size({"width": width, "height": 800})
            assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (self.page.url, width)


@dataclass(frozen=True)
class Crew:
    people: dict[str, Someone]
    token: str


@pytest.fixture(scope="module")
def crew(site: Site, browser: Browser) -> Iterator[Crew]:
    told: dict[str, Any] = site.script(PREPARE)
    with ExitStack() as stack:
        people = {}
        for name, facts in told["people"].items():
            page = stack.enter_context(chromium.page(browser, base_url=site.url))
            key = crowd.sign_in(site, page, name, facts)
            assert key is not None
            people[name] = Someone(page, key)
        yield Crew(people, told["token"])


def staged(site: Site, crew: Crew, tmp_path: Path, version: str) -> str:
    """What twine uploads in a pipeline that nobody changed, handed in; the path of its page."""
    desk, dist = Desk(tmp_path / "pipeline"), tmp_path / "dist"
    dist.mkdir()
    for file in (make_wheel("trolleys", version), make_sdist("trolleys", version)):
        file.write(dist)
    upload = [clients.program("twine"), "upload", "--non-interactive", "--repository-url", f"{site.url}/legacy/"]
    by_token = {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": crew.token}
    desk.must(*upload, *sorted(dist.iterdir()), env=by_token)
    of_this = f"normalized_name = 'trolleys' AND version = '{version}'"
    (found,) = site.query(f"SELECT public_id FROM releases_draft WHERE {of_this}")
    return f"/manage/draft/{uuid.UUID(str(found[0]))}/"


def install(desk: Desk, site: Site, version: str) -> int:
    python = desk.environment(f"trial-{version}-{len(list(desk.directory.iterdir()))}")
    command = [clients.uv(), "pip", "install", "--no-cache", "--python", python, "--default-index"]
    return desk.run(*command, f"{site.url}/simple/", f"trolleys=={version}").status


def test_from_twine_to_pip_by_two_approvals_and_a_press_of_release(
    site: Site, crew: Crew, desk: Desk, tmp_path: Path
) -> None:
    draft = staged(site, crew, tmp_path, "2.0")
    olive, pat, quin = (crew.people[name] for name in ("olive", "pat", "quin"))
    assert install(desk, site, "2.0") != 0

    olive.page.goto(draft)
    olive.page.get_by_role("link", name="Hand in for review", exact=True).click()
    olive.page.get_by_role("button", name="Hand it in", exact=True).click()
    expect(olive.page.get_by_role("heading", name="Approvals: 0 of 2")).to_be_visible()
    expect(olive.page.get_by_role("button", name="Approve", exact=True)).to_have_count(0)

    for approver, count in ((pat, 1), (quin, 2)):
        approver.page.goto(draft)
        approver.look()
        approver.sign("Approve")
        expect(approver.page.get_by_role("heading", name=f"Approvals: {count} of 2")).to_be_visible()
        approver.look()
    assert install(desk, site, "2.0") != 0

    pat.page.get_by_role("link", name="Withdraw your approval").click()
    pat.look()
    pat.page.get_by_role("button", name="Withdraw it").click()
    expect(pat.page.get_by_role("heading", name="Approvals: 1 of 2")).to_be_visible()
    pat.page.goto(f"{draft}approve/")
    pat.look()
    pat.sign("Approve with your key")
    expect(pat.page.get_by_role("heading", name="Approvals: 2 of 2")).to_be_visible()

    olive.page.goto(draft)
    olive.page.get_by_role("link", name="Release", exact=True).click()
    olive.look()
    olive.sign("Release with your key")
    expect(olive.page.get_by_text("It is published.").first).to_be_visible()
    expect(olive.page.get_by_text("Released by olive")).to_be_visible()
    olive.look()

    assert install(desk, site, "2.0") == 0
    public = site.get("/project/trolleys/").decode()
    assert "Staged, approved by 2 people" in public
    assert not {"pat", "quin"} & set(public.split())
    with olive.page.expect_download() as download:
        olive.page.get_by_role("link", name="Evidence (JSON)").click()
    evidence = tmp_path / "approvals.json"
    download.value.save_as(evidence)
    assert len(json.loads(evidence.read_bytes())["statements"]) == 3
    assert "3 statement(s) hold" in site.manage("verify_approvals", str(evidence))


def test_a_time_is_chosen_and_taken_back_and_another_is_kept(site: Site, crew: Crew, tmp_path: Path) -> None:
    draft = staged(site, crew, tmp_path, "3.0")
    olive, pat, quin = (crew.people[name] for name in ("olive", "pat", "quin"))
    olive.page.goto(f"{draft}hand-in/")
    olive.page.get_by_role("button", name="Hand it in", exact=True).click()
    for number, approver in enumerate((pat, quin), 1):
        approver.page.goto(draft)
        approver.sign("Approve")
        expect(approver.page.get_by_role("heading", name=f"Approvals: {number} of 2")).to_be_visible()
    later = site.script(
        "import json; from datetime import timedelta; from indexsite import clock; "
        "print(json.dumps(f'{clock.now() + timedelta(days=1):%Y-%m-%dT%H:%M}'))"
    )

    olive.page.goto(draft)
    olive.page.get_by_role("link", name="Release later").click()
    olive.look()
    olive.page.get_by_label("Publish at (UTC)").fill(later)
    olive.sign("Release then, with your key")
    expect(olive.page.get_by_text("It is to be published on")).to_be_visible()
    olive.look()
    quin.page.goto(draft)
    quin.page.get_by_role("link", name="Do not publish then").click()
    quin.look()
    quin.page.get_by_role("button", name="Take the time back").click()
    expect(quin.page.get_by_text("It is to be published on")).to_have_count(0)
