"""A worker or a server that dies while it publishes a draft: none of it or all, and the next turn does it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection
from django.test import Client
from django_q.models import OrmQ

from accounts.models import User
from indexsite import clock
from indexsite.models import AuditEvent
from releases import signing
from releases.models import Delivery, Draft, DraftState, File, Release, ReservedFilename, UsedFilename, Webhook
from tests.support.approvals import approve, in_review, release, reviewed_project
from tests.support.database import changed_since, contents
from tests.support.distributions import make_sdist, make_wheel
from tests.support.drafts import again
from tests.support.people import letters, letters_to, subjects
from tests.support.site import ROOT, Site

pytestmark = pytest.mark.crash

# In order: release, used names and files, serial, simple page and root page, the draft's row, webhooks, letters.
STEPS = (
    "insert_release", "insert_used", "insert_file", "set_serial", "store", "refresh_root", "move", "save",
    "record", "announce", "tell", "push",
)  # fmt: skip
# Of three files one or two are in; of two pages one is; some letters and webhook deliveries are queued.
POINTS = [
    *(f"{step}.before#1" for step in STEPS),
    "insert_used.after#2", "insert_file.after#1", "insert_file.after#3", "store.after#1", "refresh_root.after#1",
    "save.after#1", "announce.after#1", "push.after#1", "tell.after#1", "commit.before#1",
]  # fmt: skip
AFTERWARDS = "commit.after#1"
FILES = (make_wheel(), make_wheel(tag="py3-none-linux_x86_64"), make_sdist())
NAMES = {file.filename for file in FILES}
JSON_TYPE = "application/vnd.pypi.simple.v1+json"


# -- the worker, at a time that somebody has signed for ---------------------------------------------------------


@pytest.fixture
def scheduled(alice: User, bob: User, erin: User) -> Draft:
    """Approved by two, due, and a webhook waits for it; no letter of before is left on the queue."""
    project = reviewed_project(alice, bob, erin)
    webhook = Webhook(project=project, url="https://hooks.invalid/", created_at=clock.now(), created_by=alice)
    webhook.seal(signing.new_secret())
    webhook.save()
    draft = in_review(alice, *FILES)
    approve(bob, draft)
    approve(erin, draft)
    release(alice, draft, publish_at=(clock.now() + timedelta(days=1)).replace(second=0, microsecond=0))
    # As if the day was over.
    Draft.objects.update(publish_at=clock.now() - timedelta(seconds=1))
    letters()
    return again(draft)


def publish_due(directory: Path, *points: str) -> list[dict[str, Any]]:
    """By workers of their own, one after another, that are killed at these points; at "" one is not."""
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-m", "tests.support.crashing_publish", "worker", name, str(directory), *points]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return told


def is_delivery(row: OrmQ) -> bool:
    """Whether what waits here is to tell a webhook."""
    return str(row.task["name"]).endswith(".send_delivery")


def simple(path: str) -> Any:
    answer = Client().get(path, headers={"accept": JSON_TYPE})
    return answer.json() if answer.status_code == 200 else answer.status_code


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_between_any_two_steps_publishes_nothing_and_the_next_publishes_once(
    scheduled: Draft, alice: User, tmp_path: Path
) -> None:
    before = contents()

    killed = publish_due(tmp_path, *POINTS)

    assert [run["end"] for run in killed] == [-signal.SIGKILL] * len(POINTS), killed
    assert [run["passed"][-1] for run in killed] == POINTS
    assert changed_since(before) == set()
    assert {row.filename for row in ReservedFilename.objects.all()} == NAMES
    assert simple("/simple/sampleproject/") == 404

    # One dies with all done and nothing said about it, the next one finds nothing left to do.
    last, idle = publish_due(tmp_path, AFTERWARDS, "")

    assert (last["end"], last["passed"][-1]) == (-signal.SIGKILL, AFTERWARDS)
    assert {point.partition(".")[0] for point in last["passed"]} == {*STEPS, "commit"}
    assert (idle["end"], idle["passed"]) == (0, [])
    assert again(scheduled).state == DraftState.PUBLISHED
    assert Release.objects.count() == 1
    assert {file.filename: file.sha256 for file in File.objects.all()} == {f.filename: f.sha256 for f in FILES}
    assert {row.filename for row in UsedFilename.objects.all()} == NAMES
    assert not ReservedFilename.objects.exists()
    assert {entry["filename"] for entry in simple("/simple/sampleproject/")["files"]} == NAMES
    assert [project["name"] for project in simple("/simple/")["projects"]] == ["sampleproject"]
    done = Counter(AuditEvent.objects.values_list("name", flat=True))
    assert (done["draft.released"], done["draft.published"], done["file.published"]) == (1, 1, 3)
    # What the transaction has queued is there, once: the queue outlives whoever was to empty it.
    assert Delivery.objects.filter(event="draft.published").count() == 1
    assert sum(map(is_delivery, OrmQ.objects.all())) == 1
    # Its address leads nowhere; only the letters are sent.
    OrmQ.objects.filter(pk__in=[row.pk for row in OrmQ.objects.all() if is_delivery(row)]).delete()
    assert subjects(letters_to(alice.email)).count("sampleproject is registered") == 1


# -- the web server, asked by a client of PEP 694 ---------------------------------------------------------------

# A server starts anew after each: one point for each table, and both sides of the commit.
WEB_POINTS = ["insert_file.after#2", "store.after#1", "save.after#1", "push.after#1", "commit.before#1"]

_GATHER = """
import json
from releases.models import Project
from tests.support import cast, drafts
from tests.support.distributions import make_sdist, make_wheel
from tests.support.tokens import token_of
alice = cast.person("alice")
cast.ProjectFactory(name="sampleproject", owner=alice)
actor = drafts.by_token(alice)
draft = drafts.gathered(actor, make_wheel(), make_wheel(tag="py3-none-linux_x86_64"), make_sdist())
print(json.dumps([token_of(alice, description="press").secret(), str(draft.public_id)]))
"""


class CrashSite(Site):
    """A site whose server kills its worker at a chosen point; the server itself starts another one."""

    def prepare(self) -> None:
        self.token, self.draft = self.script(_GATHER)
        self.crash_at, self.crash_log = self.directory / "crash-at", self.directory / "crash-points"
        self.env |= {"CRASH_AT": str(self.crash_at), "CRASH_LOG": str(self.crash_log)}
        bind = f"127.0.0.1:{self.port}"
        self._start("serve", "--bind", bind, "--workers", "1", program=("-m", "tests.support.crashing_publish"))
        self._wait_until_up()

    def publish(self, *, crash_at: str = "") -> requests.Response:
        self.crash_at.write_text(crash_at)
        return requests.post(
            f"http://127.0.0.1:{self.port}/upload/2.0/session/{self.draft}/publish/",
            json={"meta": {"api-version": "2.0"}},
            headers={"Content-Type": "application/vnd.pypi.upload.v2+json"},
            auth=("__token__", self.token),
            timeout=60,
        )

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that a publish changes."""
        columns = {
            "releases_release": "version", "releases_file": "filename, sha256", "releases_project": "last_serial",
            "releases_usedfilename": "filename", "releases_reservedfilename": "filename",
            "releases_simplepage": "name, serial, json_etag, html_etag", "releases_draft": "state, digest",
            "indexsite_auditevent": "id, name", "django_q_ormq": "id",
        }  # fmt: skip
        return {table: self.query(f"SELECT {found} FROM {table} ORDER BY 1") for table, found in columns.items()}

    def seen(self) -> tuple[set[str], int]:
        """What readers see: the files that the simple page names, and how the project page answers."""
        simple, page = (
            requests.get(f"{self.url}/{path}/sampleproject/", headers={"Accept": accept}, timeout=60)
            for path, accept in (("simple", JSON_TYPE), ("project", "text/html"))
        )
        if simple.status_code == 404:
            return set(), page.status_code
        return {entry["filename"] for entry in simple.json()["files"]}, page.status_code


