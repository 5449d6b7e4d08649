"""Everything that must hold before a change lands, as one list: `make ci` runs it from top to bottom.

The last line counts the tests: "N passed, 0 failed". What only reads the code runs two at a time, each with its
output in one piece; then the tests run beside the journeys, which wait for browsers a third of their time. A part
of the list that fails ends the run.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
TIME_LIMIT_SECONDS = 12 * 60
MEASURED = ".coverage.json"


@dataclass(frozen=True)
class Step:
    """One command; `group` lets `--only` pick."""

    group: str
    command: str


READING = (
    Step("types", "mypy ."),  # the longest, hence first
    Step("lint", "ruff check ."),
    Step("lint", "ruff format --check ."),
    Step("lint", "djlint --lint --quiet templates"),
    Step("lint", "lint-imports"),
    Step("django", "python manage.py check --fail-level WARNING"),
    Step("django", "python manage.py makemigrations --check --dry-run"),
    Step("docs", "python scripts/proof.py --stale"),
    Step("docs", "sphinx-build -q -W --keep-going -b html docs docs/_build/html"),
)
RUNNING = (Step("tests", "make test"), Step("tests", "make journeys"))
JUDGING = (Step("coverage", f"python -m slipcover --merge {MEASURED} --out {MEASURED} --fail-under 95"),)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only",
        choices=sorted({step.group for step in (*READING, *RUNNING, *JUDGING)}),
        help="run the steps of one group",
    )
    only = parser.parse_args().only
    started = time.monotonic()
    for old in ROOT.glob(".coverage*"):
        old.unlink()
    passed = 0
    for steps, way in ((READING, check), (RUNNING, run), (JUDGING, check)):
        with ThreadPoolExecutor(2) as pool:
            counts = list(pool.map(way, [step for step in steps if only in (None, step.group)]))
        if None in counts:
            return 1
        passed += sum(count or 0 for count in counts)
    took = time.monotonic() - started
    if only is None:
        say(f"all steps in {took:.0f} s of {TIME_LIMIT_SECONDS} s allowed")
        print(f"{passed} passed, 0 failed", flush=True)
    return 0


def check(step: Step) -> int | None:
    """Run the step and print its output when it is over; None when it failed."""
    started = time.monotonic()
    done = subprocess.run(
        step.command.split(),
        cwd=ROOT,
        env=environment(step),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    ok = done.returncode == 0
    took = time.monotonic() - started
    heard = f"{done.stdout.rstrip()}\n" if done.stdout.strip() else ""
    say(f"{step.command}\n{heard}--- {'ok' if ok else 'FAILED'}: {step.command} ({took:.0f} s)")
    return 0 if ok else None


def run(step: Step) -> int | None:
    """Run the step with its output passed through, each line marked; the tests it counted, None when it failed."""
    say(step.command)
    started = time.monotonic()
    process = subprocess.Popen(
        step.command.split(),
        cwd=ROOT,
        env=environment(step),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    counted = 0
    for line in process.stdout:
        print(f"{step.command.rpartition(' ')[2]}| {line}", end="", flush=True)
        if found := re.match(r"(?:=+ )?(\d+) passed\b", line):
            counted += int(found[1])
    status = process.wait()
    say(f"{'ok' if status == 0 else 'FAILED'}: {step.command} ({time.monotonic() - started:.0f} s)")
    return counted if status == 0 else None


def environment(step: Step) -> dict[str, str]:
    """Checks load the settings, which insist on a key; tests measure coverage."""
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    if step.group == "tests":
        return {**env, "MEASURE": MEASURED}
    if step.group != "coverage":
        env.setdefault("SECRET_KEY", "checks only read the settings; no secret depends on this")
    return env


def say(text: str) -> None:
    print(f"--- {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
