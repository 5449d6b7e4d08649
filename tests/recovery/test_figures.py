"""The console's page of figures: each number is one query, and right; who sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import StaffKind, User
from indexsite import clock
from recovery import queries_deciders, queries_figures, queries_prepared
from recovery.actions import counting, desk, owner, story
from recovery.assurance import Signal
from recovery.models import CaseState, Evidence, RecoveryCase
from tests.support import cast, people, recovery
from tests.support.database import changed_since, contents
from tests.support.people import browser
from tests.support.recovery import Calendar, on_duty, queued, stored_case

pytestmark = pytest.mark.django_db

PAGE = "/admin/recovery/figures/"
SEEN_BY = {StaffKind.VIEWER, StaffKind.SUPPORT_1, StaffKind.SUPPORT_2, StaffKind.SECURITY, StaffKind.AUDITOR}


@pytest.mark.parametrize("kind", [*StaffKind, None])
def test_the_desk_and_its_auditors_see_it_and_nobody_else(kind: StaffKind | None) -> None:
    who = cast.staff("sam", *([kind] if kind else []))
    client = browser(who)
    before = contents()
    assert client.get(PAGE).status_code == (200 if kind in SEEN_BY else 403)
    assert changed_since(before) == set()
    assert browser().get(PAGE).status_code == 302


def test_each_figure_is_one_query_and_an_empty_desk_has_them_all() -> None:
    with CaptureQueriesContext(connection) as asked:
        told = queries_prepared.count(clock.now())
    assert len(asked) == len(told)


def test_ranks_are_of_somebody_who_waited() -> None:
    lengths = [timedelta(hours=hours) for hours in range(1, 21)]
    found = queries_figures.spread(lengths)
    assert (found.count, found.p50, found.p90, found.p95, found.longest) == (
        20, lengths[9], lengths[17], lengths[18], lengths[19],
    )  # fmt: skip
    assert queries_figures.spread([]).p50 is None


def test_open_cases_by_state_tier_and_age(carla: User, calendar: Calendar) -> None:
    at = clock.now()
    for days in (0.5, 2, 5, 5, 30):
        stored_case(carla, CaseState.QUEUED, at=at - timedelta(days=days), queued_at=at - timedelta(days=days))
    stored_case(carla, CaseState.EVIDENCE, tier=2)
    stored_case(carla)  # never opened: it may be anybody's typing
    found = queries_figures.open_cases(at)
    assert [(row.state, row.tier, row.count, row.bands) for row in found] == [
        (CaseState.EVIDENCE, 2, 1, (1, 0, 0, 0, 0)),
        (CaseState.QUEUED, 0, 5, (1, 1, 2, 0, 1)),
    ]
    backlog = queries_figures.backlog(at)
    assert (backlog.count, backlog.p50, backlog.longest) == (5, timedelta(days=5), timedelta(days=30))


def test_what_a_straight_case_leaves_behind(olga: User, team: dict[str, User], calendar: Calendar) -> None:
    """Evidence for a day, two days for the desk, cooling for the rest."""
    claim = recovery.Claim("olga", "olga@example.org").open()
    calendar.pass_by(days=1)
    claim.offer(Signal.PASSWORD, Signal.USER_TOKEN).finish()
    calendar.pass_by(days=1)
    desk.take(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
    calendar.jump(minutes=10)
    desk.message(actor=on_duty(team["tina"]), pk=claim.pk, text="We look at it.", at=clock.now())
    calendar.jump(minutes=5)
    claim.approve(team["tina"])
    calendar.pass_by(days=1)
    claim.approve(team["theo"])
    calendar.pass_by(days=4, hours=12)
    assert claim.state == CaseState.EXECUTED
    at = clock.now()

    assert queries_figures.first_replies(at).p50 == timedelta(days=1, minutes=10)
    found = queries_figures.resolved(at)
    assert found.claimant.p50 == timedelta(days=1)
    assert found.staff.p50 == timedelta(days=2, minutes=15)
    assert found.cooling.p50 is not None
    assert found.cooling.p50 > timedelta(days=3)
    assert found.whole.p50 == found.claimant.p50 + found.staff.p50 + found.cooling.p50
    done = queries_figures.outcomes(at)
    assert (done["all"], done["executed"], done["by_rules"], done["without_staff"]) == (1, 1, 0, 0)
    assert queries_figures.incidents(at) == 0
    assert [(pair.first, pair.second, pair.count, pair.share) for pair in queries_deciders.pairs(at)] == [
        ("theo", "tina", 1, 100)
    ]
    assert queries_deciders.hasty(at) == []
    assert [(each.name, each.share) for each in queries_deciders.deciders(at)] == [("theo", 100), ("tina", 100)]
    # Tina's quarter of an hour; theo did one thing.
    assert (queries_deciders.effort(at).cases, queries_deciders.effort(at).minutes) == (1, 15)
    assert queries_figures.evidence_mix(at) == [("mailbox", 1, 1), ("password", 1, 1), ("token", 1, 1)]
    page = browser_of(team["sven"])
    assert "theo and tina" in page
    assert "olga" not in page


def browser_of(user: User) -> str:
    cast.add_totp(user)
    return browser(user).get(PAGE).text


def test_a_yes_without_reading_shows(olga: User, team: dict[str, User], calendar: Calendar) -> None:
    claim = queued("olga", Signal.PASSWORD, Signal.USER_TOKEN)
    desk.take(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
    calendar.jump(seconds=20)
    claim.approve(team["tina"])
    calendar.jump(seconds=59)
    claim.approve(team["theo"])
    found = queries_deciders.hasty(clock.now())
    assert [(each.person, each.after.total_seconds()) for each in found] == [("theo", 59), ("tina", 20)]
    assert all(each.case == claim.pk for each in found)


def test_a_long_story_takes_longer_to_read_and_a_quick_no_shows_too(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("olga", Signal.PASSWORD, Signal.USER_TOKEN)
    desk.take(actor=on_duty(team["tina"]), pk=claim.pk, at=clock.now())
    for _ in range(5):
        desk.note(actor=on_duty(team["tina"]), pk=claim.pk, text="x" * 500, at=clock.now())
    calendar.jump(seconds=159)
    claim.approve(team["tina"])
    (one,) = queries_deciders.hasty(clock.now())
    assert (one.person, one.after.total_seconds(), one.needed.total_seconds()) == ("tina", 159, 160)
    assert "tina, after 159 of 160 seconds" in browser_of(team["sven"])


def approved_together(calendar: Calendar, cases: Iterable[tuple[str, str]], people: dict[str, User]) -> None:
    for number, names in enumerate(cases):
        case = recovery.stored_case(recovery.veteran(f"person{number}"), CaseState.IN_REVIEW)
        for name in names:
            recovery.stored_approval(case, people[name])


def test_two_who_approve_more_together_than_by_chance_stand_out(calendar: Calendar) -> None:
    people = {name: cast.staff(name, StaffKind.SUPPORT_2) for name in ("theo", "tim", "tess", "toni")}
    seldom = [("theo", "toni"), ("tess", "tim")]
    approved_together(calendar, [("theo", "tim")] * 9 + [("tess", "toni")] * 9 + seldom, people)
    found = {(pair.first, pair.second): pair for pair in queries_deciders.pairs(clock.now())}
    assert {names for names, pair in found.items() if pair.is_unusual} == {("theo", "tim"), ("tess", "toni")}
    # Each has 10 cases of 20.
    assert (found["theo", "tim"].count, found["theo", "tim"].expected) == (9, 5.0)
    assert found["tess", "tim"].count == 1


def test_two_who_are_all_there_is_do_not(calendar: Calendar) -> None:
    people = {name: cast.staff(name, StaffKind.SUPPORT_2) for name in ("theo", "tim")}
    approved_together(calendar, [("theo", "tim")] * 9, people)
    (pair,) = queries_deciders.pairs(clock.now())
    assert (pair.count, pair.expected, pair.is_unusual) == (9, 9.0, False)


def test_first_replies_that_came_late_or_never_are_counted_afterwards(
    olga: User, team: dict[str, User], calendar: Calendar
) -> None:
    for name in ("pia", "quin", "rosa"):
        recovery.veteran(name)
    prompt, late, never, decided = (
        queued(name, Signal.PASSWORD, Signal.USER_TOKEN, address=f"10.{number}.9.9")
        for number, name in enumerate(["olga", "pia", "quin", "rosa"])
    )
    calendar.pass_by(days=2)
    desk.take(actor=on_duty(team["tina"]), pk=prompt.pk, at=clock.now())
    desk.message(actor=on_duty(team["tina"]), pk=prompt.pk, text="We look at it.", at=clock.now())
    calendar.pass_by(days=3)
    desk.take(actor=on_duty(team["theo"]), pk=late.pk, at=clock.now())
    desk.message(actor=on_duty(team["theo"]), pk=late.pk, text="Sorry.", at=clock.now())
    calendar.pass_by(days=1)
    RecoveryCase.objects.filter(pk=decided.pk).update(approved_at=clock.now() - timedelta(days=4))
    found = queries_figures.replies_owed(clock.now())
    assert (found.count, found.late, found.never) == (4, 1, 1)
    assert timedelta(days=3) <= found.worst < timedelta(days=3, hours=1)
    assert RecoveryCase.objects.get(pk=never.pk).state == CaseState.QUEUED
    page = browser_of(team["sven"])
    assert "4; late 1, never given and late 1, at worst by" in page


def test_looks_at_personal_data_are_counted(carla: User, team: dict[str, User]) -> None:
    case = stored_case(carla, CaseState.QUEUED)
    for _ in range(2):
        story.tell(case, "unmasked", by=on_duty(team["tina"]), at=clock.now(), text="to call them")
    assert queries_deciders.unmasked(clock.now()) == [("tina", 2)]


def test_an_incident_is_somebody_who_says_so_afterwards(
    carla: User, team: dict[str, User], calendar: Calendar
) -> None:
    claim = queued("carla", Signal.PASSWORD)
    calendar.pass_by(hours=80)
    assert claim.state == CaseState.EXECUTED
    done = queries_figures.outcomes(clock.now())
    assert (done["executed"], done["by_rules"], done["without_staff"]) == (1, 1, 1)
    token = recovery.link("cancel", "carla@example.org")
    owner.dispute_by_link(actor=recovery.visitor(), token=token, at=clock.now())
    assert queries_figures.incidents(clock.now()) == 1
    assert "somebody said that it was not them" in browser_of(team["sven"])


def test_a_case_that_is_stopped_and_one_that_is_never_opened(carla: User, calendar: Calendar) -> None:
    queued("carla", Signal.PASSWORD)
    recovery.Claim("nobody", "nobody@example.net")
    token = recovery.link("cancel", "carla@example.org")
    owner.cancel_by_link(actor=recovery.visitor(), token=token, at=clock.now())
    done = queries_figures.outcomes(clock.now())
    assert (done["all"], done["cancelled"], done["without_staff"]) == (1, 1, 1)
    found = queries_figures.flow(clock.now())
    assert (found["in7"], found["out7"], found["in90"]) == (1, 1, 1)


def test_letters_flags_and_coverage(carla: User, olga: User, calendar: Calendar) -> None:
    claim = queued("carla", Signal.PASSWORD)
    claim.case.notices.update(sent_at=None, queued_at=clock.now() - timedelta(hours=2))
    assert queries_figures.letters_stuck(clock.now())["unsent"] == claim.case.notices.count()
    stored_case(olga, CaseState.QUEUED, flags=["domain-lapsed", "token-leaked"])
    assert dict(queries_figures.flags(clock.now())) == {"domain-lapsed": 1, "token-leaked": 1}
    cast.add_key(olga)
    assert queries_figures.coverage() == {"people": 2, "codes": 0, "several": 1, "keyed": 1}
    Evidence.objects.all().update(verdict="failed")
    assert all(passed == 0 for _, _, passed in queries_figures.evidence_mix(clock.now()))
    people.letters()


def test_the_page_shows_what_the_worker_has_counted_in_one_query(calendar: Calendar) -> None:
    tina, sven = recovery.desk("tina", StaffKind.SUPPORT_2), recovery.desk("sven", StaffKind.SECURITY)
    for name in ("carla", "olga"):
        cast.ProjectFactory(owner=recovery.veteran(name))
        queued(name, Signal.DEVICE, Signal.PASSWORD).approve(tina, sven)
    client = browser(tina)
    counted = _shown(client)
    counting.keep_figures(at=clock.now())
    assert _shown(client) == counted  # the same page, from what was kept
    with CaptureQueriesContext(connection) as asked:
        client.get(PAGE)
    assert len(asked) <= 8
    owner_of_a_case = recovery.veteran("otto")
    stored_case(owner_of_a_case, CaseState.QUEUED)
    assert _shown(client) == counted


def test_what_was_counted_long_ago_is_counted_anew(carla: User, calendar: Calendar) -> None:
    client = browser(cast.staff("vera", StaffKind.VIEWER))
    counting.keep_figures(at=clock.now())
    before = _shown(client)
    stored_case(carla, CaseState.QUEUED)
    calendar.jump(minutes=14)
    assert _shown(client) == before
    calendar.jump(minutes=2)
    kept = contents()
    assert _shown(client) != before
    assert changed_since(kept) == set()


def _shown(client: Client) -> str:
    html = client.get(PAGE).content.decode()
    return re.sub(r"Counted at [^<]*UTC", "", html.partition("<main")[2])
