"""A server process that dies in the middle of an upload: nothing half, and the same upload then succeeds."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from tests.support.distributions import Distribution, make_wheel
from tests.support.site import ROOT, Site

pytestmark = pytest.mark.crash

# In order: the token's use is noted, three limits are counted, metadata and file are stored, and everything else
# is one transaction.
POINTS = [
    "commit.before#1",
    "commit.after#1",
    "commit.before#2",
    "commit.after#2",
    "receive.before#1",
    "receive.after#1",
    "commit.before#3",
    "commit.after#3",
    "commit.before#4",
    "commit.after#4",
    "storage.put.before#1",
    "storage.flushed#1",
    "storage.linked#1",
    "storage.stored#1",
    "storage.put.after#1",
    "commit.before#5",
    "commit.after#5",
]
PUBLISHED_FROM = "commit.after#5"


class CrashSite(Site):
    """A site whose server kills its worker at a chosen point; the server itself starts another one."""

    def prepare(self) -> None:
        # Each upload has an account of its own, so that all uploads pass the same points.
        self.tokens: list[str] = self.script(
            "import json; from tests.support import cast; from tests.support.uploads import token_for; "
            f"print(json.dumps([token_for(cast.person(f'person{{n}}')) for n in range({len(POINTS) + 1})]))"
        )
        self.crash_at = self.directory / "crash-at"
        self.crash_log = self.directory / "crash-points"
        self.env |= {"CRASH_AT": str(self.crash_at), "CRASH_LOG": str(self.crash_log)}
        command = [sys.executable, "-m", "tests.support.crashing", "--bind", f"127.0.0.1:{self.port}"]
        with (self.directory / "serve.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--workers", "1"],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(process)
        self._wait_until_up()

    def upload(self, distribution: Distribution, secret: str, *, crash_at: str = "") -> requests.Response:
        self.crash_at.write_text(crash_at)
        return requests.post(
            f"http://127.0.0.1:{self.port}/legacy/",
            data=distribution.fields(),
            files={"content": (distribution.filename, distribution.content)},
            auth=("__token__", secret),
            timeout=60,
        )

    def listed(self, project: str) -> dict[str, str]:
        """What the simple page names: file name -> address. Empty where there is no page."""
        response = requests.get(
            f"{self.url}/simple/{project}/",
            headers={"Accept": "application/vnd.pypi.simple.v1+json"},
            timeout=60,
        )
        if response.status_code == 404:
            return {}
        return {entry["filename"]: entry["url"] for entry in response.json()["files"]}

    def rows_without_bytes(self) -> list[str]:
        """Files whose bytes, or whose metadata's, are not in the store as their digest says."""
        rows = self.query("SELECT filename, sha256, metadata_sha256 FROM releases_file")
        return [name for name, *digests in rows for digest in digests if not self._holds(digest)]

    def _holds(self, digest: str) -> bool:
        blob = self.directory / "files" / digest[:2] / digest[2:4] / digest[4:]
        return blob.exists() and hashlib.sha256(blob.read_bytes()).hexdigest() == digest


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrashSite]:
    site = CrashSite(tmp_path_factory.mktemp("site"))
    try:
        site.prepare()
        yield site
    finally:
        site.stop()


def test_the_points_of_an_upload_are_all_known(site: CrashSite) -> None:
    assert site.upload(make_wheel("unharmed"), site.tokens[-1]).status_code == 200

    assert site.crash_log.read_text().split() == POINTS


@pytest.mark.parametrize("point", POINTS)
def test_a_server_killed_in_an_upload_leaves_nothing_half(site: CrashSite, point: str) -> None:
    name = "victim-" + point.translate(str.maketrans(".#", "--"))
    wheel, secret = make_wheel(name), site.tokens[POINTS.index(point)]

    with pytest.raises(requests.ConnectionError):
        site.upload(wheel, secret, crash_at=point)

    assert site.crash_log.read_text().split()[-1] == point
    is_published = POINTS.index(point) >= POINTS.index(PUBLISHED_FROM)
    assert set(site.listed(name)) == ({wheel.filename} if is_published else set())
    assert bool(site.query(f"SELECT id FROM releases_project WHERE name = '{name}'")) == is_published
    assert site.rows_without_bytes() == []

    again = site.upload(wheel, secret)

    assert again.status_code == 200, again.reason
    assert again.text.startswith("Already published" if is_published else "Published")
    ((filename, address),) = site.listed(name).items()
    assert filename == wheel.filename
    assert requests.get(f"{site.url}{address}", timeout=60).content == wheel.content
    assert requests.get(f"{site.url}{address}.metadata", timeout=60).content == wheel.metadata
    assert site.rows_without_bytes() == []
