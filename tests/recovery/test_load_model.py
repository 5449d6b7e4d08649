"""A short run of the simulation: the desk works, and attackers come to nothing.

`tests/proof/test_recovery_year.py` runs it for a year, and under a weakened table, which lets attackers in: else
that nobody got in would mean nothing.
"""

from __future__ import annotations

import pytest

from bench.recovery_load import Plan, simulate

pytestmark = pytest.mark.django_db


def test_five_days_of_the_desk() -> None:
    figures = simulate(Plan(days=5, per_week=9, spike=1, staff=3))
    assert figures["requests"] > 3
    assert figures["attacks"] > 0
    assert figures["false grants"] == 0
    assert {"auto-cooling", "cooling"} <= set(figures["ends of requests"])
    assert 0 < figures["share without staff"] < 1
