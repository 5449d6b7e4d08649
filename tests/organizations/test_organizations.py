"""Making organisations, looking at them, deleting them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import Membership, MembershipKind, Organization, ProhibitedUsername, Team, User
from indexsite import clock
from indexsite.models import AuditEvent
from indexsite.policies import STEP_UP_WINDOW
from releases.actions.lifecycle import purging
from releases.models import Project
from tests.support import cast
from tests.support.distributions import make_wheel
from tests.support.organizations import join, organization
from tests.support.people import browser, events, letters_to, subjects
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db


def names_of(name: str) -> list[str]:
    """Events that carry this organisation's label, oldest first."""
    found = AuditEvent.objects.filter(data__organization=name).order_by("id")
    return list(found.values_list("name", flat=True))


def test_whoever_makes_one_manages_it(alice: User) -> None:
    response = browser(alice).post(
        "/manage/organizations/create/", {"name": "Acme", "display_name": "Acme Rockets"}
    )

    assert response["Location"] == "/manage/organization/acme/"
    made = Organization.objects.get()
    assert (made.name, made.display_name) == ("acme", "Acme Rockets")
    assert made.memberships.get().kind == MembershipKind.MANAGER
    assert "organization.created" in events(alice)
    assert subjects(letters_to("alice@example.org"))[-1] == "Organization acme was created"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("admin", "not available"),
        ("bob", "not available"),
        ("taken", "not available"),
        ("gone", "not available"),
        ("-dash", "Use at most 50 letters"),
        ("ünicode", "Use at most 50 letters"),
    ],
)
def test_names_follow_the_rules_of_user_names(alice: User, bob: User, name: str, sentence: str) -> None:
    organization("taken", managers=[bob])
    ProhibitedUsername.objects.create(name="gone")

    response = browser(alice).post("/manage/organizations/create/", {"name": name})

    assert response.status_code == 400
    assert sentence in response.text
    assert not Organization.objects.exclude(name="taken").exists()


def test_nobody_signs_up_with_an_organisations_name(alice: User) -> None:
    organization("acme", managers=[alice])

    answer = browser().post(
        "/account/signup/",
        {"username": "acme", "email": "a@example.org", "password1": "seven umbrellas lean on a quiet harbour"},
    )

    assert answer.status_code == 400
    assert not User.objects.filter(username="acme").exists()


def test_making_one_asks_for_a_factor(carol: User) -> None:
    response = browser(carol).post("/manage/organizations/create/", {"name": "acme"})

    assert response["Location"].startswith("/account/security/")
    assert not Organization.objects.exists()


def test_one_person_makes_five_a_day(alice: User) -> None:
    client = browser(alice)
    for number in range(5):
        assert client.post("/manage/organizations/create/", {"name": f"acme{number}"}).status_code == 302

    response = client.post("/manage/organizations/create/", {"name": "acme5"})

    assert response.status_code == 429
    assert Organization.objects.count() == 5


def test_members_see_people_teams_and_projects(bob: User, acme: Organization, rocket: Project) -> None:
    text = browser(bob).get("/manage/organization/acme/").text

    for word in ("alice", "bob", "Manager", "builders", "maintainer of rocket"):
        assert word in text
    for control in ("Invite somebody", "Delete this organization", "/members/bob/"):
        assert control not in text


def test_the_list_names_mine_alone(bob: User, erin: User, acme: Organization) -> None:
    organization("others", managers=[erin])

    text = browser(bob).get("/manage/organizations/").text

    assert "Acme" in text
    assert "Others" not in text


def test_whose_rights_are_suspended_is_for_managers_to_see(
    alice: User, bob: User, dave: User, acme: Organization
) -> None:
    join(acme, dave)

    assert "dave has to set up a second factor first" in browser(alice).get("/manage/organization/acme/").text
    assert "uspended" not in browser(bob).get("/manage/organization/acme/").text
    response = browser(dave).get("/manage/organization/acme/")
    assert response["Location"].startswith("/account/security/")


def test_one_that_owns_nothing_can_be_deleted_and_its_name_stays_locked(
    alice: User, bob: User, acme: Organization, builders: Team
) -> None:
    client = browser(alice)
    assert client.post("/manage/organization/acme/delete/", {"typed": "acne"}).status_code == 400

    client.post("/manage/organization/acme/delete/", {"typed": "acme"})

    assert not Organization.objects.exists()
    assert not Membership.objects.exists()
    assert not Team.objects.exists()
    assert names_of("acme") == ["organization.deleted"]
    for address in ("alice@example.org", "bob@example.org"):
        assert "acme: the organization was deleted" in subjects(letters_to(address))
    assert client.post("/manage/organizations/create/", {"name": "acme"}).status_code == 400


def test_one_that_owns_a_project_stays(alice: User, acme: Organization, rocket: Project) -> None:
    response = browser(alice).post("/manage/organization/acme/delete/", {"typed": "acme"})

    assert response.status_code == 409
    assert "owns projects" in response.text
    assert Organization.objects.exists()


def test_managers_own_what_the_organisation_owns(alice: User, acme: Organization, rocket: Project) -> None:
    assert browser(alice).get("/manage/project/rocket/settings/").status_code == 200


