"""What the help page says about waiting is what the policy says."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from django.test import Client

from recovery.assurance import Tier
from recovery.assurance_policy import POLICY
from recovery.waits import in_days, waits


def test_waits_are_those_of_the_policy() -> None:
    assert [(wait.waiting, wait.people, wait.hold) for wait in waits(POLICY)] == [
        ("3 days to 7 days", "rules, or 2 people", "1 day"),
        ("3 days to 7 days", "2 people", "3 days"),
        ("7 days", "2 people", "7 days"),
        ("14 days", "3 people", "14 days"),
    ]


def test_another_policy_makes_another_table() -> None:
    rule = dataclasses.replace(POLICY.tiers[Tier.I3], hold=timedelta(days=20))
    changed = dataclasses.replace(POLICY, tiers={**POLICY.tiers, Tier.I3: rule})
    assert waits(changed)[-1].hold == "20 days"


@pytest.mark.parametrize(("hours", "says"), [(24, "1 day"), (25, "2 days"), (72, "3 days")])
def test_nobody_is_promised_less_than_there_is(hours: int, says: str) -> None:
    assert in_days(timedelta(hours=hours)) == says


@pytest.mark.django_db
def test_the_help_page_shows_them() -> None:
    page = Client().get("/help/").content.decode()
    assert 'id="lost-factor"' in page
    assert all(wait.stake in page and wait.waiting in page for wait in waits(POLICY))
