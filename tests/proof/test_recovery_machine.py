"""Ten thousand random steps of claimants, owners, staff and worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import time_machine

from tests.support import recovery
from tests.support.recovery_machine import EVERY_MOVE, Machine

pytestmark = [pytest.mark.django_db, pytest.mark.proof]


@pytest.fixture
def calendar() -> Iterator[recovery.Calendar]:
    with time_machine.travel(recovery.START, tick=False) as traveller:
        yield recovery.Calendar(traveller)


def test_ten_thousand_steps_never_reach_what_must_not_be(
    calendar: recovery.Calendar, record_property: Callable[[str, object], None]
) -> None:
    seen = Machine(5, calendar).run(10_000)
    executed = sum(count for move, count in seen.items() if move.endswith(">executed"))
    enrolled = seen["executed>hold"]
    record_property("watches", "recovery mfa/models.py mfa/migrations tests/support/recovery_machine.py")
    record_property("moves", sum(seen.values()))
    record_property("kinds_of_moves", len(seen))
    record_property("moves_not_made", " ".join(sorted(EVERY_MOVE - set(seen))))
    record_property("executed", executed)
    record_property("enrolled", enrolled)
    # A move that no act makes does not belong into the table.
    assert set(seen) == EVERY_MOVE
    assert executed >= 10
    assert enrolled >= 5
