"""The long demonstrations: runs the tests marked `proof` and records how each went, with its commit.

Writes `bench/results/proof.json`: commit, machine, and per test its outcome, seconds and the figures it reported
through the fixture `record_property`. A test names the code it is about as the property `watches` (paths, spaces
between); `--stale` says which demonstrations should be repeated because that code has changed since.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results" / "proof.json"


def main() -> int:
    if sys.argv[1:] == ["--stale"]:
        return tell_stale()
    with tempfile.TemporaryDirectory() as temporary:
        report = Path(temporary) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-m", "proof", f"--junitxml={report}", *sys.argv[1:]]
        # Properties of single tests are no part of the newer form of the report.
        command += ["-o", "junit_family=xunit1"]
        status = subprocess.run(command, cwd=ROOT).returncode
        cases = ET.parse(report).getroot().iter("testcase") if report.exists() else ()
        results = [result_of(case) for case in cases]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "commit": git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else ""),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "demonstrations": sorted(results, key=lambda result: str(result["test"])),
    }
    RESULTS.write_text(json.dumps(record, indent=2) + "\n")
    print(f"Recorded {len(results)} demonstration(s) in {RESULTS.relative_to(ROOT)}.")
    return status


def result_of(case: ET.Element) -> dict[str, object]:
    """One test of a JUnit report: name, outcome, seconds, and the figures it recorded."""
    figures = {str(item.get("name")): str(item.get("value")) for item in case.iter("property")}
    watches = figures.pop("watches", "")
    failed = case.find("failure") is not None or case.find("error") is not None
    return {
        "test": f"{case.get('classname')}.{case.get('name')}",
        "outcome": "failed" if failed else "passed",
        "seconds": round(float(case.get("time", 0)), 1),
        "figures": figures,
        "watches": watches,
        "watched": digest_of(watches.split()),
    }


def tell_stale() -> int:
    """Print a line for each demonstration whose code is not what it was; the status is 0 all the same.

    Repeating them takes minutes to hours and is done before a release, not before every change.
    """
    record = json.loads(RESULTS.read_text())
    for demonstration in record["demonstrations"]:
        if digest_of(demonstration["watches"].split()) != demonstration["watched"]:
            changed = f"{demonstration['watches']} changed since {record['commit'][:10]}"
            print(f"Repeat {demonstration['test']}: {changed}; run `make proof`.")
    return 0


def digest_of(paths: list[str]) -> str:
    """A digest over the files at and below the paths, as they are in the work tree."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        start = ROOT / path
        for file in [start] if start.is_file() else sorted(start.rglob("*.py")):
            digest.update(f"{file.relative_to(ROOT)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
