"""The desk's queue: who sees it, its tabs and clocks, the next oldest, names for filters; and what it costs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import StaffKind, User
from indexsite import clock
from recovery.actions import desk, requests
from recovery.assurance import Signal
from recovery.models import CaseState, Lease, RecoveryCase, SavedView
from tests.support import cast, people, recovery
from tests.support.database import changed_since, contents
from tests.support.recovery import Calendar, Claim, on_duty, queued

pytestmark = pytest.mark.django_db
QUEUE = "/admin/recovery/queue/"


@pytest.fixture
def tina(calendar: Calendar, db: None) -> User:
    return cast.staff("tina", StaffKind.SUPPORT_1)


@pytest.fixture
def at_desk(tina: User) -> Client:
    return people.browser(tina)


def owner(name: str) -> User:
    """Somebody with a small project of their own and of a friend: nothing the rules decide alone."""
    user = recovery.veteran(name)
    project = cast.ProjectFactory(name=f"of-{name}", owner=user)
    cast.grant(recovery.veteran(f"friend-{name}"), project)
    return user


def names(client: Client, query: str = "") -> list[str]:
    """Whose cases the page lists, from top to bottom."""
    response = client.get(QUEUE + query)
    assert response.status_code == 200
    return [row.who for row in response.context["rows"]]


def test_each_tab_has_its_cases(at_desk: Client, tina: User, calendar: Calendar) -> None:
    team = [recovery.desk("theo", StaffKind.SUPPORT_2), recovery.desk("tom", StaffKind.SUPPORT_1)]
    claims = {}
    for number, name in enumerate(("waits", "mine", "asked", "cools", "disputed")):
        owner(name)
        claims[name] = queued(name, Signal.DEVICE, Signal.SIGNATURE, address=f"10.{number}.0.1")
    desk.take(actor=on_duty(tina), pk=claims["mine"].pk, at=clock.now())
    desk.take(actor=on_duty(team[1]), pk=claims["asked"].pk, at=clock.now())
    desk.ask(actor=on_duty(team[1]), pk=claims["asked"].pk, text="Which project?", at=clock.now())
    claims["cools"].approve(team[1], team[0])
    RecoveryCase.objects.filter(pk=claims["disputed"].pk).update(state=CaseState.DISPUTED)
    people.let_in(at_desk, tina)

    assert names(at_desk) == names(at_desk, "?tab=unassigned") == ["waits"]
    assert names(at_desk, "?tab=mine") == ["mine"]
    assert names(at_desk, "?tab=waiting") == ["asked"]
    assert names(at_desk, "?tab=cooling") == ["cools"]
    assert names(at_desk, "?tab=due") == []
    assert names(at_desk, "?tab=disputed") == ["disputed"]
    assert set(names(at_desk, "?tab=open")) == set(names(at_desk, "?tab=all")) == set(claims)
    assert names(at_desk, "?tab=nonsense") == ["waits"]

    cooling = claims["cools"].case
    calendar.traveller.move_to(cooling.not_before - timedelta(hours=23))
    people.let_in(at_desk, tina)
    assert names(at_desk, "?tab=due") == ["cools"]


def test_the_oldest_stands_first_and_is_taken_next(at_desk: Client, tina: User, calendar: Calendar) -> None:
    for number, name in enumerate(("first", "second", "third")):
        owner(name)
        queued(name, Signal.PASSWORD, address=f"10.{number}.0.1")
        calendar.jump(minutes=1)
    assert names(at_desk) == ["first", "second", "third"]

    taken = at_desk.post(f"{QUEUE}next/")

    first = RecoveryCase.objects.get(user__username="first")
    assert taken["Location"] == f"/admin/recovery/case/{first.pk}/"
    assert (first.state, Lease.objects.get().person) == (CaseState.IN_REVIEW, tina)
    assert names(at_desk) == ["second", "third"]
    assert at_desk.get(f"{QUEUE}next/").status_code == 405


def test_the_next_oldest_is_none_of_ones_own_people(at_desk: Client, tina: User) -> None:
    cast.grant(tina, cast.ProjectFactory(name="shared", owner=owner("friend")))
    owner("stranger")
    for number, name in enumerate(("friend", "stranger")):
        queued(name, Signal.PASSWORD, address=f"10.{number}.0.1")
    at_desk.post(f"{QUEUE}next/")
    assert Lease.objects.get().case.user.username == "stranger"
    answer = at_desk.post(f"{QUEUE}next/", follow=True)
    assert "Nothing waits that you could work on." in answer.content.decode()


def test_the_clock_of_the_reply_runs_is_late_and_stands(at_desk: Client, tina: User, calendar: Calendar) -> None:
    owner("olga")
    claim = queued("olga", Signal.PASSWORD)
    assert chips(at_desk) >= {"reply within 3 days", "35 points, not enough"}
    calendar.jump(days=3, hours=2)
    people.let_in(at_desk, tina)
    assert "reply late by 2 hours" in chips(at_desk)
    assert names(at_desk, "?late=1") == ["olga"]
    calendar.jump(hours=-4)
    people.let_in(at_desk, tina)
    desk.take(actor=on_duty(tina), pk=claim.pk, at=clock.now())
    desk.ask(actor=on_duty(tina), pk=claim.pk, text="Which?", at=clock.now())
    calendar.jump(days=4)
    people.let_in(at_desk, tina)
    assert "clock stands, 2 hours left" in chips(at_desk, "?tab=waiting")
    requests.reply(actor=claim.actor, pk=claim.pk, secret=claim.secret, text="that", at=clock.now())
    assert "reply within 2 hours" in chips(at_desk)


def chips(client: Client, query: str = "") -> set[str]:
    return {chip.text for row in client.get(QUEUE + query).context["rows"] for chip in row.chips}


def test_filters_stand_in_the_address_and_get_names(at_desk: Client, tina: User) -> None:
    owner("olga")
    owner("carla")
    queued("olga", Signal.PASSWORD)
    queued("carla", Signal.PASSWORD, address="10.0.0.9")
    RecoveryCase.objects.filter(user__username="carla").update(flags=["token-leaked"], tier=2)
    assert names(at_desk, "?flag=token-leaked") == names(at_desk, "?tier=2") == ["carla"]
    assert names(at_desk, "?q=olga&tab=all") == ["olga"]
    pk = RecoveryCase.objects.get(user__username="carla").pk
    assert names(at_desk, f"?tab=all&q={pk}") == ["carla"]
    assert sorted(names(at_desk, "?tier=9&flag=made-up")) == ["carla", "olga"]

    at_desk.post(f"{QUEUE}?tab=unassigned&tier=2&page=7&evil=1", {"name": "The big ones"})
    view = SavedView.objects.get()
    assert (view.person, view.name, view.query) == (tina, "The big ones", "tab=unassigned&tier=2")
    assert "The big ones" in at_desk.get(QUEUE).content.decode()
    assert at_desk.post(QUEUE, {"name": "x" * 41}).status_code == 400

    other = people.browser(cast.staff("theo", StaffKind.SUPPORT_2))
    other.post(f"{QUEUE}view/{view.pk}/drop/")
    assert SavedView.objects.exists()
    assert "The big ones" not in other.get(QUEUE).content.decode()
    at_desk.post(f"{QUEUE}view/{view.pk}/drop/")
    assert not SavedView.objects.exists()


def test_a_saved_view_forgets_the_mailbox_it_was_narrowed_down_to(at_desk: Client) -> None:
    response = at_desk.post(f"{QUEUE}?tab=open&tier=1&q=carla%40example.org", {"name": "Hers"})
    assert SavedView.objects.get().query == "tab=open&tier=1"
    assert response["Location"] == f"{QUEUE}?tab=open&tier=1"


@pytest.mark.parametrize("kind", [StaffKind.VIEWER, StaffKind.AUDITOR])
def test_readers_cannot_find_out_whose_mailbox_it_is(calendar: Calendar, at_desk: Client, kind: StaffKind) -> None:
    for name in ("carla", "olga"):
        owner(name)
        queued(name, Signal.DEVICE)
    reader = people.browser(cast.staff("vera", kind))
    right, wrong = ("?tab=open&q=carla@example.org", "?tab=open&q=nobody@example.org")
    assert names(at_desk, right) == ["carla"]  # whoever works on cases may look mailboxes up
    assert sorted(names(reader, right)) == sorted(names(reader, wrong)) == ["carla", "olga"]
    page = reader.get(QUEUE + right).content.decode()
    assert "Mailboxes are looked up by who works on cases." in page
    assert names(reader, "?tab=open&q=carla") == ["carla"]


def test_there_is_an_end_to_saved_views(at_desk: Client) -> None:
    for number in range(20):
        at_desk.post(f"{QUEUE}?tab=all", {"name": f"view {number}"})
    assert at_desk.post(f"{QUEUE}?tab=all", {"name": "view 3"}).status_code == 302
    refused = at_desk.post(f"{QUEUE}?tab=all", {"name": "one more"})
    assert refused.status_code == 409
    assert "remove one first" in refused.content.decode()
    assert SavedView.objects.count() == 20


def test_a_case_about_nobody_does_not_wait_for_the_desk(at_desk: Client) -> None:
    Claim("no-such-person", "someone@example.org").open().finish()
    assert names(at_desk) == []
    assert names(at_desk, "?tab=open") == ["no-such-person"]
    assert "no such account: answered by itself" in chips(at_desk, "?tab=open")


def test_typed_addresses_are_masked_in_the_queue(at_desk: Client) -> None:
    Claim("someone.private@example.org", "someone.private@example.org").open().finish()
    page = at_desk.get(f"{QUEUE}?tab=open").content.decode()
    assert "someone.private" not in page
    assert "s…@example.org" in page


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (StaffKind.VIEWER, 200),
        (StaffKind.SUPPORT_1, 200),
        (StaffKind.SUPPORT_2, 200),
        (StaffKind.SECURITY, 200),
        (StaffKind.AUDITOR, 200),
        (StaffKind.CURATOR, 403),
        (StaffKind.MODERATOR, 403),
    ],
)
def test_roles_decide_who_reads_cases(calendar: Calendar, kind: StaffKind, status: int) -> None:
    assert people.browser(cast.staff("somebody", kind)).get(QUEUE).status_code == status


def test_staff_without_a_role_and_superusers_see_nothing(calendar: Calendar) -> None:
    for user in (cast.staff("plain"), cast.staff("root", is_superuser=True)):
        client = people.browser(user)
        assert client.get(QUEUE).status_code == 403
        assert client.post(f"{QUEUE}next/").status_code == 403


def test_readers_are_offered_nothing_to_do(calendar: Calendar) -> None:
    owner("olga")
    claim = queued("olga", Signal.PASSWORD)
    reader = people.browser(cast.staff("audra", StaffKind.AUDITOR))
    before = contents()
    assert "Take the next oldest case" not in reader.get(QUEUE).content.decode()
    page = reader.get(f"/admin/recovery/case/{claim.pk}/").content.decode()
    assert not re.search(r'<form[^>]*method="post"[^>]*action="/admin/recovery', page)
    assert reader.post(f"/admin/recovery/case/{claim.pk}/take/").status_code == 403
    assert changed_since(before) == set()


def test_the_queue_costs_the_same_for_one_case_and_for_many(
    at_desk: Client, tina: User, django_assert_max_num_queries: object
) -> None:
    def look() -> int:
        with django_assert_max_num_queries(12) as counted:  # type: ignore[operator]
            assert at_desk.get(f"{QUEUE}?tab=open").status_code == 200
        return len(counted)

    recovery.stored_case(recovery.veteran("olga"), CaseState.QUEUED)
    at_desk.get(QUEUE)
    one = look()
    for number in range(30):
        recovery.stored_case(recovery.veteran(f"person{number}"), CaseState.QUEUED)
    assert look() == one <= 12
