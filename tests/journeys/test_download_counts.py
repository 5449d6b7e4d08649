"""The production server counts what it hands out, also the last of it before it ends."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.site import Site

SUMS = """
import json
from releases.models import DownloadCount
from releases.downloads import fold
from indexsite import clock
fold(at=clock.now())
print(json.dumps(list(DownloadCount.objects.order_by("installer").values_list("installer", "kind", "count"))))
"""


def test_downloads_are_counted_and_none_is_forgotten_at_the_end(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    try:
        site.start()
        site.demo()
        file = next(iter(site.files_of("sampleproject").values()))
        for _ in range(3):
            site.get(file["url"], User_Agent='pip/25.0 {"installer":{"name":"pip"}}')
        site.get(file["url"], User_Agent="bandersnatch/6.6.0 (cpython 3.13)")
        site.get(file["url"], User_Agent="uv/0.9", Range="bytes=5-")
        _wait_for(site, [["bandersnatch", "mirror", 1], ["pip", "installer", 3]])
        site.get(file["url"], User_Agent="uv/0.9")
    finally:
        site.stop()

    assert site.script(SUMS) == [["bandersnatch", "mirror", 1], ["pip", "installer", 3], ["uv", "installer", 1]]


def _wait_for(site: Site, sums: list[list[object]]) -> None:
    """Until the server has handed in what it counted; the sums are made, in a process, when there is news only."""
    deadline = time.monotonic() + 90
    found, batches = None, 0
    while found != sums:
        assert time.monotonic() < deadline, (found, site.log()[-2000:])
        ((count,),) = site.query("SELECT count(*) FROM releases_downloadbatch")
        if count == batches:
            time.sleep(0.2)
            continue
        found, batches = site.script(SUMS), count
