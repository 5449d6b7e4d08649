"""Closing the account: who may not yet, what goes, what stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress

from accounts.models import (
    Invitation,
    InvitationState,
    Membership,
    MembershipKind,
    Organization,
    OrganizationInvitation,
    User,
)
from indexsite import clock
from mfa.models import has_factor
from releases import queries_closing
from releases.models import Project, RoleKind, people_with
from tests.support import cast, people
from tests.support.distributions import make_wheel
from tests.support.organizations import give, organization, team, team_role
from tests.support.projects import invite, owned, roles, said
from tests.support.tokens import token_of
from tests.support.uploads import upload

pytestmark = pytest.mark.django_db

PAGE = "/account/close/"


@pytest.fixture
def sampleproject(alice: User, bob: User) -> Project:
    """alice's and bob's together."""
    project = owned(alice)
    cast.grant(bob, project, RoleKind.OWNER)
    return project


def test_the_page_names_what_goes(alice: User, bob: User, sampleproject: Project) -> None:
    token_of(bob, description="bob laptop")
    token_of(bob, description="of yesteryear", life=timedelta(days=-1))

    page = people.browser(bob).get(PAGE)

    assert page.status_code == 200
    for words in ("bob laptop", "You leave sampleproject", "Type your user name"):
        assert words in page.text
    assert "of yesteryear" not in page.text


def test_closing_ends_everything_but_the_name_and_the_record(
    alice: User, bob: User, sampleproject: Project
) -> None:
    token = token_of(bob, description="bob laptop")
    EmailAddress.objects.create(user=bob, email="bob@example.net", verified=True)
    elsewhere = people.browser(bob)
    to_him = invite(alice, owned(alice, "another"), "bob")
    from_him = invite(bob, sampleproject, "erin@example.org")
    browser = people.browser(bob)
    events_before = len(people.events(bob))

    response = browser.post(PAGE, {"username": "bob"})

    assert response["Location"] == "/"
    bob.refresh_from_db()
    assert (bob.is_active, bob.email, bob.has_usable_password()) == (False, "", False)
    assert bob.closed_at is not None
    assert not has_factor(bob)
    assert not EmailAddress.objects.filter(user=bob).exists()
    assert people.signed_in_as(browser) == people.signed_in_as(elsewhere) == ""
    assert roles(sampleproject) == [("alice", "owner")]
    assert upload(make_wheel(version="2.0"), token.secret()).status_code == 403
    to_him.refresh_from_db()
    from_him.refresh_from_db()
    assert (to_him.state, from_him.state) == (InvitationState.DECLINED, InvitationState.REVOKED)
    assert "account.closed" in people.events(bob)
    assert len(people.events(bob)) > events_before
    assert "role.left" in said(sampleproject)
    last = people.letters_to("bob@example.org", "bob@example.net")[-2:]
    assert {letter.to[0] for letter in last} == {"bob@example.org", "bob@example.net"}
    assert people.subjects(last) == ["Your account bob is closed"] * 2
    assert "sampleproject: bob is no longer owner: they closed their account" in people.subjects(
        people.letters_to("alice@example.org")
    )


def test_the_name_goes_to_nobody_and_the_address_is_free(alice: User, bob: User, sampleproject: Project) -> None:
    people.browser(bob).post(PAGE, {"username": "Bob "})
    new = {"username": "bob", "email": "bob@example.org", "password1": people.NEW_PASSWORD}

    again = people.browser().post("/account/signup/", new)
    other = people.browser().post("/account/signup/", {**new, "username": "robert"})

    assert again.status_code == 400
    assert "This name is not available" in again.text
    assert other.status_code == 302
    people.mailed_code("bob@example.org")
    door = people.browser().post("/account/login/", {"username": "bob", "password": cast.PASSWORD})
    assert door.status_code == 400


def test_a_slip_closes_nothing(bob: User) -> None:
    response = people.browser(bob).post(PAGE, {"username": "bobby"})

    assert response.status_code == 400
    assert "Type your user name, bob, to close the account." in response.text
    bob.refresh_from_db()
    assert bob.is_active


def test_whoever_is_needed_stays_and_reads_by_what(alice: User, sampleproject: Project) -> None:
    owned(alice, "alone")
    organization = Organization.objects.create(name="acme", display_name="Acme Ltd", created_at=clock.now())
    Membership.objects.create(
        organization=organization, user=alice, kind=MembershipKind.MANAGER, joined_at=clock.now()
    )
    browser = people.browser(alice)
    page = browser.get(PAGE).text
    assert "Close the account for good" not in page
    assert "/manage/project/alone/people/" in page
    assert "Acme Ltd" in page

    response = browser.post(PAGE, {"username": "alice"})

    assert response.status_code == 409
    sentence = "Nobody else could decide about project &#x27;alone&#x27;, organization &#x27;acme&#x27;"
    assert sentence in response.text
    assert "sampleproject" not in response.text.split("What goes")[0]
    alice.refresh_from_db()
    assert alice.is_active
    assert people.signed_in_as(browser) == "alice"
    assert not people.letters()


def invitation_state(invitation: Invitation) -> str:
    invitation.refresh_from_db()
    return invitation.state


def test_a_member_leaves_the_organization_with_the_account(alice: User, bob: User) -> None:
    organization = Organization.objects.create(name="acme", display_name="Acme Ltd", created_at=clock.now())
    for user, kind in ((alice, MembershipKind.MANAGER), (bob, MembershipKind.MEMBER)):
        Membership.objects.create(organization=organization, user=user, kind=kind, joined_at=clock.now())

    other = Organization.objects.create(name="other", display_name="Other Ltd", created_at=clock.now())
    to_him, to_an_address = (
        OrganizationInvitation.objects.create(
            organization=other,
            **whom,
            invited_by=alice,
            created_at=clock.now(),
            sent_at=clock.now(),
            expires_at=clock.now() + timedelta(days=7),
        )
        for whom in ({"user": bob}, {"email": "bob@example.org"})
    )
    project_address = invite(alice, owned(alice, "elsewhere"), "bob@example.org")

    people.browser(bob).post(PAGE, {"username": "bob"})

    assert [row.user for row in organization.memberships.all()] == [alice]
    assert people.events(bob)[-3:-1] == ["organization.left", "account.closed"]
    assert invitation_state(to_him) == InvitationState.DECLINED
    # Whoever sent them does not learn from the closing whose the addresses were.
    assert invitation_state(to_an_address) == InvitationState.PENDING
    assert invitation_state(project_address) == InvitationState.PENDING
    assert not any("bob@example.org declined" in letter.subject for letter in people.letters())


def test_staff_are_taken_off_the_staff_first(bob: User) -> None:
    browser = people.browser(bob)
    User.objects.filter(pk=bob.pk).update(is_staff=True)

    for response in (browser.get(PAGE), browser.post(PAGE, {"username": "bob"})):
        assert response.status_code == 403
        assert "have your staff roles taken away first" in response.text


def test_closing_takes_a_fresh_proof(bob: User) -> None:
    browser = people.browser(bob)
    with time_machine.travel(timedelta(minutes=31), tick=True):
        for response in (browser.get(PAGE), browser.post(PAGE, {"username": "bob"})):
            assert response["Location"] == "/account/second-factor/?next=%2Faccount%2Fclose%2F"
    assert people.browser().get(PAGE)["Location"] == "/account/login/?next=%2Faccount%2Fclose%2F"


@pytest.mark.parametrize("way", ["owner", "seat", "manager"])
@pytest.mark.parametrize("is_frozen", [True, False])
def test_another_owner_by_any_way_is_enough_while_the_account_is_open(
    alice: User, bob: User, erin: User, way: str, is_frozen: bool
) -> None:
    acme = organization("acme", managers=[erin], members=[bob])
    acme.memberships.filter(user=erin).update(kind=MembershipKind.MEMBER)
    project = give(owned(alice), acme)
    match way:
        case "owner":
            cast.grant(bob, project, RoleKind.OWNER)
        case "seat":
            team_role(team(acme, "owners", bob), project, RoleKind.OWNER)
        case "manager":
            acme.memberships.filter(user=bob).update(kind=MembershipKind.MANAGER)
    User.objects.filter(pk=bob.pk).update(is_active=not is_frozen)

    found = queries_closing.closing_of(alice, at=clock.now())

    others = people_with(project, RoleKind.OWNER).exclude(pk=alice.pk)
    assert others.exists() is not is_frozen
    assert [row.name for row in found.owned_alone] == (["sampleproject"] if is_frozen else [])


def test_a_team_that_a_project_has_left_is_no_owner(alice: User, bob: User) -> None:
    acme = organization("acme", managers=[], members=[bob])
    project = owned(alice)
    team_role(team(acme, "owners", bob), project, RoleKind.OWNER)

    assert queries_closing.closing_of(alice, at=clock.now()).owned_alone == [project]