def test_history_tells_members_all_but_who_was_invited(alice: User, bob: User, acme: Organization) -> None:
    browser(alice).post("/manage/organization/acme/teams/create/", {"name": "pilots"})
    browser(alice).post("/manage/organization/acme/invite/", {"whom": "zoe@example.net", "kind": "member"})

    seen_by_alice = browser(alice).get("/manage/organization/acme/history/").text
    seen_by_bob = browser(bob).get("/manage/organization/acme/history/").text

    for text in (seen_by_alice, seen_by_bob):
        assert "Team pilots of organization acme was created." in text
        assert "127.0.0.1" not in text
    assert "z\u2026@example.net was invited" in seen_by_alice
    assert "example.net" not in seen_by_bob


def test_history_is_filtered_and_taken_along(alice: User, bob: User, acme: Organization) -> None:
    browser(alice).post("/manage/organization/acme/teams/create/", {"name": "pilots"})
    browser(alice).post("/manage/organization/acme/invite/", {"whom": "zoe@example.net", "kind": "member"})
    history = "/manage/organization/acme/history/"

    by_nobody = browser(bob).get(history, {"person": "carol"}).text
    taken = browser(bob).get(history, {"format": "json"})
    rows = json.loads(taken.getvalue())

    assert "0 events match" in by_nobody
    assert "pilots" not in by_nobody
    assert taken["Content-Disposition"] == 'attachment; filename="acme-history.json"'
    assert {row["sentence"] for row in rows} >= {"Team pilots of organization acme was created."}
    assert {(row["address"], row["client"]) for row in rows} == {("", "")}
    assert "example.net" not in str(rows)


def test_old_proof_leads_through_a_new_one(alice: User, acme: Organization) -> None:
    client = browser(alice)

    with time_machine.travel(STEP_UP_WINDOW + timedelta(minutes=1), tick=True):
        response = client.get("/manage/organization/acme/invite/")

    assert response["Location"] == "/account/second-factor/?next=%2Fmanage%2Forganization%2Facme%2Finvite%2F"


def test_a_frozen_member_is_shown_to_managers_and_as_what_they_are(
    alice: User, bob: User, erin: User, acme: Organization
) -> None:
    join(acme, erin)
    User.objects.filter(pk=erin.pk).update(is_active=False, frozen_at=clock.now())

    text = browser(alice).get("/manage/organization/acme/").text
    assert "Account frozen" in text
    assert "has to set up a second factor" not in text
    assert "rozen" not in browser(bob).get("/manage/organization/acme/").text


def test_one_whose_projects_are_deleted_for_good_can_go_and_free_its_last_manager(
    alice: User, bob: User, acme: Organization, rocket: Project
) -> None:
    """Otherwise its only manager could never close the account; the names stay used all the same."""
    cast.grant(bob, cast.ProjectFactory(name="comet", organization=acme))
    client = browser(alice)
    for name in ("rocket", "comet"):
        client.post(f"/manage/project/{name}/settings/delete/", {"typed": name})
    refused = client.post("/manage/organization/acme/delete/", {"typed": "acme"})
    assert refused.status_code == 409
    assert "was deleted, and can be restored until" in refused.text
    assert "delete the organization after that" in refused.text
    purging.purge_deleted(at=clock.now() + timedelta(hours=25))

    assert client.post("/manage/organization/acme/delete/", {"typed": "acme"}).status_code == 302

    assert not Organization.objects.exists()
    assert "Somebody" not in client.get("/account/close/").text
    assert upload(make_wheel("rocket"), token_for(alice)).json()["code"] == "name-prohibited"
    assert upload(make_wheel("comet"), token_for(bob)).status_code == 200


def test_a_name_that_staff_let_go_brings_no_history_along(alice: User, bob: User, acme: Organization) -> None:
    client = browser(alice)
    client.post("/manage/organization/acme/teams/create/", {"name": "secret-plans"})
    client.post("/manage/organization/acme/delete/", {"typed": "acme"})
    ProhibitedUsername.objects.all().delete()

    other = browser(bob)
    assert other.post("/manage/organizations/create/", {"name": "acme"}).status_code == 302

    text = other.get("/manage/organization/acme/history/").text
    assert "acme" in text
    assert "secret-plans" not in text


def test_projects_of_the_organization_are_among_ones_own(
    alice: User, bob: User, erin: User, acme: Organization, builders: Team, rocket: Project
) -> None:
    """Managers and people in teams have no role of their own, and still look after them."""
    join(acme, erin)
    for user, role in [(alice, "Owner"), (bob, "Maintainer")]:
        text = browser(user).get("/manage/projects/").text
        assert "/manage/project/rocket/" in text
        assert role in text
    assert "/manage/project/rocket/" not in browser(erin).get("/manage/projects/").text
    page = browser(bob).get("/manage/project/rocket/").text
    assert "alice" in page
    assert "Maintainer" in page
    secret = token_for(bob)
    mine = Client().get("/api/v1/projects/", headers={"Authorization": f"Bearer {secret}"}).json()
    assert [(row["name"], row["roles"]) for row in mine["projects"]] == [("rocket", ["maintainer"])]
