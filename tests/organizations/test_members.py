"""Who is in an organisation, as what, and what somebody loses who no longer is."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Membership, MembershipKind, Organization, Team, TeamSeat, User
from releases.models import Project, Role
from tests.support.distributions import make_wheel
from tests.support.organizations import join, team_role
from tests.support.people import browser, events, letters_to, subjects
from tests.support.tokens import token_of
from tests.support.uploads import upload
from tokens.models import Token

pytestmark = pytest.mark.django_db
ALICE = "/manage/organization/acme/members/alice/"
BOB = "/manage/organization/acme/members/bob/"


def is_live(token: Token) -> bool:
    return Token.objects.unrevoked().filter(pk=token.pk).exists()


def test_a_member_becomes_manager_and_back(alice: User, bob: User, acme: Organization) -> None:
    client = browser(alice)

    client.post(BOB, {"act": "manager"})
    assert acme.memberships.get(user=bob).kind == MembershipKind.MANAGER
    client.post(BOB, {"act": "member"})
    assert acme.memberships.get(user=bob).kind == MembershipKind.MEMBER

    assert events(bob) == ["organization.kind-changed"] * 2
    told = subjects(letters_to("bob@example.org"))
    assert told == ["acme: bob is now a manager", "acme: bob is now a member"]


def test_the_page_says_what_would_happen(alice: User, acme: Organization, rocket: Project) -> None:
    text = browser(alice).get(BOB).text

    assert "an owner's rights on 1 project: rocket" in text
    assert "the seat in team builders" in text
    assert "Roles held on a project directly stay" in text


@pytest.mark.parametrize("act", ["member", "remove"])
def test_the_last_manager_stays_one(alice: User, acme: Organization, act: str) -> None:
    client = browser(alice)

    assert client.post(ALICE, {"act": act}).status_code == 409
    assert acme.memberships.get(user=alice).kind == MembershipKind.MANAGER
    assert "The only manager" in client.get(ALICE).text


def test_a_manager_whose_account_is_closed_does_not_count(alice: User, erin: User, acme: Organization) -> None:
    join(acme, erin, MembershipKind.MANAGER)
    User.objects.filter(pk=erin.pk).update(is_active=False)

    assert browser(alice).post("/manage/organization/acme/leave/").status_code == 409


def test_the_last_manager_does_not_leave(alice: User, acme: Organization) -> None:
    client = browser(alice)

    assert "You are the only manager" in client.get("/manage/organization/acme/leave/").text
    assert client.post("/manage/organization/acme/leave/").status_code == 409
    assert acme.memberships.filter(user=alice).exists()


def test_a_removed_member_loses_seats_and_the_tokens_that_stood_on_them(
    alice: User, bob: User, acme: Organization, rocket: Project
) -> None:
    scoped = token_of(bob, project=rocket, description="rocket ci")
    whole = token_of(bob, description="everything")
    assert upload(make_wheel("rocket"), scoped.secret()).status_code == 200

    browser(alice).post(BOB, {"act": "remove"})

    assert not Membership.objects.filter(user=bob).exists()
    assert not TeamSeat.objects.exists()
    assert (is_live(scoped), is_live(whole)) == (False, True)
    assert upload(make_wheel("rocket", "2.0"), scoped.secret()).status_code == 403
    assert upload(make_wheel("rocket", "2.0"), whole.secret()).status_code == 403
    assert "token.revoked" in events(bob)
    assert "organization.member-removed" in events(bob)
    told = subjects(letters_to("bob@example.org"))
    assert "acme: bob was removed" in told
    assert 'API token "rocket ci" was revoked' in told


def test_a_token_stays_where_the_right_stays(alice: User, bob: User, acme: Organization, rocket: Project) -> None:
    Role.objects.create(project=rocket, user=bob, kind="maintainer", granted_at=rocket.created_at)
    scoped = token_of(bob, project=rocket)

    browser(alice).post(BOB, {"act": "remove"})

    assert is_live(scoped)


def test_a_manager_made_a_member_loses_the_owners_tokens(
    alice: User, erin: User, acme: Organization, rocket: Project
) -> None:
    join(acme, erin, MembershipKind.MANAGER)
    scoped = token_of(erin, project=rocket)

    browser(alice).post("/manage/organization/acme/members/erin/", {"act": "member"})

    assert not is_live(scoped)


def test_whose_rights_are_suspended_reads_so_and_may_leave(dave: User, acme: Organization) -> None:
    join(acme, dave)
    client = browser(dave)

    page = client.get("/manage/organizations/").text
    assert "Your rights are suspended" in page
    assert "/account/security/" in page
    assert "/manage/organization/acme/leave/" in page
    assert client.get("/manage/organization/acme/leave/").status_code == 200
    assert client.post("/manage/organization/acme/leave/")["Location"] == "/manage/organizations/"

    assert not acme.memberships.filter(user=dave).exists()
    assert "suspended" not in client.get("/manage/organizations/").text


def test_whoever_leaves_is_gone_with_seats_and_tokens(bob: User, acme: Organization, rocket: Project) -> None:
    scoped = token_of(bob, project=rocket)
    client = browser(bob)
    assert "the seat in team builders" in client.get("/manage/organization/acme/leave/").text

    client.post("/manage/organization/acme/leave/")

    assert not acme.memberships.filter(user=bob).exists()
    assert not is_live(scoped)
    assert client.get("/manage/organization/acme/").status_code == 404
    assert "acme: bob left" in subjects(letters_to("alice@example.org"))


def test_a_team_is_made_filled_renamed_and_deleted(alice: User, bob: User, acme: Organization) -> None:
    client = browser(alice)
    client.post("/manage/organization/acme/teams/create/", {"name": "Pilots"})
    team = "/manage/organization/acme/teams/pilots/"

    client.post(f"{team}change/", {"act": "seat", "username": "bob"})
    assert "bob" in client.get(team).text
    response = client.post(f"{team}change/", {"act": "rename", "name": "captains"})
    assert response["Location"] == "/manage/organization/acme/teams/captains/"
    client.post("/manage/organization/acme/teams/captains/change/", {"act": "unseat", "username": "bob"})
    assert not TeamSeat.objects.exists()
    client.post("/manage/organization/acme/teams/captains/change/", {"act": "delete"})
    assert not Team.objects.exists()

    assert events(bob) == ["organization.team-joined", "organization.team-left"]


@pytest.mark.parametrize("name", ["builders", "create", "-x", "ünion"])
def test_team_names_are_checked(alice: User, acme: Organization, builders: Team, name: str) -> None:
    response = browser(alice).post("/manage/organization/acme/teams/create/", {"name": name})

    assert response.status_code == 400
    assert Team.objects.count() == 1


@pytest.mark.parametrize("act", [{"act": "unseat", "username": "bob"}, {"act": "delete"}])
def test_tokens_go_with_the_seat_or_the_team(
    alice: User, bob: User, acme: Organization, rocket: Project, act: dict[str, str]
) -> None:
    scoped = token_of(bob, project=rocket)

    browser(alice).post("/manage/organization/acme/teams/builders/change/", act)

    assert not is_live(scoped)


def test_nobody_from_outside_gets_a_seat(alice: User, erin: User, acme: Organization, builders: Team) -> None:
    response = browser(alice).post(
        "/manage/organization/acme/teams/builders/change/", {"act": "seat", "username": "erin"}
    )

    assert response.status_code == 404
    assert not TeamSeat.objects.filter(membership__user=erin).exists()


def test_a_teams_page_shows_its_roles(bob: User, acme: Organization, builders: Team, rocket: Project) -> None:
    team_role(builders, rocket, "approver")  # type: ignore[arg-type]

    text = browser(bob).get("/manage/organization/acme/teams/builders/").text

    assert "rocket" in text
    assert "Maintainer" in text
    assert "Approver" in text
    assert "Take out" not in text


# -- everybody else, at every address -----------------------------------------------------------------------

PAGES = [
    "",
    "invite/",
    "members/bob/",
    "teams/create/",
    "teams/builders/",
    "history/",
    "leave/",
    "delete/",
]
ACTS = [
    ("invite/", {"whom": "mallory", "kind": "manager"}),
    ("invitations/1/", {"act": "revoke"}),
    ("members/bob/", {"act": "manager"}),
    ("members/alice/", {"act": "remove"}),
    ("teams/create/", {"name": "intruders"}),
    ("teams/builders/change/", {"act": "seat", "username": "alice"}),
    ("teams/builders/change/", {"act": "delete"}),
    ("delete/", {"typed": "acme"}),
]


def rows() -> list[object]:
    tables = (Organization, Membership, Team, TeamSeat, Role)
    return [list(table.objects.order_by("pk").values()) for table in tables]


@pytest.mark.parametrize("page", PAGES)
def test_strangers_cannot_tell_an_organisation_from_none(
    mallory: User, acme: Organization, builders: Team, page: str
) -> None:
    client = browser(mallory)

    there = client.get(f"/manage/organization/acme/{page}")
    nowhere = client.get(f"/manage/organization/nowhere/{page}")

    assert (there.status_code, nowhere.status_code) == (404, 404)
    for text in (there.text.replace("acme", "X"), nowhere.text.replace("nowhere", "X")):
        assert "There is no organization" in text
    assert "alice" not in there.text


@pytest.mark.parametrize(("page", "data"), ACTS)
def test_nobody_but_managers_changes_anything(
    alice: User,
    bob: User,
    dave: User,
    mallory: User,
    acme: Organization,
    builders: Team,
    page: str,
    data: dict[str, str],
) -> None:
    staff = User.objects.get(pk=mallory.pk)
    staff.is_staff = staff.is_superuser = True
    join(acme, dave, MembershipKind.MANAGER)
    before = rows()
    address = f"/manage/organization/acme/{page}"

    assert Client().post(address, data)["Location"].startswith("/account/login/")
    assert browser(mallory).post(address, data).status_code == 404
    assert browser(bob).post(address, data).status_code == 403
    assert browser(dave).post(address, data)["Location"].startswith("/account/security/")
    staff.save()
    assert browser(staff).post(address, data).status_code == 404

    assert rows() == before
