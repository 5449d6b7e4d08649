"""Somebody on the staff loses their second factors: two colleagues and a day, and no other way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine
from django.db import Error, connection, transaction

from accounts.actions import staff as acts
from accounts.models import FACTORS, StaffChange, StaffChangeState, StaffKind, User
from indexsite import audit, clock
from indexsite.audit import staff as events
from indexsite.models import AuditEvent
from mfa.models import AuthenticatorApp, FactorRemoval, RemovalGround, has_factor, remove_factor
from tests.mfa.test_enrolment import code_for, keep_codes
from tests.support import cast
from tests.support.people import browser, letters, letters_to, mailed_code, signed_in_as

pytestmark = pytest.mark.django_db

STAFF = "/admin/staff/"
PAGE = f"{STAFF}factors/mona/"
MAILBOX, TOTP = "/account/security/mailbox/", "/account/security/totp/"


@pytest.fixture
def sven(db: None) -> User:
    return cast.staff("sven", StaffKind.SECURITY)


@pytest.fixture
def audra(db: None) -> User:
    return cast.staff("audra", StaffKind.AUDITOR)


@pytest.fixture
def mona(db: None) -> User:
    return cast.staff("mona", StaffKind.MODERATOR)


def propose(by: User) -> StaffChange:
    response = browser(by).post(PAGE, {"reason": "Her bag was stolen; we spoke on the phone"})
    assert response.status_code == 302, response.text
    return StaffChange.objects.latest("pk")


def confirm(by: User, change: StaffChange) -> int:
    return browser(by).post(f"{STAFF}proposal/{change.pk}/", {"act": "confirm"}).status_code


def a_day_later() -> timedelta:
    return timedelta(hours=24, seconds=1)


def trail() -> list[str]:
    return list(AuditEvent.objects.filter(name__startswith="staff.").order_by("pk").values_list("name", flat=True))


@contextmanager
def refused(words: str) -> Iterator[None]:
    with pytest.raises(Error, match=words), transaction.atomic():
        yield


def test_two_colleagues_and_a_day_take_the_factors_and_the_person_sets_up_new_ones(
    audra: User, sven: User, mona: User
) -> None:
    before = browser(mona)
    change = propose(audra)
    assert confirm(sven, change) == 302
    acts.tend(at=clock.now() + timedelta(hours=23))
    assert has_factor(mona)
    assert signed_in_as(before) == "mona"
    with time_machine.travel(a_day_later(), tick=True):
        acts.tend(at=clock.now())
        assert not has_factor(mona)
        assert signed_in_as(before) == ""
        assert set(FactorRemoval.objects.values_list("ground", "event__name")) == {
            ("staff", "staff.factors-removed")
        }
        # The password alone is a way in, and to nothing: neither the console nor a new factor.
        client = browser(mona)
        assert client.get(STAFF).status_code in {302, 403}
        keep_codes(client)
        assert client.get(TOTP)["Location"].startswith(MAILBOX)
        client.post(MAILBOX, {"act": "send"})
        client.post(MAILBOX, {"code": mailed_code(mona.email), "next": TOTP})
        client.post(TOTP, {"code": code_for(client.get(TOTP).context["secret"])})
        assert has_factor(mona)
        assert client.get(STAFF)["Location"].startswith("/account/security/keys/add/")
        letters()  # those of the future are delivered in the future
    assert trail() == ["staff.factors-proposed", "staff.confirmed", "staff.factors-removed"]
    assert mona.staff_roles.count() == 1
    for person in (audra, sven, mona):
        subjects = [letter.subject for letter in letters_to(person.email) if "Staff: " in letter.subject]
        assert subjects == [
            "Staff: new second factors for mona proposed",
            "Staff: second factors of mona go in 24 hours",
            "Staff: second factors of mona are gone",
        ]
    assert "mona has a second factor now" in [letter.subject for letter in letters_to(sven.email)]
    confirmed = next(row for row in letters_to(mona.email) if "go in 24 hours" in row.subject)
    assert "sven confirmed new second factors for mona, proposed by audra" in confirmed.body
    assert "Her bag was stolen" in confirmed.body


def test_nobody_does_it_alone_nor_to_themselves(audra: User, sven: User, mona: User) -> None:
    change = propose(sven)
    assert confirm(sven, change) == 403  # who proposed it
    assert confirm(mona, change) == 403  # whom it is about
    assert confirm(audra, change) == 403  # not of the security role
    acts.tend(at=clock.now() + a_day_later())
    assert has_factor(mona)
    assert browser(mona).post(PAGE, {"reason": "x"}).status_code == 403
    assert browser(audra).post(PAGE, {"reason": "Again"}).status_code == 409
    assert browser(audra).post(PAGE, {"reason": ""}).status_code == 400


def test_the_person_stops_it_with_the_factor_that_is_not_lost(audra: User, sven: User, mona: User) -> None:
    """A colleague who was talked into it is no way in."""
    change = propose(audra)
    confirm(sven, change)
    browser(mona).post(f"{STAFF}proposal/{change.pk}/", {"reason": "I have mine in my hand"})
    change.refresh_from_db()
    assert change.state == StaffChangeState.STOPPED
    acts.tend(at=clock.now() + a_day_later())
    assert has_factor(mona)


def test_it_comes_to_nothing_when_one_of_the_three_is_no_longer_who_they_were(
    audra: User, sven: User, mona: User
) -> None:
    change = propose(audra)
    confirm(sven, change)
    sven.staff_roles.all().delete()
    acts.tend(at=clock.now() + a_day_later())
    change.refresh_from_db()
    assert change.state == StaffChangeState.LAPSED
    assert has_factor(mona)


def test_it_is_for_staff_only(audra: User, alice: User) -> None:
    assert browser(audra).get(f"{STAFF}factors/alice/").status_code == 404
    with pytest.raises(acts.InvalidInput, match="not on the staff"):
        acts.propose_factors(actor=cast.actor(audra), user=alice, reason="x", at=clock.now())


# -- the database, whatever the code says ----------------------------------------------------------------------


def forged(mona: User, audra: User, sven: User | None, **values: object) -> StaffChange:
    """A proposal as somebody with a shell would write it."""
    now = clock.now()
    fields = {
        "user": mona,
        "role": FACTORS,
        "reason": "x",
        "proposed_by": audra,
        "proposed_at": now - timedelta(days=2),
        "expires_at": now + timedelta(days=5),
        "confirmed_by": sven,
        "confirmed_at": now - timedelta(days=1, hours=1),
        "due_at": now - timedelta(hours=1),
        "state": StaffChangeState.DONE,
        "ended_at": now,
    }
    return StaffChange.objects.create(**{**fields, **values})


def take(mona: User, by: User, at: object) -> None:
    event = audit.record(
        cast.actor(by), events.StaffFactorsRemoved(about=mona, proposed_by="audra", confirmed_by="sven")
    )
    remove_factor(AuthenticatorApp.objects.get(user=mona), RemovalGround.STAFF, event=event, at=at)  # type: ignore[arg-type]


def test_without_a_proposal_that_two_confirmed_no_factor_goes(audra: User, sven: User, mona: User) -> None:
    words = "no proposal that two confirmed"
    now = clock.now()
    with refused(words):
        take(mona, sven, now)
    unsaid = forged(mona, audra, sven, ended_at=now)
    with refused(words):  # nobody said so: the audit trail has neither yes
        take(mona, sven, now)
    StaffChange.objects.filter(pk=unsaid.pk).delete()
    audit.record(cast.actor(audra), events.StaffFactorsProposed(about=mona, reason="x"))
    audit.record(cast.actor(sven), events.StaffConfirmed(about=mona, role=FACTORS, due="soon"))
    for values in (
        {"state": StaffChangeState.CONFIRMED, "ended_at": None},
        {"ended_at": now - timedelta(hours=2)},
        {"due_at": now + timedelta(hours=1), "ended_at": now},
        {"role": StaffKind.AUDITOR, "ended_at": now},
        {"user": sven, "confirmed_by": mona, "ended_at": now},
    ):
        row = forged(mona, audra, sven, **values)
        with refused(words):
            take(mona, sven, now)
        StaffChange.objects.filter(pk=row.pk).delete()
    forged(mona, audra, sven, ended_at=now)
    with refused("no proposal that two confirmed|no act of the owner"):  # an event of another kind
        event = audit.record(cast.actor(sven), audit.SignedOut(about=mona))
        remove_factor(AuthenticatorApp.objects.get(user=mona), RemovalGround.STAFF, event=event, at=now)
    assert AuthenticatorApp.objects.filter(user=mona).exists()
    take(mona, sven, now)  # it was these, and not the test
    assert not AuthenticatorApp.objects.filter(user=mona).exists()


def test_a_proposal_needs_three_people_in_the_database(audra: User, sven: User, mona: User) -> None:
    for by, second in ((audra, None), (audra, audra), (audra, mona), (mona, sven)):
        with refused("staff_change|nobody_proposes|CHECK"):
            forged(mona, by, second)


def test_sql_takes_no_factor(audra: User, sven: User, mona: User) -> None:
    app = AuthenticatorApp.objects.get(user=mona)
    with refused("record of its removal"), connection.cursor() as cursor:
        cursor.execute("UPDATE otp_totp_totpdevice SET confirmed = %s WHERE id = %s", [False, app.pk])
    with refused("never deleted"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM otp_totp_totpdevice WHERE id = %s", [app.pk])
