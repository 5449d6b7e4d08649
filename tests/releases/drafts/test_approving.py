"""People approve what is in a draft with a key, somebody presses Release, and nothing short of that publishes."""

from __future__ import annotations

import json
from collections import Counter
from copy import replace
from datetime import timedelta

import pytest

from accounts.models import User
from indexsite import clock
from indexsite.errors import DomainError, PermissionRefused
from indexsite.models import AuditEvent
from mfa.ceremonies import AnswerRefused, UnknownKey
from mfa.challenges import ChallengeGone
from mfa.models import SecurityKey
from releases.actions.drafts import approving, pressing
from releases.actions.drafts.pressing import ApprovalsMissing
from releases.actions.drafts.publishing import finish_draft, publish_draft, return_draft, submit_draft
from releases.actions.drafts.signing import ApprovalStale, Code, FactorDoesNotCount, KeyAnswer, KeyNeeded
from releases.models import DraftState, File, Project, Role, RoleKind, SignedAct, SignedStatement
from releases.queries_approvals import approvals_of
from tests.support import cast
from tests.support.approvals import (
    approve,
    in_review,
    key_answer,
    old_approver,
    old_key,
    other_challenge,
    release,
    reviewed_project,
)
from tests.support.distributions import make_sdist, make_wheel
from tests.support.drafts import add, again, by_token, gathered, in_browser
from tests.support.people import letters_to
from tests.support.worker import run_queued

pytestmark = pytest.mark.django_db


@pytest.fixture
def frank(db: None) -> User:
    return cast.person("frank")


@pytest.fixture
def project(alice: User, bob: User, erin: User, frank: User) -> Project:
    return reviewed_project(alice, bob, erin, frank)


def names() -> Counter[str]:
    return Counter(AuditEvent.objects.values_list("name", flat=True))


def refused(code: str):  # type: ignore[no-untyped-def]
    return pytest.raises(DomainError, check=lambda error: error.code == code)


# -- the way it goes --------------------------------------------------------------------------------------------


def test_two_agree_and_whoever_uploaded_presses_release(
    alice: User, bob: User, erin: User, project: Project
) -> None:
    draft = in_review(alice, make_wheel(), make_sdist())

    approve(bob, draft)
    assert (approvals_of(again(draft)).given, again(draft).state) == (1, DraftState.REVIEW)
    with pytest.raises(ApprovalsMissing, match="1 of 2"):
        release(alice, draft)
    approve(erin, draft)
    # Enough, and still nothing: an approval never publishes.
    assert again(draft).state == DraftState.REVIEW
    assert not File.objects.exists()

    release(alice, draft)

    done = again(draft)
    assert (done.state, done.digest) == (DraftState.PUBLISHED, draft.digest)
    assert dict(File.objects.values_list("filename", "sha256")) == dict(
        draft.files.values_list("filename", "sha256")
    )
    approvals = SignedStatement.objects.filter(act=SignedAct.APPROVE)
    released = AuditEvent.objects.get(name="draft.released")
    assert sorted(released.data["approvals"]) == sorted(row.evidence_sha256 for row in approvals)
    assert released.data["evidence"] == SignedStatement.objects.get(act=SignedAct.RELEASE).evidence_sha256
    assert names()["draft.approved"] == 2
    assert names()["draft.published"] == 1


def test_the_statement_says_what_it_is_about(bob: User, alice: User, project: Project) -> None:
    draft = in_review(alice)
    approve(bob, draft)

    row = SignedStatement.objects.get()
    said = json.loads(bytes(row.statement))
    nonce = said.pop("nonce")
    assert said == {
        "site": "http://testserver",
        "act": "approve",
        "draft": str(draft.public_id),
        "project": "sampleproject",
        "version": "1.0",
        "draft_digest": draft.digest,
        "policy_version": 1,
        "publish_at": None,
        "approver": "bob",
    }
    assert len(nonce) >= 32
    event = AuditEvent.objects.get(name="draft.approved")
    assert event.data["evidence"] == row.evidence_sha256 == row.evidence().digest()
    assert event.factor == row.device == SecurityKey.objects.get(user=bob).persistent_id


