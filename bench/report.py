"""Writes what was measured: `<name>.json` with every sample, and the table in `bench/results/README.md`."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.corpus import Corpus
from bench.load import median

RESULTS = Path(__file__).resolve().parent / "results"
OURS, PEER = "indexsite", "devpi-server"


def write(
    name: str,
    *,
    corpus: Corpus,
    options: Mapping[str, Any],
    versions: Mapping[str, str],
    samples: Mapping[str, Mapping[str, Sequence[float]]],
    extra: Mapping[str, Any],
) -> None:
    """`samples` maps metric and server to one value for each round; `extra` holds what is measured once."""
    rows = {metric: {server: median(values) for server, values in by.items()} for metric, by in samples.items()}
    rows["memory idle, MiB"] = dict(extra["memory idle"])
    rows["memory after the run, MiB"] = dict(extra["memory after"])
    rows["cold start, s"] = {server: median(values) for server, values in extra["cold start"].items()}
    record = {
        "commit": _git("rev-parse", "HEAD")
        + ("+" if _git("status", "--porcelain", "--untracked-files=no") else ""),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "versions": dict(versions),
        "corpus": {"projects of 25 files": corpus.projects, "files of the large project": corpus.large},
        "options": {key: value for key, value in options.items() if key in {"rounds", "seconds", "uploads"}},
        "medians": rows,
        "ratio to devpi-server": {
            metric: round(by[OURS] / by[PEER], 2) for metric, by in rows.items() if by.get(PEER) and OURS in by
        },
        "samples": samples,
        **extra,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n")
    table = _table(record)
    (RESULTS / f"{name}.md").write_text(table)
    print(table)


def _table(record: Mapping[str, Any]) -> str:
    servers = list(record["versions"])
    lines = [
        "# Side by side",
        "",
        f"Measured {record['at'][:10]} at commit {record['commit'][:10]} on "
        f"{record['machine']['cpus']} cores that the load generator shares: "
        f"read the ratios, not the figures. Medians of "
        f"{record['options']['rounds']} alternating rounds; "
        f"{record['corpus']['projects of 25 files']} projects of 25 wheels, one of "
        f"{record['corpus']['files of the large project']}, one wheel of 10 MB.",
        "",
        "| | " + " | ".join(f"{server} {record['versions'][server]}" for server in servers) + " | ours / devpi |",
        "|---|" + "---:|" * (len(servers) + 1),
    ]
    for metric, by in record["medians"].items():
        cells = [_number(by[server]) if server in by else "-" for server in servers]
        ratio = record["ratio to devpi-server"].get(metric)
        lines.append(f"| {metric} | " + " | ".join(cells) + f" | {'-' if ratio is None else ratio} |")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()
