"""A thousand accounts are due at the same moment: two real workers share them, one of which is killed midway.

On PostgreSQL. Says how long it took, how much each did, and whatever was done twice or in part.

    TEST_DATABASE=postgresql python -m bench.recovery_due --record
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results" / "recovery-due.json"
LIMIT_SECONDS = 60.0
PATIENCE = 900.0

_FILL = "from tests.support import recovery_due; recovery_due.fill({count}); print(1)"
_FAULTS = "import json; from tests.support import recovery_due; print(json.dumps(recovery_due.faults()))"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cases", type=int, default=1000)
    arguments.add_argument("--record", action="store_true", help=f"write {RESULTS.name}")
    chosen = arguments.parse_args()
    os.environ.setdefault("TEST_DATABASE", "postgresql")
    with tempfile.TemporaryDirectory() as directory:
        found = measure(Path(directory), chosen.cases)
    print(json.dumps(found, indent=2))
    if chosen.record:
        machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
        at = datetime.now(UTC).isoformat(timespec="seconds")
        RESULTS.write_text(json.dumps({"at": at, "machine": machine, **found}, indent=2) + "\n")
    return int(bool(found["faults"]) or found["seconds"] > LIMIT_SECONDS)


def measure(directory: Path, count: int) -> dict[str, Any]:
    """A site of its own, filled, with two workers; figures."""
    from tests.support import run

    run.prepare(os.environ)
    import psycopg

    from tests.support.site import Site

    site = Site(directory / "site")
    site.manage("migrate", "--verbosity", "0")
    site.script(_FILL.format(count=count))
    address = site.env["DATABASE_URL"].replace("postgres://", "postgresql://", 1)
    with psycopg.connect(address, autocommit=True) as watching:
        try:
            site._start("worker")
            site._start("worker")
            return {**_watch(site, watching, count), "faults": site.script(_FAULTS)}
        finally:
            site.stop()


def _watch(site: Any, watching: Any, count: int) -> dict[str, Any]:
    """From the first execution to the last, with one worker killed at half time."""

    def executed() -> int:
        row = watching.execute("SELECT count(*) FROM recovery_recoverycase WHERE state = 'executed'").fetchone()
        return int(row[0])

    limit = time.monotonic() + PATIENCE
    while not executed() and time.monotonic() < limit:
        time.sleep(0.05)
    begin, load, killed_at = time.monotonic(), os.getloadavg()[0], 0
    while (done := executed()) < count and time.monotonic() < limit:
        if done >= count / 2 and not killed_at:
            # The whole group: the worker, what watches over it, and what runs the tasks.
            os.killpg(site._processes[0].pid, signal.SIGKILL)
            killed_at = done
        time.sleep(0.05)
    return {
        "cases": count,
        "executed": executed(),
        "executed when one worker was killed": killed_at,
        "seconds": round(time.monotonic() - begin, 1),
        "load of the machine before": round(load, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