def test_everybody_hears_who_has_approved_and_when_it_can_be_released(
    alice: User, bob: User, erin: User, frank: User, project: Project
) -> None:
    draft = in_review(alice)
    approve(bob, draft)
    approve(erin, draft)
    run_queued()

    for person in (alice, bob, erin, frank):
        subjects = [str(letter.subject) for letter in letters_to(person.email)]
        assert "sampleproject 1.0: 1 of 2 approvals" in " ".join(subjects)
    last = str(letters_to(alice.email)[-1].body)
    assert "erin has approved the draft" in last
    assert "It can be released now" in last


def test_an_approver_may_take_the_approval_back_and_give_it_again(
    alice: User, bob: User, erin: User, project: Project
) -> None:
    draft = in_review(alice)
    approve(bob, draft)
    approve(erin, draft)
    approving.withdraw_approval(actor=in_browser(bob), draft=draft, at=clock.now())
    approving.withdraw_approval(actor=in_browser(bob), draft=draft, at=clock.now())

    assert approvals_of(again(draft)).given == 1
    assert names()["draft.approval-voided"] == 1
    with pytest.raises(ApprovalsMissing):
        release(alice, draft)
    approve(bob, draft)
    assert release(bob, draft).state == DraftState.PUBLISHED


def test_approving_twice_is_approving_once(alice: User, bob: User, project: Project) -> None:
    draft = in_review(alice)
    approve(bob, draft)
    approve(bob, draft)

    assert SignedStatement.objects.count() == names()["draft.approved"] == 1
    assert approvals_of(again(draft)).given == 1


# -- who may not ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_a_colleague", [False, True])
def test_under_four_eyes_whoever_uploaded_does_not_approve(
    alice: User, bob: User, erin: User, project: Project, *, by_a_colleague: bool
) -> None:
    """A token counts as whoever made it, and one file of many is enough."""
    cast.grant(bob, project, RoleKind.MAINTAINER)
    draft = gathered(by_token(alice))
    add(by_token(bob), draft, make_sdist())
    draft = submit_draft(actor=by_token(alice), draft=draft, at=clock.now())

    if by_a_colleague:
        assert approvals_of(approve(erin, draft)).given == 1
    else:
        with refused("own-upload"):
            approve(bob, draft)
        Project.objects.update(four_eyes=False)
        assert approvals_of(approve(bob, again(draft))).given == 1


def test_owners_and_maintainers_approve_nothing_without_the_role(
    alice: User, carol: User, project: Project
) -> None:
    cast.add_totp(carol)
    cast.grant(carol, project, RoleKind.MAINTAINER)
    draft = in_review(carol)

    for person in (alice, carol):
        with refused("no-role"):
            approving.approve_draft(
                actor=in_browser(person),
                draft=draft,
                proof=KeyAnswer(None, {}),
                at=clock.now(),  # type: ignore[arg-type]
            )


def test_no_token_approves_or_releases(alice: User, bob: User, project: Project) -> None:
    draft = in_review(alice)
    for act in (SignedAct.APPROVE, SignedAct.RELEASE):
        with refused("interactive-only"):
            key_answer(by_token(bob), draft, act)


def test_a_maintainer_releases_what_they_gathered_and_nothing_else(
    alice: User, bob: User, erin: User, carol: User, mallory: User, project: Project
) -> None:
    cast.add_totp(carol)
    for person in (carol, mallory):
        cast.grant(person, project, RoleKind.MAINTAINER)
        old_key(person)
    draft = in_review(carol)
    approve(bob, draft)
    approve(erin, draft)

    with refused("no-role"):
        release(mallory, draft)
    assert release(carol, draft).state == DraftState.PUBLISHED


def test_a_new_role_or_a_new_key_does_not_count_for_three_days(
    alice: User, bob: User, carol: User, project: Project
) -> None:
    cast.add_totp(carol)
    role = cast.grant(carol, project, RoleKind.APPROVER)
    old_key(carol)
    draft = in_review(alice)
    with refused("role-too-new"):
        approve(carol, draft)
    Role.objects.filter(pk=role.pk).update(granted_at=clock.now() - timedelta(hours=73))
    assert approvals_of(approve(carol, draft)).given == 1

    new = cast.add_key(bob, "new")
    with pytest.raises(FactorDoesNotCount, match="The key is new"):
        approve(bob, draft, key=new)
    assert approvals_of(again(draft)).given == 1


