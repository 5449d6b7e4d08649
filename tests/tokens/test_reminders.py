"""Tokens that end by themselves: their owners hear of it once, and in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts.models import User
from indexsite import task_backend
from indexsite.schedule import JOBS
from tests.support import cast, people
from tests.support.cast import ProjectFactory
from tokens.actions import create_token, revoke_token
from tokens.actions.remind import remind_of_ends
from tokens.models import Token

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def make(user: User, *, life: timedelta | None, description: str = "ci") -> Token:
    return create_token(
        actor=cast.actor(user),
        description=description,
        project=ProjectFactory(owner=user),
        expires_at=NOW + life if life is not None else None,
        at=NOW,
    ).token


def reminders(user: User) -> list[str]:
    return [subject for subject in people.subjects(people.letters_to(user.email)) if " ends on " in subject]


@pytest.mark.asvs("6.4.5")
@pytest.mark.parametrize(
    ("life", "before_end"),
    [(90 * DAY, 7 * DAY), (28 * DAY, 7 * DAY), (8 * DAY, 2 * DAY), (2 * DAY, DAY / 2)],
)
def test_the_owner_hears_once_that_a_token_ends(alice: User, life: timedelta, before_end: timedelta) -> None:
    token = make(alice, life=life)
    due = NOW + life - before_end
    remind_of_ends(at=due - timedelta(minutes=1))
    assert reminders(alice) == []
    assert remind_of_ends(at=due) == 1
    assert remind_of_ends(at=due + timedelta(hours=1)) == 0
    assert reminders(alice) == [f'API token "ci" ends on {NOW + life:%Y-%m-%d %H:%M} UTC']
    [letter] = [letter for letter in people.letters_to(alice.email) if " ends on " in letter.subject]
    assert token.short_id in letter.body
    assert token.secret() not in letter.body
    token.refresh_from_db()
    assert token.remind_at is None
    assert token.is_live(due)


def test_nobody_hears_of_what_ends_soon_anyway_or_never_or_has_ended(alice: User) -> None:
    make(alice, life=None, description="for ever")
    make(alice, life=DAY, description="today")
    make(alice, life=30 * DAY, description="slept through")
    revoked = make(alice, life=30 * DAY, description="revoked")
    revoke_token(actor=cast.actor(alice), token=revoked, at=NOW)
    assert remind_of_ends(at=NOW + DAY * 20) == 0
    assert remind_of_ends(at=NOW + DAY * 31) == 0  # no worker ran meanwhile
    assert reminders(alice) == []


def test_the_worker_sees_to_it(alice: User) -> None:
    make(alice, life=10 * DAY)
    with time_machine.travel(NOW + 9 * DAY, tick=False):
        assert "token-reminders" in task_backend.enqueue_due(JOBS)
        assert len(reminders(alice)) == 1
