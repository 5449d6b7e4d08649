"""A short run of the simulation: the desk works, attackers come to nothing, and a weakened table lets them in."""

from __future__ import annotations

import pytest

from bench.recovery_load import Plan, simulate

# A month of work through acts that other tests do on both.
pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def test_ten_days_of_the_desk() -> None:
    figures = simulate(Plan(days=10, per_week=12, spike=1, staff=3))
    assert figures["requests"] > 5
    assert figures["attacks"] > 0
    assert figures["false grants"] == 0
    assert {"closed", "hold", "executed"} & set(figures["ends of requests"])
    assert 0 < figures["share without staff"] < 1


def test_a_weakened_table_lets_attackers_in() -> None:
    """Else the figure above would mean nothing."""
    figures = simulate(Plan(days=12, per_week=8, spike=1, staff=2, weakened=True, attacks=1.0))
    assert figures["false grants"] > 0