# -- proofs that are none ---------------------------------------------------------------------------------------


def test_a_digest_that_was_not_shown_is_refused_before_and_after_the_key(
    alice: User, bob: User, project: Project
) -> None:
    draft = in_review(alice)
    with pytest.raises(ApprovalStale):
        approve(bob, draft, digest="0" * 64)

    actor = in_browser(bob)
    proof = key_answer(actor, draft, SignedAct.APPROVE)
    return_draft(actor=in_browser(alice), draft=draft, reason="One more file", at=clock.now())
    add(by_token(alice), draft, make_sdist())
    changed = submit_draft(actor=by_token(alice), draft=draft, at=clock.now())
    assert changed.digest != draft.digest

    with pytest.raises(ApprovalStale, match="not what you looked at"):
        approving.approve_draft(actor=actor, draft=again(draft), proof=proof, at=clock.now())
    assert not SignedStatement.objects.exists()


def test_rules_that_changed_after_the_page_was_shown_void_what_was_signed(
    alice: User, bob: User, erin: User, project: Project
) -> None:
    draft = in_review(alice)
    approve(erin, draft)
    proof = key_answer(in_browser(bob), draft, SignedAct.APPROVE)
    Project.objects.update(policy_version=2)

    with pytest.raises(ApprovalStale):
        approving.approve_draft(actor=in_browser(bob), draft=draft, proof=proof, at=clock.now())
    approvals = approvals_of(again(draft))
    assert approvals.given == 0
    assert "rules have changed" in approvals.approvals[0].refusal

    approve(erin, again(draft))
    approve(bob, again(draft))
    assert approvals_of(again(draft)).given == 2


def test_an_answer_serves_once_and_for_what_it_was_asked_for(
    alice: User, bob: User, erin: User, project: Project
) -> None:
    draft, actor = in_review(alice), in_browser(bob)
    proof = key_answer(actor, draft, SignedAct.APPROVE)

    # For another act, by another person, under another statement.
    with pytest.raises(ChallengeGone):
        pressing.release_draft(actor=actor, draft=draft, proof=proof, at=clock.now())
    with pytest.raises(ChallengeGone):
        approving.approve_draft(actor=in_browser(erin), draft=draft, proof=proof, at=clock.now())
    forged = proof.challenge.about.replace('"approve"', '"release"')
    with pytest.raises(ChallengeGone):
        pressing.release_draft(
            actor=actor, draft=draft, proof=other_challenge(proof, about=forged), at=clock.now()
        )
    swapped = key_answer(actor, draft, SignedAct.APPROVE)
    with pytest.raises(AnswerRefused):
        approving.approve_draft(
            actor=actor, draft=draft, proof=KeyAnswer(swapped.challenge, proof.answer), at=clock.now()
        )
    assert not SignedStatement.objects.exists()

    good = key_answer(actor, draft, SignedAct.APPROVE)
    approving.approve_draft(actor=actor, draft=draft, proof=good, at=clock.now())
    approving.withdraw_approval(actor=actor, draft=draft, at=clock.now())
    with pytest.raises(DomainError):
        approving.approve_draft(actor=actor, draft=draft, proof=good, at=clock.now())
    assert not SignedStatement.objects.live().exists()


def test_somebody_elses_key_approves_nothing(alice: User, bob: User, erin: User, project: Project) -> None:
    draft = in_review(alice)
    with pytest.raises(UnknownKey):
        approve(bob, draft, key=cast.key_of(erin))
    assert not SignedStatement.objects.exists()


def test_a_key_that_can_ask_for_its_owner_has_to(alice: User, bob: User, project: Project) -> None:
    """Beside one that cannot, the browser is not told to insist: then which key it was decides."""
    draft = in_review(alice)
    stolen = cast.key_of(bob)
    assert stolen is not None
    plain = old_key(bob, "plain", verifies=False)
    stolen.verifies = False
    with pytest.raises(AnswerRefused):
        approve(bob, draft, key=stolen)
    assert approvals_of(approve(bob, draft, key=plain)).given == 1


# -- what goes between the approval and the release -------------------------------------------------------------


def lose_the_role(bob: User) -> None:
    Role.objects.filter(user=bob).delete()


