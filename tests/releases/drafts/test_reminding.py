"""One letter a day before a draft expires."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from accounts.models import User
from indexsite import clock
from releases.actions.drafts.beginning import extend_draft
from releases.actions.drafts.ending import tend
from releases.actions.drafts.publishing import submit_draft
from releases.models import Draft, DraftState
from tests.support import cast
from tests.support.drafts import again, by_token, gathered
from tests.support.letters import delivered, said

pytestmark = pytest.mark.django_db

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def draft(alice: User, bob: User) -> Draft:
    cast.ProjectFactory(name="sampleproject", owner=alice, maintainer=bob, last_serial=1)
    return gathered(by_token(bob))


def reminded(mail_dir: Path) -> list[str]:
    """Who was written to about it, in the order of the letters."""
    return [str(letter["To"]) for letter in delivered(mail_dir) if "expires soon" in str(letter["Subject"])]


def test_whoever_began_it_is_told_once_a_day_before(draft: Draft, bob: User, mail_dir: Path) -> None:
    tend(at=draft.expires_at - DAY - HOUR)
    assert reminded(mail_dir) == []
    for hours in (24, 23, 1):
        tend(at=draft.expires_at - hours * HOUR)

    assert reminded(mail_dir) == [bob.email]
    text = said(delivered(mail_dir)[-1])
    assert f"/manage/draft/{draft.public_id}/" in text
    assert clock.written(draft.expires_at) in text


def test_a_short_extension_earns_no_second_letter_and_a_long_one_does(
    draft: Draft, bob: User, mail_dir: Path
) -> None:
    tend(at=draft.expires_at - HOUR)
    extend_draft(actor=by_token(bob), draft=draft, seconds=7200, at=clock.now())
    tend(at=again(draft).expires_at - HOUR)
    assert len(reminded(mail_dir)) == 1
    extend_draft(actor=by_token(bob), draft=draft, seconds=86_400, at=clock.now())
    tend(at=again(draft).expires_at - HOUR)

    assert len(reminded(mail_dir)) == 2


def test_what_does_not_expire_is_not_announced(draft: Draft, bob: User, mail_dir: Path) -> None:
    submit_draft(actor=by_token(bob), draft=draft, at=clock.now())
    tend(at=draft.expires_at - HOUR)
    tend(at=draft.expires_at + HOUR)

    assert again(draft).state == DraftState.REVIEW
    assert reminded(mail_dir) == []
