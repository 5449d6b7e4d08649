"""A release bound to a time: the worker publishes then, and asks everything once more before it does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from accounts.models import User
from indexsite import clock
from indexsite.errors import InvalidInput
from indexsite.models import AuditEvent
from mfa.models import SecurityKey
from releases import tasks
from releases.actions.drafts import approving, pressing
from releases.actions.drafts.publishing import return_draft
from releases.models import (
    Draft,
    DraftState,
    File,
    Project,
    ProjectStatus,
    Role,
    SignedAct,
    SignedStatement,
    UsedFilename,
)
from tests.support import cast
from tests.support.approvals import approve, in_review, release, reviewed_project
from tests.support.drafts import again, in_browser
from tests.support.people import letters_to
from tests.support.worker import run_queued

pytestmark = pytest.mark.django_db


@pytest.fixture
def scheduled(alice: User, bob: User, erin: User) -> Draft:
    reviewed_project(alice, bob, erin)
    draft = in_review(alice)
    approve(bob, draft)
    approve(erin, draft)
    release(alice, draft, publish_at=in_a_day())
    return again(draft)


def in_a_day() -> datetime:
    return (clock.now() + timedelta(days=1)).replace(second=0, microsecond=0)


def when_it_is_time(draft: Draft) -> Draft:
    assert draft.publish_at is not None
    pressing.publish_due(at=draft.publish_at)
    return again(draft)


def test_it_is_published_at_its_time_and_not_before(alice: User, erin: User, scheduled: Draft) -> None:
    publish_at = scheduled.publish_at
    assert publish_at is not None
    assert (scheduled.state, scheduled.wire_state) == (DraftState.REVIEW, "processing")
    assert pressing.publish_due(at=publish_at - timedelta(seconds=1)) == 0
    assert not File.objects.exists()

    assert pressing.publish_due(at=publish_at) == 1
    assert pressing.publish_due(at=publish_at) == 0

    assert again(scheduled).state == DraftState.PUBLISHED
    assert File.objects.count() == 1
    released = AuditEvent.objects.get(name="draft.released")
    assert (released.actor, released.credential_label) == (alice, "scheduled release")
    assert len(released.data["approvals"]) == 2
    run_queued()
    assert "is to be published at" in " ".join(str(letter.subject) for letter in letters_to(erin.email))


def test_the_worker_looks_for_it(scheduled: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    Draft.objects.update(publish_at=clock.now() - timedelta(seconds=1))
    tasks.tend_drafts.call()
    assert again(scheduled).state == DraftState.PUBLISHED


@pytest.mark.parametrize("days", [-1, 0, 31])
def test_only_times_that_come_soon_can_be_signed_for(alice: User, bob: User, erin: User, days: int) -> None:
    reviewed_project(alice, bob, erin)
    draft = in_review(alice)
    approve(bob, draft)
    approve(erin, draft)
    with pytest.raises(InvalidInput, match="next 30 days"):
        release(alice, draft, publish_at=clock.now() + timedelta(days=days) - timedelta(seconds=1))
    assert again(draft).publish_at is None


def quarantined(scheduled: Draft) -> None:
    Project.objects.update(status=ProjectStatus.QUARANTINED)


def archived(scheduled: Draft) -> None:
    Project.objects.update(status=ProjectStatus.ARCHIVED)


def rules_changed(scheduled: Draft) -> None:
    Project.objects.update(policy_version=7)


def more_needed(scheduled: Draft) -> None:
    Project.objects.update(approvals=3)


def approver_gone(scheduled: Draft) -> None:
    Role.objects.filter(user__username="bob").delete()


def approval_taken_back(scheduled: Draft) -> None:
    bob = User.objects.get(username="bob")
    approving.withdraw_approval(actor=in_browser(bob), draft=scheduled, at=clock.now())


def signer_frozen(scheduled: Draft) -> None:
    User.objects.filter(username="alice").update(is_active=False, frozen_at=clock.now())


def signer_has_no_role(scheduled: Draft) -> None:
    Role.objects.filter(user__username="alice").delete()


def key_set_aside(scheduled: Draft) -> None:
    SecurityKey.objects.filter(user__username="alice").update(set_aside_at=clock.now())


def key_removed(scheduled: Draft) -> None:
    cast.lose_factors(User.objects.get(username="alice"), name="blue")


HAPPENS = [
    quarantined,
    archived,
    rules_changed,
    more_needed,
    approver_gone,
    approval_taken_back,
    signer_frozen,
    signer_has_no_role,
    key_set_aside,
    key_removed,
]


@pytest.mark.parametrize("happens", HAPPENS)
def test_what_does_not_hold_any_more_comes_back_with_a_letter(
    alice: User, scheduled: Draft, happens: Callable[[Draft], None]
) -> None:
    """Race 9 and 10: a project or a person may change between the signature and the hour."""
    happens(scheduled)

    after = when_it_is_time(scheduled)

    assert (after.state, after.publish_at, after.digest) == (DraftState.RETURNED, None, "")
    assert after.notice.startswith("It was not published at its time: ")
    assert not File.objects.exists()
    assert not SignedStatement.objects.live().exists()
    assert pressing.publish_due(at=clock.now() + timedelta(days=40)) == 0
    run_queued()
    if alice.is_active and happens is not signer_frozen:
        assert "It was not published at its time" in str(letters_to(alice.email)[-1].body)


def test_a_name_that_was_used_meanwhile_publishes_nothing(scheduled: Draft) -> None:
    UsedFilename.objects.create(
        filename=scheduled.files.get().filename, sha256="0" * 64, project_name="x", used_at=clock.now()
    )
    after = when_it_is_time(scheduled)
    assert (after.state, File.objects.count()) == (DraftState.RETURNED, 0)
    assert "used or reserved already" in after.notice


def test_the_time_is_taken_back_by_anybody_with_a_role(erin: User, alice: User, scheduled: Draft) -> None:
    pressing.unschedule_release(actor=in_browser(erin), draft=scheduled, at=clock.now())
    pressing.unschedule_release(actor=in_browser(erin), draft=scheduled, at=clock.now())

    assert AuditEvent.objects.filter(name="draft.unscheduled").count() == 1
    assert pressing.publish_due(at=clock.now() + timedelta(days=40)) == 0
    assert again(scheduled).state == DraftState.REVIEW
    # The approvals stand: somebody signs for another time, or for now.
    release(alice, again(scheduled))
    assert again(scheduled).state == DraftState.PUBLISHED


def test_released_before_its_time_it_is_published_once(alice: User, scheduled: Draft) -> None:
    release(alice, scheduled)
    assert again(scheduled).state == DraftState.PUBLISHED
    assert pressing.publish_due(at=clock.now() + timedelta(days=40)) == 0
    live = SignedStatement.objects.live().filter(act=SignedAct.RELEASE)
    assert live.get().publish_at is None
    assert AuditEvent.objects.filter(name="draft.published").count() == 1


def test_returned_before_its_time_it_is_not_published(bob: User, scheduled: Draft) -> None:
    return_draft(actor=in_browser(bob), draft=scheduled, reason="Not today", at=clock.now())
    assert again(scheduled).publish_at is None
    assert pressing.publish_due(at=clock.now() + timedelta(days=40)) == 0
    assert not File.objects.exists()
