"""People who decide about each other at the same moment: each race as it ends, and as it would without its lock.

Without locks PostgreSQL lets both through; SQLite notices the clash and ends one of them in an error.
"""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from accounts.models import InvitationState, User
from releases.models import Project, ProjectInvitation, RoleKind, people_with
from tests.support import cast, people
from tests.support.projects import answer, as_role, invite, owned, people_url, said, send_invitation
from tests.support.races import SURELY, meet, together, without_locks

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE_THE_LOCK = "releases.actions.people.standing.lock"
AFTER_THE_LOCK = "releases.actions.people.standing.drop_roles"
CLOSING_IT = "accounts.models.Invitation.end"
BOTH = {"role.invitation-accepted", "role.invitation-revoked"}  # what the history never says of one invitation


def meet_without_locks(patch: pytest.MonkeyPatch, after: str) -> None:
    """PostgreSQL lets both come as far as `after`, where each believes that all is well. In SQLite the first to
    write holds the other back, so they meet when both have read and neither has written.
    """
    without_locks(patch)
    if after == CLOSING_IT and connection.vendor == "sqlite":
        pytest.skip("in SQLite one of these two writes before the other has read: nothing can interleave")
    meet(patch, after if connection.vendor == "postgresql" else BEFORE_THE_LOCK, patience=SURELY)


def browser_of(user: User) -> Client:
    client = people.browser(user)
    client.raise_request_exception = False
    return client


def statuses(responses: list[HttpResponse]) -> Counter[int]:
    return Counter(response.status_code for response in responses)


def owners(project: Project) -> list[str]:
    return [user.username for user in people_with(project, RoleKind.OWNER)]


@pytest.fixture
def shared(alice: User, bob: User) -> Project:
    """alice and bob own it."""
    project = owned(alice)
    cast.grant(bob, project, RoleKind.OWNER)
    return project


def nobody_is_left_or_one_failed(project: Project, responses: list[HttpResponse]) -> bool:
    return not owners(project) if connection.vendor == "postgresql" else max(statuses(responses)) >= 500


# -- two owners remove each other ---------------------------------------------------------------------------


def remove_each_other(project: Project, alice: User, bob: User) -> list[HttpResponse]:
    pairs = [(browser_of(alice), "member/bob/"), (browser_of(bob), "member/alice/")]
    return together(*(partial(who.post, people_url(project, url), {"act": "remove"}) for who, url in pairs))


