"""Whom a limit holds up, and letting them go on: through the console's page."""

from __future__ import annotations

import pytest

from accounts.models import StaffKind, User
from indexsite import clock, limits
from indexsite.limits import Limit
from indexsite.models import AuditEvent
from tests.support import cast
from tests.support.people import browser

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/moderation/limits/"
ALICE = f"{PAGE}?kind=account&name=Alice"


def exhaust(limit: Limit, key: str) -> None:
    for _ in range(limits.LIMITS[limit].count):
        limits.consume(limit, key, at=clock.now())


@pytest.fixture
def tina(db: None) -> User:
    return cast.staff("tina", StaffKind.SUPPORT_1)


def test_one_limit_is_looked_up_and_cleared_with_a_reason(alice: User, tina: User) -> None:
    exhaust(Limit.STEP_UP_USER, str(alice.pk))
    limits.consume(Limit.CHANGE_USER, str(alice.pk), at=clock.now())
    client = browser(tina)

    text = client.get(ALICE).text
    assert "Held up now." in text
    assert "Too many failed confirmations for this account: 10 of 10" in text
    assert "Too many changes by this account: 1 of 200" in text

    assert client.post(ALICE, {"limit": "step-up:user", "reason": " "}).status_code == 400
    response = client.post(ALICE, {"limit": "step-up:user", "reason": "She called us back"}, follow=True)

    assert "they can go on" in response.text
    limits.check(Limit.STEP_UP_USER, str(alice.pk), at=clock.now())
    assert limits.used(Limit.CHANGE_USER, str(alice.pk), at=clock.now()).count == 1
    row = AuditEvent.objects.get(name="limit.cleared")
    assert (row.actor, row.about, row.data["reason"]) == (tina, alice, "She called us back")
    history = browser(alice).get("/account/history/").text
    assert "She called us back" in history
    assert "tina" not in history


def test_an_address_has_its_own(tina: User) -> None:
    exhaust(Limit.SIGN_UP_ADDRESS, "198.51.100.7")
    client, page = browser(tina), f"{PAGE}?kind=address&name=198.51.100.7"
    assert "Too many new accounts from your network address: 20 of 20" in client.get(page).text

    client.post(page, {"limit": "sign-up:address", "reason": "A class of students"})

    assert "Nothing is counted" in client.get(page).text
    assert AuditEvent.objects.get(name="limit.cleared").data["place"] == "198.51.100.7"


def test_failed_sign_ins_go_by_name(alice: User, tina: User) -> None:
    limits.consume(Limit.SIGN_IN_USER, "alice", at=clock.now())
    assert "Too many failed sign-ins for this account: 1 of 200" in browser(tina).get(ALICE).text


def test_what_is_not_counted_cannot_be_cleared(alice: User, tina: User) -> None:
    client = browser(tina)
    assert client.post(ALICE, {"limit": "step-up:user", "reason": "x"}).status_code == 400
    assert client.get(f"{PAGE}?kind=account&name=nobody").status_code == 404
    assert client.get(f"{PAGE}?kind=x&name=alice").status_code == 400
    assert not AuditEvent.objects.filter(name="limit.cleared").exists()


@pytest.mark.parametrize("kind", [StaffKind.VIEWER, StaffKind.CURATOR, StaffKind.AUDITOR])
def test_nobody_else_clears_limits(alice: User, kind: StaffKind) -> None:
    exhaust(Limit.STEP_UP_USER, str(alice.pk))
    client = browser(cast.staff("someone", kind))
    assert client.get(ALICE).status_code == 403
    assert client.post(ALICE, {"limit": "step-up:user", "reason": "x"}).status_code == 403
    assert limits.used(Limit.STEP_UP_USER, str(alice.pk), at=clock.now()).is_reached
