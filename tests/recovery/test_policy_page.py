"""The public page: all of the policy, and numbers that tell of nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from indexsite import clock
from recovery import policy_words, queries_public
from recovery.assurance import EvidenceClass, Signal, Tier
from recovery.assurance_policy import POLICY
from recovery.models import CaseState, RecoveryCase
from tests.support.people import browser
from tests.support.recovery import stored_case

PAGE, JSON = "/recovery/policy/", "/recovery/policy.json"


def test_every_row_of_the_policy_is_said() -> None:
    words = policy_words.in_words(POLICY)
    assert {len(words.classes), len(words.tiers)} == {len(EvidenceClass), len(Tier)}
    assert sum(len(each.signals) for each in words.classes) == len(POLICY.signals) == len(Signal)
    assert [each.cap for each in words.classes] == list(POLICY.caps.values())
    i3 = words.tiers[Tier.I3]
    assert i3.ways == (
        "80 points from 3 different kinds, one of them among people who know you or where you publish from: "
        "14 days of waiting",
    )
    assert i3.who == "3 different people (senior support, senior support, security)"
    assert (i3.tail, i3.hold) == ("72 hours", "14 days")
    assert (
        words.tiers[Tier.I0].who
        == "the rules alone; where they may not, 2 different people (support, senior support)"
    )


@pytest.mark.parametrize(
    ("length", "words"),
    [(timedelta(hours=24), "24 hours"), (timedelta(days=3), "72 hours"), (timedelta(days=7), "7 days")],
)
def test_lengths_of_time_are_said_as_people_do(length: timedelta, words: str) -> None:
    assert policy_words.length(length) == words


def test_what_is_not_built_is_promised_to_nobody() -> None:
    assert POLICY.tiers[Tier.I3].stages_first_release
    assert "first release" not in str(policy_words.in_words(POLICY))


@pytest.mark.django_db
def test_everybody_reads_it_in_words_and_in_json() -> None:
    page = browser().get(PAGE)
    assert page.status_code == 200
    assert "A verified e-mail address whose domain is in order" in page.text
    assert POLICY.version in page.text
    answer = browser().get(JSON)
    told: dict[str, Any] = answer.json()
    assert answer["Cache-Control"] == "public, max-age=600"
    assert told["policy"]["version"] == POLICY.version
    assert told["policy"]["tiers"]["I2"]["ways"][0] == {
        "points": 60, "classes": 2, "waiting_seconds": 604800,
        "one_of": ["Browsers", "API tokens", "Where you publish from", "Signatures", "People who know you"],
    }  # fmt: skip
    assert told["policy"]["evidence"]["password"]["max_idle_seconds"] is None


@pytest.mark.django_db
def test_no_figure_tells_of_fewer_than_five(carla: User) -> None:
    """With every number an impostor could watch the one case they care for."""
    at = clock.now()
    for _ in range(4):
        stored_case(carla, CaseState.QUEUED, queued_at=at)
    found = queries_public.public_figures(at)
    assert (found.waiting, found.opened, found.over, found.percent_without_staff) == (None, None, None, None)
    assert browser().get(PAGE).text.count("fewer than 5") == 5
    stored_case(carla, CaseState.QUEUED, queued_at=at)
    assert queries_public.public_figures(at).waiting == 5


@pytest.mark.django_db
def test_waiting_times_are_of_what_people_decided(carla: User) -> None:
    at = clock.now()
    for days in (1, 2, 3, 4, 10):
        since = at - timedelta(days=20)
        stored_case(carla, CaseState.APPROVED, finished_at=since, approved_at=since + timedelta(days=days))
    stored_case(carla, CaseState.QUEUED, finished_at=at - timedelta(days=40))
    found = queries_public.public_figures(at)
    assert (found.decision_p50, found.decision_p90) == (timedelta(days=3), timedelta(days=10))
    assert "half within 3.0 days, nine of ten within 10.0 days" in browser().get(PAGE).text


@pytest.mark.django_db
def test_it_is_counted_once_in_ten_minutes(carla: User) -> None:
    client = browser()
    with CaptureQueriesContext(connection) as first:
        client.get(PAGE)
    with CaptureQueriesContext(connection) as second:
        client.get(PAGE)
        client.get(JSON)
    assert len(first) == 3
    assert len(second) == 0
    assert RecoveryCase.objects.count() == 0