def test_of_two_owners_who_remove_each_other_one_stays(
    alice: User, bob: User, shared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(monkeypatch, BEFORE_THE_LOCK)

    responses = remove_each_other(shared, alice, bob)

    assert len(owners(shared)) == 1
    assert statuses(responses)[302] == 1
    (refused,) = (response for response in responses if response.status_code != 302)
    assert refused.status_code in {403, 404}  # 404 where the loser looked only after the winner was done


def test_without_the_lock_both_are_gone(
    alice: User, bob: User, shared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet_without_locks(monkeypatch, AFTER_THE_LOCK)

    responses = remove_each_other(shared, alice, bob)

    assert nobody_is_left_or_one_failed(shared, responses)


# -- two owners leave ---------------------------------------------------------------------------------------


def leave_together(project: Project, alice: User, bob: User) -> list[HttpResponse]:
    url = people_url(project, "leave/")
    return together(*(partial(browser_of(user).post, url, {"act": "leave"}) for user in (alice, bob)))


def test_of_two_owners_who_leave_one_stays(
    alice: User, bob: User, shared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(monkeypatch, BEFORE_THE_LOCK)

    responses = leave_together(shared, alice, bob)

    assert statuses(responses) == {302: 1, 409: 1}
    assert len(owners(shared)) == 1


def test_without_the_lock_both_leave(
    alice: User, bob: User, shared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet_without_locks(monkeypatch, AFTER_THE_LOCK)

    responses = leave_together(shared, alice, bob)

    assert nobody_is_left_or_one_failed(shared, responses)


# -- two owners close their accounts ------------------------------------------------------------------------


def close_together(alice: User, bob: User) -> list[HttpResponse]:
    acts = [(browser_of(user), user.username) for user in (alice, bob)]
    return together(*(partial(who.post, "/account/close/", {"username": name}) for who, name in acts))


def test_of_two_owners_who_close_their_accounts_one_is_kept(
    alice: User, bob: User, shared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(monkeypatch, BEFORE_THE_LOCK)

    responses = close_together(alice, bob)

    assert statuses(responses) == {302: 1, 409: 1}
    assert len(owners(shared)) == 1
    assert User.objects.filter(is_active=True).count() == 1


def test_without_the_lock_both_close_their_accounts(
    alice: User, bob: User, shared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet_without_locks(monkeypatch, "releases.actions.closing._leave_projects")

    responses = close_together(alice, bob)

    assert nobody_is_left_or_one_failed(shared, responses)


# -- an invitation is accepted and taken back ---------------------------------------------------------------


def accept_and_revoke(project: Project, alice: User, erin: User) -> tuple[list[HttpResponse], ProjectInvitation]:
    invitation = invite(alice, project, "erin")
    url = people_url(project, f"invitations/{invitation.pk}/")
    answering, revoking = browser_of(erin), browser_of(alice)
    responses = together(
        partial(answer, answering, invitation, "accept"), partial(revoking.post, url, {"act": "revoke"})
    )
    invitation.refresh_from_db()
    return responses, invitation


def test_an_invitation_is_accepted_or_taken_back_and_not_both(
    alice: User, erin: User, shared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(monkeypatch, BEFORE_THE_LOCK)

    responses, invitation = accept_and_revoke(shared, alice, erin)

    is_accepted = invitation.state == InvitationState.ACCEPTED
    assert responses[0].status_code == (302 if is_accepted else 409)
    assert as_role(erin, shared) == ({"maintainer"} if is_accepted else set())
    assert len(BOTH & set(said(shared))) == 1


def test_without_the_lock_it_is_taken_back_and_accepted_all_the_same(
    alice: User, erin: User, shared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet_without_locks(monkeypatch, CLOSING_IT)

    responses, _ = accept_and_revoke(shared, alice, erin)

    if connection.vendor == "postgresql":
        assert as_role(erin, shared) == {"maintainer"}
        assert set(said(shared)) >= BOTH
    else:
        assert max(statuses(responses)) >= 500


# -- an invitation is accepted while its sender is removed --------------------------------------------------


def accept_and_remove_the_sender(
    project: Project, alice: User, bob: User, erin: User
) -> tuple[list[HttpResponse], ProjectInvitation]:
    invitation = invite(bob, project, "erin", RoleKind.OWNER)
    answering, removing = browser_of(erin), browser_of(alice)
    responses = together(
        partial(answer, answering, invitation, "accept"),
        partial(removing.post, people_url(project, "member/bob/"), {"act": "remove"}),
    )
    invitation.refresh_from_db()
    return responses, invitation


def test_an_invitation_whose_sender_goes_is_accepted_before_or_not_at_all(
    alice: User, bob: User, erin: User, shared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(monkeypatch, BEFORE_THE_LOCK)

    responses, invitation = accept_and_remove_the_sender(shared, alice, bob, erin)

    is_accepted = invitation.state == InvitationState.ACCEPTED
    assert responses[0].status_code == (302 if is_accepted else 409)
    assert owners(shared) == (["alice", "erin"] if is_accepted else ["alice"])
    assert len(BOTH & set(said(shared))) == 1


def test_without_the_lock_it_is_accepted_after_its_sender_was_removed(
    alice: User, bob: User, erin: User, shared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet_without_locks(monkeypatch, CLOSING_IT)

    responses, _ = accept_and_remove_the_sender(shared, alice, bob, erin)

    if connection.vendor == "postgresql":
        assert owners(shared) == ["alice", "erin"]
        assert set(said(shared)) >= BOTH
    else:
        assert max(statuses(responses)) >= 500


# -- two owners invite the same person ----------------------------------------------------------------------


def invite_together(project: Project, alice: User, bob: User) -> list[HttpResponse]:
    acts = [browser_of(user) for user in (alice, bob)]
    return together(*(partial(send_invitation, who, project, "erin") for who in acts))


def test_two_owners_who_invite_one_person_send_one_invitation(
    alice: User, bob: User, erin: User, shared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(monkeypatch, BEFORE_THE_LOCK)

    assert statuses(invite_together(shared, alice, bob)) == {302: 1, 409: 1}
    assert ProjectInvitation.objects.count() == 1
    assert len(people.letters_to("erin@example.org")) == 1


def test_without_the_lock_one_of_the_inviters_gets_an_error(
    alice: User, bob: User, erin: User, shared: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet_without_locks(monkeypatch, "releases.actions.people.inviting._refuse_holder")

    assert max(statuses(invite_together(shared, alice, bob))) >= 500
