"""The desk, an owner, and a clock that stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine

from accounts.models import StaffKind, User
from tests.support import claims, recovery


@pytest.fixture
def calendar() -> Iterator[recovery.Calendar]:
    with time_machine.travel(recovery.START, tick=False) as traveller:
        yield recovery.Calendar(traveller)


@pytest.fixture
def carla(db: None, calendar: recovery.Calendar) -> User:
    """An old account with a factor and nothing at stake: I0."""
    return recovery.veteran("carla")


@pytest.fixture
def olga(db: None, calendar: recovery.Calendar) -> User:
    """Owns a project together with bertil: I1."""
    user = recovery.veteran("olga")
    project = recovery.cast.ProjectFactory(name="sampleproject", owner=user)
    recovery.cast.grant(recovery.veteran("bertil"), project)
    return user


@pytest.fixture
def team(db: None, calendar: recovery.Calendar) -> dict[str, User]:
    """tina and tom are tier 1, theo and thea tier 2, sven is security."""
    return {
        "tina": recovery.desk("tina", StaffKind.SUPPORT_1),
        "tom": recovery.desk("tom", StaffKind.SUPPORT_1),
        "theo": recovery.desk("theo", StaffKind.SUPPORT_2),
        "thea": recovery.desk("thea", StaffKind.SUPPORT_2),
        "sven": recovery.desk("sven", StaffKind.SECURITY),
    }


@pytest.fixture
def owner(alice: User) -> User:
    """Alice, as of long ago."""
    return claims.aged(alice)


@pytest.fixture
def claim(owner: User) -> claims.Claim:
    """Alice's, opened from her first mailbox."""
    return claims.claimant("alice", "alice@example.org")
