"""A plugin of pytest, for `scripts/asvs.py`: writes how each marked test went to the file in `ASVS_RECORD`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

_OUTCOMES: dict[str, str] = {}
_WORSE = ("passed", "skipped", "failed")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """With several processes the first one hears of all of them; parametrised tests count as one."""
    if report.when != "call" and report.outcome == "passed":
        return
    name = report.nodeid.partition("[")[0]
    _OUTCOMES[name] = max(_OUTCOMES.get(name, "passed"), report.outcome, key=_WORSE.index)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        return
    Path(os.environ["ASVS_RECORD"]).write_text(json.dumps(_OUTCOMES))
