"""Public pages of a project with 500 drafts in review, beside those of one without any: one run, in alternation.

Whole requests through all of Django, without the network. Read the ratios, not the figures.

    TEST_DATABASE=postgresql python -m bench.draft_reads --record
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.recovery_pages import database

RESULTS = Path(__file__).resolve().parent / "results" / "draft-reads.json"
DRAFTS, ROUNDS = 500, 300
# What drafts may add; anything real would grow with their number.
MOST = 1.1
PAGES = ("/project/{}/", "/project/{}/1.0/", "/simple/{}/", "/pypi/{}/json")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--drafts", type=int, default=DRAFTS)
    arguments.add_argument("--rounds", type=int, default=ROUNDS)
    arguments.add_argument("--record", action="store_true", help=f"write {RESULTS.name}")
    chosen = arguments.parse_args()
    with database():
        fill(chosen.drafts)
        found = [measure(page, chosen.rounds) for page in PAGES]
    for page in found:
        print(f"{page['ratio']:5.2f}  {page['without']:6.2f} -> {page['with']:6.2f} ms  {page['page']}")
    if chosen.record:
        machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
        at = datetime.now(UTC).isoformat(timespec="seconds")
        record = {"at": at, "machine": machine, "drafts": chosen.drafts, "rounds": chosen.rounds, "pages": found}
        RESULTS.write_text(json.dumps(record, indent=2) + "\n")
    return int(any(page["ratio"] > MOST or page["statements"][0] != page["statements"][1] for page in found))


def fill(count: int) -> None:
    """Two projects that are alike, but for the drafts of the second and their reports."""
    from django.utils import timezone

    from releases.models import Draft, DraftFile, DraftReport, DraftState, Project
    from tests.support import cast
    from tests.support.distributions import make_sdist, make_wheel
    from tests.support.uploads import token_for, upload

    alice, at = cast.person("alice"), timezone.now()
    for name in ("quietlib", "busylib"):
        token = token_for(alice, cast.ProjectFactory(name=name, owner=alice))
        for file in (make_wheel(name, "1.0"), make_sdist(name, "1.0")):
            assert upload(file, token).status_code == 200
    busy = Project.objects.get(name="busylib")
    drafts = Draft.objects.bulk_create(
        Draft(
            project=busy, name="busylib", normalized_name="busylib", version=f"2.{number}",
            normalized_version=f"2.{number}", state=DraftState.REVIEW, digest="0" * 64, created_at=at,
            created_by=alice, expires_at=at,
        )
        for number in range(count)
    )  # fmt: skip
    DraftFile.objects.bulk_create(
        DraftFile(
            draft=draft, filename=f"busylib-{draft.version}.tar.gz", state="completed", mechanism="x",
            claimed_size=1, size=1, sha256="0" * 64, created_at=at, created_by=alice,
        )
        for draft in drafts
    )  # fmt: skip
    DraftReport.objects.bulk_create(
        DraftReport(draft=draft, digest="0" * 64, body={"findings": [], "files": []}, made_at=at)
        for draft in drafts
    )


def measure(page: str, rounds: int) -> dict[str, Any]:
    """Medians in milliseconds without and with drafts, taken in turn, and the statements of each."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client, paths = Client(), [page.format(name) for name in ("quietlib", "busylib")]
    statements = []
    for path in paths:
        assert client.get(path).status_code == 200  # what is compiled and kept at the first look
        with CaptureQueriesContext(connection) as seen:
            client.get(path)
        statements.append(len(seen))
    taken: list[list[float]] = [[], []]
    for number in range(rounds):
        for which in (0, 1) if number % 2 else (1, 0):
            begin = time.perf_counter()
            client.get(paths[which])
            taken[which].append((time.perf_counter() - begin) * 1000)
    quiet, busy = (statistics.median(times) for times in taken)
    return {
        "page": page.format("<name>"), "without": round(quiet, 3), "with": round(busy, 3),
        "ratio": round(busy / quiet, 3), "statements": statements,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