@pytest.fixture
def site(tmp_path: Path) -> Iterator[CrashSite]:
    site = CrashSite(tmp_path / "site")
    try:
        site.prepare()
        yield site
    finally:
        site.stop()


def test_a_server_killed_while_it_publishes_shows_none_or_all_and_the_same_request_then_ends_it(
    site: CrashSite,
) -> None:
    before, unseen = site.rows(), site.seen()
    assert unseen[0] == set()

    for point in WEB_POINTS:
        with pytest.raises(requests.ConnectionError):
            site.publish(crash_at=point)
        assert site.crash_log.read_text().split()[-1] == point
        assert (site.rows(), site.seen()) == (before, unseen)

    # Killed when all is done: nobody has told the client so, who asks again and hears it.
    with pytest.raises(requests.ConnectionError):
        site.publish(crash_at=AFTERWARDS)
    assert site.crash_log.read_text().split()[-1] == AFTERWARDS
    published = site.rows()
    assert site.seen() == (NAMES, 200)
    assert published["releases_draft"][0][0] == "published"
    assert {name for (name,) in published["releases_usedfilename"]} == NAMES
    assert [name for name, *_ in published["releases_simplepage"]] == ["", "sampleproject"]
    assert len(published["django_q_ormq"]) == len(before["django_q_ormq"]) + 1

    answer = site.publish()

    assert (answer.status_code, answer.json()["status"]) == (201, "published")
    assert site.rows() == published
