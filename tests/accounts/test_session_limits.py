"""A session ends by itself: unused, or after its time, whatever is done in it; sooner for staff."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client

from accounts import session_limits
from accounts.models import User
from indexsite import clock
from tests.support import people

pytestmark = pytest.mark.django_db


def seen_after(client: Client, *waits: timedelta) -> list[str]:
    """Who is signed in at a request after each of these waits."""
    at, found = clock.now(), []
    for wait in waits:
        at += wait
        with time_machine.travel(at, tick=True):
            found.append(people.signed_in_as(client))
    return found


def test_without_the_limit_a_session_of_staff_lasts_for_days(mona: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_limits, "STAFF", session_limits.PEOPLE)
    assert seen_after(people.browser(mona), timedelta(days=6)) == ["mona"]


@pytest.mark.asvs("7.3.1", "7.3.2")
@pytest.mark.parametrize(
    ("name", "idle", "absolute"),
    [("alice", timedelta(days=7), timedelta(days=14)), ("mona", timedelta(minutes=30), timedelta(hours=12))],
)
def test_a_session_ends_unused_and_after_its_time(
    alice: User, mona: User, name: str, idle: timedelta, absolute: timedelta
) -> None:
    user, moment = {"alice": alice, "mona": mona}[name], timedelta(seconds=30)
    assert seen_after(people.browser(user), idle - moment, 2 * moment + moment) == [name, name]
    assert seen_after(people.browser(user), idle + moment) == [""]
    step = idle * 0.9
    used_all_the_time = seen_after(people.browser(user), *[step] * (int(absolute / step) + 1))
    assert used_all_the_time == [name] * int(absolute / step) + [""]


@pytest.mark.asvs("7.4.1")
def test_whoever_is_signed_out_is_told_why(alice: User) -> None:
    client = people.browser(alice)
    key = client.session.session_key
    with time_machine.travel(timedelta(days=8), tick=True):
        response = client.get("/account/", follow=True)
        assert "You were signed out: a session lasts 7 days without use, or 14 in all." in response.text
    assert not Session.objects.filter(session_key=key).exists()


def test_a_visitor_costs_no_look_into_the_table_of_sessions(django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        people.browser().get("/help/")
