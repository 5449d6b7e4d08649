"""Pages on which members look after their projects."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from releases.models import Project, RoleKind
from tests.support import cast
from tests.support.distributions import make_sdist, make_wheel
from tests.support.people import browser
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db

PAGES = ["", "releases/", "people/", "tokens/", "settings/", "history/"]


@pytest.fixture
def sampleproject(alice: User, bob: User) -> Project:
    """alice's, with bob as maintainer, release 1.0 of two files, and a token of each for it alone."""
    project = cast.ProjectFactory(name="Sample.Project", owner=alice, maintainer=bob)
    secret = token_for(alice, project, description="alice ci")
    token_for(bob, project, description="bob laptop")
    assert upload(make_wheel("Sample.Project"), secret).status_code == 200
    assert upload(make_sdist("Sample.Project"), secret).status_code == 200
    return project


@pytest.mark.parametrize("page", PAGES)
def test_members_see_their_project(alice: User, bob: User, sampleproject: Project, page: str) -> None:
    for member in (alice, bob):
        response = browser(member).get(f"/manage/project/sample-project/{page}")

        assert response.status_code == 200
        assert "Sample.Project" in response.text
        assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("page", PAGES)
def test_strangers_cannot_tell_a_project_from_none(mallory: User, sampleproject: Project, page: str) -> None:
    mallory_browser = browser(mallory)

    there = mallory_browser.get(f"/manage/project/sample-project/{page}")
    nowhere = mallory_browser.get(f"/manage/project/no-such-name/{page}")

    assert (there.status_code, nowhere.status_code) == (404, 404)
    assert "alice" not in there.text
    pages = (there.text.replace("sample-project", "X"), nowhere.text.replace("no-such-name", "X"))
    assert "There is no project" in pages[0]
    assert "There is no project" in pages[1]


@pytest.mark.parametrize("page", PAGES)
def test_visitors_are_asked_to_sign_in(client: Client, sampleproject: Project, page: str) -> None:
    response = client.get(f"/manage/project/sample-project/{page}")

    assert response.status_code == 302
    assert response["Location"].startswith("/account/login/?next=")


def test_a_member_without_a_factor_is_told_to_set_one_up(dave: User) -> None:
    cast.ProjectFactory(name="davelib", owner=dave)
    dave_browser = browser(dave)

    assert "Your rights are suspended" in dave_browser.get("/manage/projects/").text
    sent_on = dave_browser.get("/manage/project/davelib/")
    assert sent_on.status_code == 302
    assert sent_on["Location"] == "/account/security/?next=%2Fmanage%2Fproject%2Fdavelib%2F"


def test_owners_alone_read_on_the_overview_whose_rights_are_suspended(
    alice: User, bob: User, dave: User, sampleproject: Project
) -> None:
    cast.grant(dave, sampleproject, RoleKind.MAINTAINER)
    path = "/manage/project/sample-project/"

    by_alice = " ".join(browser(alice).get(path).text.split())
    assert "Suspended" in by_alice
    assert "dave has to set up a second factor under Account, Security" in by_alice
    assert "uspended" not in browser(bob).get(path).text
    assert browser(dave).get(path)["Location"].startswith("/account/security/")
    for public in ("/project/sample-project/", "/user/dave/"):
        assert "uspended" not in Client().get(public).text

    cast.add_totp(dave)
    assert "uspended" not in browser(alice).get(path).text


def test_projects_are_listed_with_every_role(alice: User, sampleproject: Project) -> None:
    cast.grant(alice, sampleproject, RoleKind.APPROVER)
    cast.ProjectFactory(name="another", maintainer=alice)
    cast.ProjectFactory(name="not-hers")

    text = browser(alice).get("/manage/projects/").text

    assert text.index("another") < text.index("Sample.Project")
    for word in ("Owner", "Approver", "Maintainer", "Latest release 1.0", "No releases"):
        assert word in text
    assert "not-hers" not in text


def test_whoever_has_no_project_learns_how_to_begin(carol: User) -> None:
    text = browser(carol).get("/manage/projects/").text

    assert "Publish your first project" in text
    assert "twine upload --repository-url http://testserver/legacy/" in text


def test_other_spellings_lead_to_the_normal_one(alice: User, sampleproject: Project) -> None:
    response = browser(alice).get("/manage/project/Sample.Project/people/")

    assert response.status_code == 302
    assert response["Location"] == "/manage/project/sample-project/people/"


def test_files_and_people_are_named(alice: User, sampleproject: Project) -> None:
    alice_browser = browser(alice)

    files = alice_browser.get("/manage/project/sample-project/releases/").text
    people = alice_browser.get("/manage/project/sample-project/people/").text

    assert "sample_project-1.0-py3-none-any.whl" in files
    assert "sample_project-1.0.tar.gz" in files
    assert people.index("alice") < people.index("bob")


def test_owners_see_all_tokens_for_the_project_and_others_their_own(
    alice: User, bob: User, sampleproject: Project
) -> None:
    seen_by_owner = browser(alice).get("/manage/project/sample-project/tokens/").text
    seen_by_maintainer = browser(bob).get("/manage/project/sample-project/tokens/").text

    assert "alice ci" in seen_by_owner
    assert "bob laptop" in seen_by_owner
    assert "bob laptop" in seen_by_maintainer
    assert "alice ci" not in seen_by_maintainer


def test_history_says_who_did_what_and_keeps_networks_to_oneself(
    alice: User, bob: User, sampleproject: Project
) -> None:
    seen_by_alice = browser(alice).get("/manage/project/sample-project/history/").text
    seen_by_bob = browser(bob).get("/manage/project/sample-project/history/").text

    for text in (seen_by_alice, seen_by_bob):
        assert "sample_project-1.0.tar.gz was published." in text
        assert "Release 1.0 of sample-project appeared." in text
        assert "alice ci" in text
    assert "twine 7.0.0" in seen_by_alice
    assert "127.0.0.1" in seen_by_alice
    assert "twine 7.0.0" not in seen_by_bob
    assert "127.0.0.1" not in seen_by_bob


def test_the_list_costs_the_same_for_many_projects(
    alice: User, sampleproject: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        cast.ProjectFactory(name=f"many-{number}-things", owner=alice)
    alice_browser = browser(alice)

    with django_assert_max_num_queries(12):
        alice_browser.get("/manage/projects/")


def test_pages_only_answer_to_looking(alice: User, sampleproject: Project) -> None:
    assert browser(alice).post("/manage/project/sample-project/").status_code == 405
