"""The long demonstrations: runs the tests marked `proof` and records how each went, with its commit.

Writes `bench/results/proof.json`: commit, machine, and per test its outcome, seconds and the figures it reported
through the fixture `record_property`.
"""

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
    with tempfile.TemporaryDirectory() as temporary:
        report = Path(temporary) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-m", "proof", f"--junitxml={report}", *sys.argv[1:]]
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
    failed = case.find("failure") is not None or case.find("error") is not None
    return {
        "test": f"{case.get('classname')}.{case.get('name')}",
        "outcome": "failed" if failed else "passed",
        "seconds": round(float(case.get("time", 0)), 1),
        "figures": {item.get("name"): item.get("value") for item in case.iter("property")},
    }


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
