"""Many requests at once, from everywhere: neither staff nor a mailbox drowns in letters, and none gets lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import StaffKind, User
from indexsite import clock
from recovery.models import RecoveryCase
from tests.support import people, recovery
from tests.support.recovery import Calendar, Claim

pytestmark = pytest.mark.django_db
BURST = 20


@pytest.fixture
def sven(calendar: Calendar, db: None) -> User:
    return recovery.desk("sven", StaffKind.SECURITY)


def test_security_hears_once_of_a_burst_about_one_of_the_staff(sven: User, calendar: Calendar) -> None:
    tina = recovery.desk("tina", StaffKind.SUPPORT_1)

    def burst() -> None:
        for number in range(BURST):
            Claim("tina", f"somebody{number}@example.net", address=f"10.0.{number}.1")
        people.letters()

    burst()

    def alerts() -> int:
        return len([letter for letter in people.letters() if "sven@example.org" in letter.to])

    assert alerts() == 1
    assert tina.audit_events.filter(name="recovery.asked-for-staff").count() == BURST
    assert RecoveryCase.objects.filter(claimed="tina", user=None).count() == BURST
    # Everybody who asked was answered as if it were anybody's account.
    assert len({letter.to[0] for letter in people.letters() if "somebody" in letter.to[0]}) == BURST

    calendar.jump(seconds=timedelta(hours=7).total_seconds())
    people.forget_limits()
    burst()
    assert alerts() == 2


def test_a_burst_to_one_mailbox_is_three_letters_and_stands_as_so_many_cases(calendar: Calendar) -> None:
    recovery.veteran("carla")
    for number in range(BURST):
        Claim("carla", "carla@example.org", address=f"10.0.{number}.1")
    people.letters()
    assert len(people.letters_to("carla@example.org")) == 3
    assert RecoveryCase.objects.filter(claimed="carla").count() == BURST
    assert clock.now() == recovery.START