def lose_the_factor(bob: User) -> None:
    cast.lose_factors(bob, name="blue")


def copy_the_key(bob: User) -> None:
    SecurityKey.objects.filter(user=bob).update(set_aside_at=clock.now())


def be_frozen(bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False, frozen_at=clock.now())


def be_recovering(bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(recovering_since=clock.now())


def report_a_stranger(bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(edits_frozen_until=clock.now() + timedelta(hours=72))


@pytest.mark.parametrize(
    "happens",
    [lose_the_role, lose_the_factor, copy_the_key, be_frozen, be_recovering, report_a_stranger],
)
def test_an_approval_counts_only_while_the_approver_could_give_it(
    alice: User, bob: User, erin: User, project: Project, happens
) -> None:  # type: ignore[no-untyped-def]
    draft = in_review(alice)
    approve(bob, draft)
    approve(erin, draft)
    happens(bob)

    approvals = approvals_of(again(draft))
    assert (approvals.given, len(approvals.approvals)) == (1, 2)
    with pytest.raises(ApprovalsMissing):
        release(alice, draft)
    assert again(draft).state == DraftState.REVIEW
    assert not File.objects.exists()


def test_returning_the_draft_voids_what_was_signed(alice: User, bob: User, erin: User, project: Project) -> None:
    draft = in_review(alice)
    approve(bob, draft)
    approve(erin, draft)
    return_draft(actor=in_browser(erin), draft=draft, reason="A typo", at=clock.now())

    assert not SignedStatement.objects.live().exists()
    same = submit_draft(actor=by_token(alice), draft=draft, at=clock.now())
    assert (same.digest, approvals_of(again(draft)).given) == (draft.digest, 0)


# -- tokens and buttons of before -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["required-auto", "required-explicit"])
def test_a_token_that_may_publish_hands_in_where_review_is_required(
    alice: User, bob: User, project: Project, mode: str
) -> None:
    Project.objects.update(publishing=mode, approvals=0)
    draft = gathered(by_token(alice))

    finish_draft(actor=by_token(alice), draft=draft, at=clock.now())
    assert again(draft).state == DraftState.REVIEW
    finish_draft(actor=by_token(alice), draft=draft, at=clock.now())
    assert again(draft).state == DraftState.REVIEW
    with refused("approval-required"):
        publish_draft(actor=in_browser(alice), draft=draft, digest=again(draft).digest, at=clock.now())
    assert not File.objects.exists()


def test_without_approvals_a_person_with_a_key_releases(alice: User, bob: User, project: Project) -> None:
    Project.objects.update(approvals=0)
    draft = in_review(alice)
    # bob only approves, and here nobody has to.
    with refused("no-role"):
        release(bob, draft)
    assert release(alice, draft).state == DraftState.PUBLISHED


# -- codes ------------------------------------------------------------------------------------------------------


def test_a_code_does_where_the_rules_say_so_and_for_whoever_has_no_key(
    alice: User, bob: User, carol: User, project: Project
) -> None:
    cast.add_totp(carol)
    old_approver(carol, project)
    draft = in_review(alice)

    def by_code(person: User) -> None:
        proof = Code(cast.totp_code(person), draft.digest)
        approving.approve_draft(actor=in_browser(person), draft=again(draft), proof=proof, at=clock.now())

    with pytest.raises(KeyNeeded):
        by_code(carol)
    Project.objects.update(approve_by_code=True)
    with refused("key-asked"):
        by_code(bob)
    by_code(carol)

    row = SignedStatement.objects.get()
    assert (row.factor, bytes(row.signature), row.algorithm) == ("authenticator-app", b"", None)
    assert approvals_of(again(draft)).given == 1
    Project.objects.update(approve_by_code=False)
    assert approvals_of(again(draft)).given == 0


def test_a_session_by_app_is_no_proof_where_keys_are_asked_for(alice: User, carol: User, project: Project) -> None:
    cast.add_totp(carol)
    old_approver(carol, project)
    draft = in_review(alice)
    actor = replace(in_browser(carol))

    with pytest.raises((PermissionRefused, UnknownKey)):
        approve(carol, draft, key=cast.key_of(alice))
    assert actor.factor.startswith("otp_totp")
    assert not SignedStatement.objects.exists()
