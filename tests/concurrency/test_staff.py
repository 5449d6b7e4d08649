"""Two of the security role who take it from each other at the same moment, with the lock and without it."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest
from django.db import connection
from django.db.models import QuerySet

from accounts.models import StaffKind, StaffRole, User
from tests.support import cast
from tests.support.people import browser
from tests.support.races import SURELY, meet, together, without_locks

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def three(db: None) -> list[User]:
    return [cast.staff(name, StaffKind.SECURITY) for name in ("sven", "nora", "olaf")]


def remove_two(three: list[User]) -> list[int]:
    """sven takes the role from nora, nora from olaf: each alone is fine, both leave one person."""
    acts = []
    for who, whom in pairwise(three):
        client = browser(who)
        client.raise_request_exception = False
        acts.append(partial(client.post, f"/admin/staff/member/{whom.username}/security/", {"reason": "x"}))
    return sorted(response.status_code for response in together(*acts))


def left() -> int:
    return StaffRole.objects.filter(kind=StaffKind.SECURITY).count()


def test_two_of_security_stay_whoever_is_first(three: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    meet(monkeypatch, "accounts.actions.staff.reasons.clean")
    assert remove_two(three) in ([302, 403], [302, 409])
    assert left() == 2


def test_without_the_lock_one_is_left(three: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    without_locks(monkeypatch)
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, **options: self.all())
    meet(monkeypatch, "accounts.actions.staff.require_now", patience=SURELY)
    statuses = remove_two(three)
    assert left() == 1 if connection.vendor == "postgresql" else max(statuses) >= 500
