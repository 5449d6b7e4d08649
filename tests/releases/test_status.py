"""Archiving and deprecating a project (PEP 792), by its owners."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from indexsite.models import AuditEvent
from releases.models import Project
from tests.support.distributions import make_wheel
from tests.support.lifecycle import sampleproject, serial, simple_json
from tests.support.people import browser, letters_to
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db

STATUS = "/manage/project/sampleproject/settings/status/"


@pytest.fixture
def project(alice: User, bob: User) -> Project:
    return sampleproject(alice, bob)


def trail() -> list[str]:
    rows = AuditEvent.objects.filter(name__startswith="project.").exclude(name="project.created").order_by("pk")
    return list(rows.values_list("name", flat=True))


@pytest.mark.parametrize("status", ["archived", "deprecated"])
def test_a_status_is_seen_with_its_reason_and_taken_back(
    alice: User, bob: User, project: Project, client: Client, status: str
) -> None:
    alice_browser, before = browser(alice), serial()

    response = alice_browser.post(STATUS, {"status": status, "reason": 'Use "other" <now>'}, follow=True)

    assert "The status is saved." in response.text
    assert simple_json()["project-status"] == {"status": status, "reason": 'Use "other" <now>'}
    html = client.get("/simple/sampleproject/").text
    assert f'<meta name="pypi:project-status" content="{status}">' in html
    assert 'content="Use &quot;other&quot; &lt;now&gt;"' in html
    assert f"This project is {status}" in client.get("/project/sampleproject/").text
    assert serial() > before
    assert any(f"is now {status}" in letter.subject for letter in letters_to(bob.email))

    alice_browser.post(STATUS, {"status": "active", "reason": "not shown"})

    assert simple_json()["project-status"] == {"status": "active"}
    assert trail() == ["project.status-changed"] * 2


def test_an_archived_project_takes_no_files_and_a_deprecated_one_does(alice: User, project: Project) -> None:
    alice_browser, secret = browser(alice), token_for(alice)
    alice_browser.post(STATUS, {"status": "archived", "reason": ""})

    response = upload(make_wheel(version="2.0"), secret)
    assert response.status_code == 403
    assert "is archived and takes no new files" in response.reason_phrase

    alice_browser.post(STATUS, {"status": "deprecated", "reason": ""})
    assert upload(make_wheel(version="2.0"), secret).status_code == 200


def test_the_same_again_changes_nothing(alice: User, project: Project) -> None:
    alice_browser = browser(alice)
    for _ in range(2):
        alice_browser.post(STATUS, {"status": "archived", "reason": "Done"})
    assert len(trail()) == 1


@pytest.mark.parametrize("status", ["quarantined", "nonsense", ""])
def test_quarantine_is_not_for_owners(alice: User, project: Project, status: str) -> None:
    assert browser(alice).post(STATUS, {"status": status, "reason": ""}).status_code == 400
    assert trail() == []


def test_others_do_nothing_here(bob: User, mallory: User, project: Project) -> None:
    for person, expected in {None: 302, mallory: 404, bob: 403}.items():
        client = browser(person)
        assert client.get(STATUS).status_code == expected
        assert client.post(STATUS, {"status": "archived"}).status_code == expected
    assert trail() == []
