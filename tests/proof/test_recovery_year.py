"""A year at the recovery desk with a spike, and the same with a weakened table."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from bench.recovery_load import Plan, simulate

pytestmark = [pytest.mark.proof, pytest.mark.django_db]

WATCHES = "recovery bench/recovery_load.py bench/recovery_people.py"


@pytest.mark.parametrize("staff", [1, 2, 3, 4])
def test_a_year_lets_nobody_in_wrongly(staff: int, record_property: Callable[[str, object], None]) -> None:
    figures = simulate(Plan(staff=staff))
    record_property("watches", WATCHES)
    record_property("figures", json.dumps(figures))
    assert figures["false grants"] == 0


def test_a_year_under_a_weakened_table_lets_somebody_in(record_property: Callable[[str, object], None]) -> None:
    figures = simulate(Plan(staff=4, spike=1, weakened=True))
    record_property("watches", WATCHES)
    record_property("figures", json.dumps(figures))
    assert figures["false grants"] > 0
