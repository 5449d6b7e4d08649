"""Names of what was deleted: used up, locked, and whose they still are."""

from __future__ import annotations

import pytest

from accounts.models import User
from indexsite.models import AuditEvent
from releases.models import File, Project, Release, RoleKind
from tests.support.distributions import make_sdist, make_wheel
from tests.support.lifecycle import DELETE, MANAGE, SDIST, WHEEL, delete, purge, sampleproject, serial, simple_json
from tests.support.people import browser
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(alice: User, bob: User) -> Project:
    return sampleproject(alice, bob, versions=("1.0", "2.0"))


@pytest.mark.parametrize("kind", DELETE)
@pytest.mark.parametrize("is_over", [False, True])
def test_a_file_name_never_comes_back(alice: User, project: Project, kind: str, is_over: bool) -> None:
    alice_browser = browser(alice)
    delete(alice_browser, kind)
    if is_over:
        purge()

    for wheel in (make_wheel(), make_wheel(files={"sampleproject/other.py": b""})):
        response = upload(wheel, token_for(alice))
        assert response.status_code == 400
        if kind == "file" or is_over:
            assert response.reason_phrase.startswith("File already exists")
            assert "never comes back" in response.reason_phrase
    assert not File.objects.filter(filename=WHEEL).exists()


def test_a_deleted_version_is_locked_while_it_can_be_restored(alice: User, project: Project) -> None:
    delete(browser(alice), "release")
    other = make_wheel(tag="py2-none-any")

    response = upload(other, token_for(alice))
    assert response.status_code == 400
    assert response.json()["code"] == "release-deleted"
    assert "can be restored until" in response.reason_phrase

    purge()
    assert upload(other, token_for(alice)).status_code == 200
    assert simple_json()["versions"] == ["1.0", "2.0"]


def test_a_second_sdist_does_not_slip_in_while_the_first_can_be_restored(alice: User, project: Project) -> None:
    alice_browser = browser(alice)
    alice_browser.post(f"{MANAGE}/files/{SDIST}/delete/", {"typed": SDIST})

    response = upload(make_sdist(version="1.0.0"), token_for(alice))

    assert response.status_code == 400
    assert response.json()["code"] == "second-sdist"


def test_a_deleted_name_is_locked_to_strangers_for_ever_and_says_nothing(
    alice: User, mallory: User, project: Project
) -> None:
    delete(browser(alice), "project")
    said = []
    for end in (lambda: None, purge):
        end()
        for name in ("sampleproject", "Sample_Project"):
            response = upload(make_wheel(name, version="3.0"), token_for(mallory))
            assert response.status_code == 400
            said.append((response.json()["code"], response.reason_phrase.replace(name, "X")))
    assert said[0] == said[2] == ("name-prohibited", "The name 'X' is not available here; choose another name.")
    assert {code for code, _ in said} == {"name-prohibited", "name-confusable"}
    assert "alice" not in str(said)
    assert "delete" not in str(said)
    assert not Release.objects.exists()


def test_a_lookalike_of_a_deleted_name_is_refused_as_of_a_living_one(
    alice: User, mallory: User, project: Project
) -> None:
    living = upload(make_wheel("sampIeproject"), token_for(mallory))
    delete(browser(alice), "project")
    purge()
    dead = upload(make_wheel("sampIeproject"), token_for(mallory))

    assert living.json()["code"] == dead.json()["code"] == "name-confusable"
    assert living.reason_phrase == dead.reason_phrase


def test_members_hear_why_and_until_when(alice: User, bob: User, project: Project) -> None:
    delete(browser(alice), "project")
    for member in (alice, bob):
        response = upload(make_wheel(version="3.0"), token_for(member))
        assert response.status_code == 400
        assert response.json()["code"] == "project-deleted"
        assert "can restore it until" in response.reason_phrase
    assert not Project.objects.exists()


def test_owners_take_their_name_up_again_when_it_is_over(
    alice: User, bob: User, mallory: User, project: Project
) -> None:
    Project.objects.update(status="deprecated", status_reason="Use another one.")
    last = serial()
    delete(browser(alice), "project")
    purge()

    assert upload(make_wheel("SampleProject", version="3.0"), token_for(bob)).status_code == 400
    response = upload(make_wheel("SampleProject", version="3.0"), token_for(alice))

    assert response.status_code == 200
    again = Project.objects.get()
    assert (again.pk, again.name, again.status, again.status_reason) == (project.pk, "SampleProject", "active", "")
    assert simple_json()["versions"] == ["3.0"]
    assert serial() > last
    assert again.roles.filter(user=alice, kind=RoleKind.OWNER).count() == 1
    assert AuditEvent.objects.filter(name="project.created").count() == 1
    assert upload(make_wheel(version="3.1"), token_for(mallory)).status_code == 403
