"""Projects and organisations whose people go as something happens: each race as it ends, and without its locks.

Without locks PostgreSQL lets both through; SQLite, where both have read by then, ends one of them in an error.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.http import HttpResponse

from accounts.actions import organizations as organizations_floor
from accounts.models import Membership, MembershipKind, Organization, User
from indexsite import clock
from indexsite.errors import DomainError
from indexsite.models import AuditEvent
from releases.actions.closing import close_account
from releases.actions.people import removing
from releases.actions.transfers import answering, carrying_out
from releases.models import Project, RoleKind, Transfer, TransferState, people_with
from tests.support import cast, organizations, people
from tests.support.projects import owned
from tests.support.races import SURELY, meet, together, without_any_lock
from tests.support.transfers import offer

pytestmark = pytest.mark.django_db(transaction=True)

# Before the locks, when both have read; and when both believe that all is well.
LEAVING, HAS_LEFT = "releases.actions.people.standing.lock", "releases.notices.people.role_lost"
CLOSING, IS_CLOSED = "accounts.usernames.canonical", "releases.actions.closing._shut"
MOVING, HAS_MOVED = (
    "releases.actions.transfers.standing.locked",
    "releases.actions.transfers.carrying_out._take_back_invitations",
)
ACCEPTING = "releases.actions.transfers.standing.obstacle"
MANAGING, STILL_MANAGED = (
    "accounts.models.organizations.OrganizationQuerySet.locked",
    "releases.actions.organizations.take_back_invitations_of",
)

type Patch = pytest.MonkeyPatch


def meet_without_locks(patch: Patch, *, before: tuple[str, ...], after: tuple[str, ...]) -> None:
    without_any_lock(patch)
    meet(patch, *(after if connection.vendor == "postgresql" else before), patience=SURELY)


def due(owner: User, receiver: User, project: Project) -> Transfer:
    """Accepted, and its time has come."""
    transfer = offer(owner, project, receiver.username)
    accepted = answering.accept(actor=cast.actor(receiver), pk=transfer.pk, at=clock.now() - timedelta(hours=73))
    assert accepted.due_at is not None
    return accepted


def hand_over(transfer: Transfer) -> str:
    return str(carrying_out.carry_out(transfer.pk, at=clock.now()))


def attempt(act: Callable[[], object]) -> str:
    """What it came to."""
    try:
        return str(act() or "done")
    except (DomainError, DatabaseError) as error:
        return type(error).__name__


def owners(project: Project) -> list[str]:
    project.refresh_from_db()
    return [user.username for user in people_with(project, RoleKind.OWNER)]


def nobody_is_left_or_one_failed(project: Project, said: list[str]) -> bool:
    return not owners(project) if connection.vendor == "postgresql" else "OperationalError" in said


# -- the receiver leaves while the project is handed over ----------------------------------------------------


def leave_meets_transfer(alice: User, bob: User, arrange: Callable[[], None]) -> tuple[Project, list[str]]:
    """alice and bob own it; it goes to bob alone, who leaves."""
    project = owned(alice)
    cast.grant(bob, project, RoleKind.OWNER)
    transfer = due(alice, bob, project)
    arrange()
    leave = partial(removing.leave, actor=cast.actor(bob), project=project, at=clock.now())
    return project, together(partial(attempt, leave), partial(attempt, partial(hand_over, transfer)))


def test_a_receiver_who_leaves_as_the_project_comes_does_not_leave_it_alone(
    alice: User, bob: User, monkeypatch: Patch
) -> None:
    project, said = leave_meets_transfer(alice, bob, lambda: meet(monkeypatch, LEAVING, MOVING))

    assert said in (["done", "done"], ["LastOwner", "done"])
    assert owners(project) == ["bob"]


def test_without_the_locks_it_is_left_alone(alice: User, bob: User, monkeypatch: Patch) -> None:
    arrange = partial(meet_without_locks, monkeypatch, before=(LEAVING, MOVING), after=(HAS_LEFT, HAS_MOVED))

    project, said = leave_meets_transfer(alice, bob, arrange)

    assert nobody_is_left_or_one_failed(project, said)


# -- the receiver closes the account while the project is handed over ----------------------------------------


def closing_meets_transfer(alice: User, bob: User, arrange: Callable[[], None]) -> tuple[Project, list[str]]:
    project = owned(alice)
    transfer = due(alice, bob, project)
    arrange()
    close = partial(close_account, actor=cast.actor(bob), typed="bob", at=clock.now())
    return project, together(partial(attempt, close), partial(attempt, partial(hand_over, transfer)))


def test_a_project_does_not_go_to_an_account_that_is_being_closed(
    alice: User, bob: User, monkeypatch: Patch
) -> None:
    project, said = closing_meets_transfer(alice, bob, lambda: meet(monkeypatch, CLOSING, MOVING))

    bob.refresh_from_db()
    assert said == (["AccountNeeded", "done"] if bob.is_active else ["done", "lapsed"])
    assert owners(project) == (["bob"] if bob.is_active else ["alice"])
    assert Transfer.objects.get().state == (TransferState.DONE if bob.is_active else TransferState.LAPSED)


def test_without_the_locks_it_goes_to_a_closed_account(alice: User, bob: User, monkeypatch: Patch) -> None:
    arrange = partial(meet_without_locks, monkeypatch, before=(CLOSING, MOVING), after=(IS_CLOSED, HAS_MOVED))

    project, said = closing_meets_transfer(alice, bob, arrange)

    assert nobody_is_left_or_one_failed(project, said)


# -- the receiver closes the account while accepting ---------------------------------------------------------


def closing_meets_acceptance(alice: User, bob: User, arrange: Callable[[], None]) -> list[str]:
    transfer = offer(alice, owned(alice), "bob")
    arrange()
    close = partial(close_account, actor=cast.actor(bob), typed="bob", at=clock.now())
    accept = partial(answering.accept, actor=cast.actor(bob), pk=transfer.pk, at=clock.now())
    return together(partial(attempt, close), partial(attempt, accept))


def what_bob_did() -> list[str]:
    acts = AuditEvent.objects.filter(actor__username="bob", name__in=["account.closed", "transfer.accepted"])
    return list(acts.order_by("pk").values_list("name", flat=True))


def test_nobody_accepts_with_an_account_that_is_closed(alice: User, bob: User, monkeypatch: Patch) -> None:
    said = closing_meets_acceptance(alice, bob, lambda: meet(monkeypatch, CLOSING, MOVING))

    assert said[0] == "done"
    assert what_bob_did() in (["account.closed"], ["transfer.accepted", "account.closed"])
    assert (said[1] == "PermissionRefused") == (what_bob_did() == ["account.closed"])
    assert hand_over(Transfer.objects.get()) == TransferState.LAPSED
    assert owners(Project.objects.get()) == ["alice"]


def test_without_the_locks_a_closed_account_accepts(alice: User, bob: User, monkeypatch: Patch) -> None:
    arrange = partial(meet_without_locks, monkeypatch, before=(CLOSING, MOVING), after=(IS_CLOSED, ACCEPTING))

    said = closing_meets_acceptance(alice, bob, arrange)

    assert what_bob_did() == ["account.closed", "transfer.accepted"] or "OperationalError" in said


# -- two managers remove each other, or leave ----------------------------------------------------------------

ACME = "/manage/organization/acme/"
EACH_OTHER = {
    "alice": (f"{ACME}members/bob/", {"act": "remove"}),
    "bob": (f"{ACME}members/alice/", {"act": "remove"}),
}
BOTH_LEAVE = dict.fromkeys(("alice", "bob"), (f"{ACME}leave/", {}))

type Acts = dict[str, tuple[str, dict[str, str]]]


@pytest.fixture
def acme(alice: User, bob: User) -> Organization:
    return organizations.organization("acme", managers=[alice, bob])


def managers_meet(alice: User, bob: User, acts: Acts, arrange: Callable[[], None]) -> list[HttpResponse]:
    posts = []
    for user in (alice, bob):
        client = people.browser(user)
        client.raise_request_exception = False
        posts.append(partial(client.post, *acts[user.username]))
    arrange()
    return together(*posts)


def managers() -> int:
    return Membership.objects.filter(kind=MembershipKind.MANAGER).count()


@pytest.mark.parametrize(("acts", "refusals"), [(EACH_OTHER, {403, 404}), (BOTH_LEAVE, {409})])
def test_of_two_managers_one_stays(
    alice: User, bob: User, acme: Organization, monkeypatch: Patch, acts: Acts, refusals: set[int]
) -> None:
    responses = managers_meet(alice, bob, acts, lambda: meet(monkeypatch, MANAGING))

    done, refused = sorted(response.status_code for response in responses)
    assert done == 302
    assert refused in refusals
    assert managers() == 1


@pytest.mark.parametrize("acts", [EACH_OTHER, BOTH_LEAVE])
def test_without_the_lock_both_managers_are_gone(
    alice: User, bob: User, acme: Organization, monkeypatch: Patch, acts: Acts
) -> None:
    arrange = partial(meet_without_locks, monkeypatch, before=(MANAGING,), after=(STILL_MANAGED,))

    responses = managers_meet(alice, bob, acts, arrange)

    if connection.vendor == "postgresql":
        assert managers() == 0
    else:
        assert max(response.status_code for response in responses) >= 500


# -- an organisation is deleted while one of its people closes an account ------------------------------------

DELETING, STEPPING_DOWN = (
    "releases.actions.organizations.lock_organization",
    "releases.actions.closing.standing.lock",
)


def an_end_of_two(alice: User, bob: User, monkeypatch: Patch, *, deleting: str = DELETING) -> tuple[str, str]:
    """Alice deletes the organisation; Bob, of the same and of a project that is on its way to it, goes."""
    carol = cast.person("carol")
    project = owned(carol, "coming")
    cast.grant(bob, project, RoleKind.APPROVER)
    offer(carol, project, "acme")
    browser = people.browser(alice)
    browser.raise_request_exception = False
    meet(monkeypatch, deleting, STEPPING_DOWN)
    deleted, closed = together(
        lambda: str(browser.post(f"{ACME}delete/", {"typed": "acme"}).status_code),
        lambda: attempt(lambda: close_account(actor=cast.actor(bob), typed="bob", at=clock.now())),
    )
    return deleted, closed


def test_deleting_an_organization_and_closing_an_account_do_not_wait_for_each_other(
    alice: User, bob: User, acme: Organization, monkeypatch: Patch
) -> None:
    assert an_end_of_two(alice, bob, monkeypatch) == ("302", "done")

    assert not Organization.objects.exists()
    assert not Transfer.objects.exists()
    bob.refresh_from_db()
    assert bob.closed_at is not None
    assert owners(Project.objects.get()) == ["carol"]


def test_with_the_project_locked_first_one_of_them_fails(
    alice: User, bob: User, acme: Organization, monkeypatch: Patch
) -> None:
    def projects_first(**asked: Any) -> Organization:
        Project.with_deleted.locked(Project.objects.get().pk)
        return organizations_floor.lock_organization(**asked)

    monkeypatch.setattr(DELETING, projects_first)

    said = an_end_of_two(alice, bob, monkeypatch, deleting="accounts.actions.organizations.lock_organization")

    # SQLite has one lock, and nobody holds a part of it.
    assert (said == ("302", "done")) == (connection.vendor == "sqlite")
