"""Runs the tests that show requirements of ASVS, records how they went, and renders the table: `make asvs`.

Writes `bench/results/asvs.json` (commit, time, databases, outcome per test) and `docs/asvs.md`. With `--render` it
writes the page alone, from the record there is.
"""

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "bench" / "results" / "asvs.json"
PAGE = ROOT / "docs" / "asvs.md"
DATABASES = ("sqlite", "postgresql")


def main() -> int:
    sys.path.insert(0, str(ROOT))
    from scripts.proof import git
    from tests.support import asvs

    status = 0
    if sys.argv[1:] != ["--render"]:
        runs = [run(database, sorted(asvs.marked_tests())) for database in DATABASES]
        status = max(code for code, _ in runs)
        record = {
            "commit": git("rev-parse", "HEAD"),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "databases": DATABASES,
            "tests": worst(outcomes for _, outcomes in runs),
        }
        RECORD.write_text(json.dumps(record, indent=2) + "\n")
    PAGE.write_text(asvs.render(json.loads(RECORD.read_text())))
    return status


def run(database: str, tests: list[str]) -> tuple[int, dict[str, str]]:
    """Run these tests alone; returns pytest's status, and the outcome of each."""
    with tempfile.TemporaryDirectory() as temporary:
        outcomes = Path(temporary) / "outcomes.json"
        env = {**os.environ, "TEST_DATABASE": database, "ASVS_RECORD": str(outcomes)}
        env.pop("SECRET_KEY", None)
        command = [sys.executable, "-m", "pytest", "-n", "2", "-p", "tests.support.asvs_record", *tests]
        status = subprocess.run(command, cwd=ROOT, env=env).returncode
        return status, json.loads(outcomes.read_text()) if outcomes.exists() else {}


def worst(runs) -> dict[str, str]:
    """One outcome a test: the worst of any database."""
    together: dict[str, str] = {}
    for outcomes in runs:
        for name, outcome in outcomes.items():
            together[name] = max(together.get(name, "passed"), outcome, key=("passed", "skipped", "failed").index)
    return dict(sorted(together.items()))


if __name__ == "__main__":
    sys.exit(main())
