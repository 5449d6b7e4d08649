"""Approvals, releases and rules that meet: each race as it ends, and as it would end without its lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError

from accounts.models import User
from indexsite import clock
from indexsite.errors import DomainError
from indexsite.models import AuditEvent
from releases.actions import publish
from releases.actions.drafts import approving, pressing, publishing
from releases.models import Draft, DraftState, File, Project, Publishing, Role, SignedAct, SignedStatement
from releases.queries_approvals import approvals_of
from tests.support import cast
from tests.support.approvals import approve, in_review, key_answer, old_key, reviewed_project
from tests.support.authenticators import SoftKey
from tests.support.distributions import make_sdist, make_wheel
from tests.support.drafts import again, by_token, gathered, in_browser
from tests.support.races import SURELY, meet, together, without_locks
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db(transaction=True)

LOCK = "releases.actions.drafts.standing.lock_project"


@pytest.fixture
def project(alice: User, bob: User, erin: User) -> Project:
    return reviewed_project(alice, bob, erin)


def outcome(act: Callable[[], Any]) -> str:
    """ "done", or the code of the refusal."""
    try:
        act()
    except DomainError as error:
        return error.code
    return "done"


def unlocked(patch: pytest.MonkeyPatch) -> None:
    without_locks(patch)
    patch.setattr(LOCK, lambda pk: Project.with_deleted.get(pk=pk))


def released(user: User, draft: Draft) -> Callable[[], Any]:
    """Press Release with an answer that the key has given already."""
    actor = in_browser(user)
    proof = key_answer(actor, draft, SignedAct.RELEASE)
    return partial(pressing.release_draft, actor=actor, draft=draft, proof=proof, at=clock.now())


def approved(user: User, draft: Draft, *, key: SoftKey | None = None) -> Callable[[], Any]:
    actor = in_browser(user)
    proof = key_answer(actor, draft, SignedAct.APPROVE, key=key)
    return partial(approving.approve_draft, actor=actor, draft=draft, proof=proof, at=clock.now())


def ready(alice: User, *approvers: User) -> Draft:
    draft = in_review(alice, make_wheel(), make_sdist())
    for person in approvers:
        approve(person, draft)
    return again(draft)


# -- 3: two press Release, or one presses twice -----------------------------------------------------------------


def two_releases(alice: User, bob: User, erin: User, patch: pytest.MonkeyPatch, **options: float) -> Counter[str]:
    draft = ready(alice, bob, erin)
    acts = [released(alice, draft), released(bob, draft)]
    meet(patch, "releases.actions.drafts.pressing.keep", **options)
    return Counter(together(*(partial(outcome, act) for act in acts)))


def test_two_who_press_release_publish_once(
    alice: User, bob: User, erin: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert two_releases(alice, bob, erin, monkeypatch) == {"done": 2}

    names = Counter(AuditEvent.objects.values_list("name", flat=True))
    assert (names["draft.released"], names["draft.published"], names["file.published"]) == (1, 1, 2)
    assert SignedStatement.objects.live().filter(act=SignedAct.RELEASE).count() == 1


def test_without_the_lock_two_who_press_release_end_in_an_error(
    alice: User, bob: User, erin: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlocked(monkeypatch)
    with pytest.raises(DatabaseError):
        two_releases(alice, bob, erin, monkeypatch, patience=SURELY)


def test_two_approvals_of_one_person_at_once_are_one(
    alice: User, bob: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = ready(alice)
    # Two answers of a key that counts may arrive the wrong way round, and that is what a copied key looks like.
    passkey = old_key(bob, "passkey", counts=False)
    acts = [approved(bob, draft, key=passkey), approved(bob, draft, key=passkey)]
    meet(monkeypatch, LOCK)

    assert together(*(partial(outcome, act) for act in acts)) == ["done", "done"]
    assert SignedStatement.objects.count() == 1
    assert AuditEvent.objects.filter(name="draft.approved").count() == 1


def test_one_answer_sent_twice_at_once_is_taken_once(
    alice: User, bob: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = ready(alice)
    key = cast.key_of(bob)
    assert key is not None
    key.counts = False  # as passkeys: one that counts would look copied
    act = approved(bob, draft)
    meet(monkeypatch, "mfa.ceremonies.find_key")

    assert sorted(together(partial(outcome, act), partial(outcome, act))) == ["done", "key-refused"]
    assert SignedStatement.objects.count() == 1


# -- 10: an approver loses the role while Release is pressed ----------------------------------------------------


def release_and_remove(alice: User, bob: User, erin: User, patch: pytest.MonkeyPatch) -> tuple[str, Draft]:
    """The role goes after the press of Release has been let in, and before it has the lock."""
    draft = ready(alice, bob, erin)
    press = released(alice, draft)
    original = pressing.locked

    def after_the_removal(*args: Any, **options: Any) -> Draft:
        Role.objects.filter(user=bob).delete()
        return original(*args, **options)

    patch.setattr(pressing, "locked", after_the_removal)
    return outcome(press), again(draft)


def test_an_approver_who_loses_the_role_meanwhile_is_not_counted(
    alice: User, bob: User, erin: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, draft = release_and_remove(alice, bob, erin, monkeypatch)
    assert (said, draft.state) == ("approval-required", DraftState.REVIEW)
    assert not File.objects.exists()


def test_counted_before_the_lock_the_approval_of_somebody_removed_would_publish(
    alice: User, bob: User, erin: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = ready(alice, bob, erin)
    counted = approvals_of(draft)
    monkeypatch.setattr(pressing, "approvals_of", lambda draft: counted)
    press = released(alice, draft)
    Role.objects.filter(user=bob).delete()

    assert outcome(press) == "done"
    assert again(draft).state == DraftState.PUBLISHED


@pytest.mark.parametrize("what", ["withdraw", "return"])
def test_what_is_taken_back_and_released_at_once_ends_as_one_of_them(
    alice: User, bob: User, erin: User, project: Project, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    draft = ready(alice, bob, erin)
    press, of_bob = released(alice, draft), in_browser(bob)
    back: Callable[[], Any] = (
        partial(approving.withdraw_approval, actor=of_bob, draft=draft, at=clock.now())
        if what == "withdraw"
        else partial(publishing.return_draft, actor=of_bob, draft=draft, reason="Wait", at=clock.now())
    )
    meet(monkeypatch, LOCK)

    said = together(partial(outcome, press), partial(outcome, back))

    after = again(draft)
    if after.state == DraftState.PUBLISHED:
        assert said[0] == "done"
        assert File.objects.count() == 2
    else:
        assert said[0] in {"approval-required", "approval-stale"}
        assert said[1] == "done"
        assert not File.objects.exists()


def test_the_worker_and_a_person_release_at_once_and_publish_once(
    alice: User, bob: User, erin: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = ready(alice, bob, erin)
    actor, at = in_browser(alice), clock.now()
    due = at + timedelta(hours=1)
    proof = key_answer(actor, draft, SignedAct.RELEASE, publish_at=due)
    pressing.release_draft(actor=actor, draft=draft, proof=proof, at=clock.now())
    press = released(bob, again(draft))
    meet(monkeypatch, LOCK)

    said = together(partial(outcome, press), partial(outcome, partial(pressing.publish_due, at=due)))

    assert said[1] == "done"
    assert again(draft).state == DraftState.PUBLISHED
    assert AuditEvent.objects.filter(name="draft.published").count() == 1


# -- 14: review becomes a duty while a file is uploaded ---------------------------------------------------------


def upload_and_switch(alice: User, patch: pytest.MonkeyPatch) -> str:
    """The rules change after the upload was let in, before it has the lock."""
    Project.objects.update(publishing=Publishing.OPTIONAL, approvals=0)
    secret = token_for(alice)
    original = publish._commit

    def after_the_switch(upload: Any) -> Any:
        Project.objects.update(publishing=Publishing.AUTO, approvals=2, policy_version=2)
        return original(upload)

    patch.setattr(publish, "_commit", after_the_switch)
    answer = upload(make_wheel(), secret)
    return "done" if answer.status_code == 200 else str(answer.json()["code"])


def test_rules_that_change_during_an_upload_hold_for_it(
    alice: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert upload_and_switch(alice, monkeypatch) == "draft-required"
    assert not File.objects.exists()


def test_asked_only_before_the_lock_an_upload_would_slip_through(
    alice: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releases.actions.publish.require_now", lambda *args: None)
    assert upload_and_switch(alice, monkeypatch) == "done"
    assert File.objects.exists()


def test_rules_that_change_while_a_token_publishes_a_draft_hold_for_it(
    alice: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    Project.objects.update(publishing=Publishing.OPTIONAL, approvals=0)
    actor = by_token(alice)
    draft = gathered(actor, make_wheel())
    original = publishing.locked

    def after_the_switch(*args: Any, **options: Any) -> Draft:
        Project.objects.update(publishing=Publishing.EXPLICIT, approvals=2, policy_version=2)
        return original(*args, **options)

    monkeypatch.setattr(publishing, "locked", after_the_switch)
    publishing.finish_draft(actor=actor, draft=draft, at=clock.now())

    assert again(draft).state == DraftState.REVIEW
    assert not File.objects.exists()
