"""Random actors and clocks: a short run for every change; `tests/proof` has the long one."""

from __future__ import annotations

import pytest

from tests.support.recovery import Calendar
from tests.support.recovery_machine import Machine

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("seed", [3, 4])
def test_nothing_forbidden_comes_about_in_a_short_run(seed: int, calendar: Calendar) -> None:
    seen = Machine(seed, calendar).run(150)
    assert len(seen) >= 8, seen  # the run got somewhere
