"""Quarantine and deletion of the same thing: neither is a way around the other."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from accounts.models import User
from indexsite import clock
from releases.actions.lifecycle import purging
from releases.models import File, Project
from tests.support import cast
from tests.support.distributions import make_wheel
from tests.support.lifecycle import WHEEL, delete, purge, sampleproject, simple_json, undo
from tests.support.people import browser
from tests.support.projects import invite, roles
from tests.support.uploads import token_for, upload

pytestmark = pytest.mark.django_db

MODERATE = "/admin/moderation/project/sampleproject/"


@pytest.fixture
def project(alice: User) -> Project:
    return sampleproject(alice)


def quarantine(mona: User) -> None:
    response = browser(mona).post(MODERATE, {"act": "quarantine", "reason": "Reported to steal secrets"})
    assert response.status_code == 302, response.text


def end_quarantine(mona: User) -> None:
    response = browser(mona).post(MODERATE, {"act": "end", "reason": "Looked into"})
    assert response.status_code == 302, response.text


@pytest.mark.parametrize("is_final", [True, False])
def test_an_owner_does_not_delete_a_project_out_of_quarantine(
    alice: User, mona: User, project: Project, is_final: bool
) -> None:
    """The deletion came first, its time ran out, and a new upload would have begun anew, in the open."""
    delete(browser(alice), "project")
    if is_final:
        purge()
    quarantine(mona)
    purge()

    response = upload(make_wheel(version="2.0"), token_for(alice))

    assert response.status_code == 400
    assert response.json()["code"] == "project-quarantined"
    project = Project.with_deleted.get()
    assert (project.status, project.deletion is not None) == ("quarantined", True)
    assert simple_json("/simple/")["projects"] == []

    end_quarantine(mona)
    if is_final:
        assert upload(make_wheel(version="2.0"), token_for(alice)).status_code == 200
    else:
        assert upload(make_wheel(version="2.0"), token_for(alice)).json()["code"] == "project-deleted"


def test_a_stranger_hears_of_no_quarantine_either(
    alice: User, mona: User, mallory: User, project: Project
) -> None:
    delete(browser(alice), "project")
    quarantine(mona)

    assert upload(make_wheel(version="2.0"), token_for(mallory)).json()["code"] == "name-prohibited"


@pytest.mark.parametrize("kind", ["file", "release", "project"])
def test_what_was_deleted_outlasts_a_quarantine(alice: User, mona: User, project: Project, kind: str) -> None:
    """Nobody can restore it meanwhile, so its time does not run out: a thief may have deleted it."""
    deletion = delete(browser(alice), kind)
    quarantine(mona)
    with time_machine.travel(clock.now() + timedelta(days=9), tick=True):
        assert purging.purge_deleted(at=clock.now()) == 0
        assert undo(browser(alice), deletion) == 403
        end_quarantine(mona)
        assert purging.purge_deleted(at=clock.now()) == 0

        assert undo(browser(alice), deletion) == 302

        assert File.objects.filter(filename=WHEEL).exists()
    with time_machine.travel(clock.now() + timedelta(days=20), tick=True):
        assert purging.purge_deleted(at=clock.now()) == 0


def test_what_was_deleted_goes_a_day_after_a_quarantine(alice: User, mona: User, project: Project) -> None:
    deletion = delete(browser(alice), "release")
    quarantine(mona)
    with time_machine.travel(clock.now() + timedelta(days=9), tick=True):
        end_quarantine(mona)
        assert purging.purge_deleted(at=clock.now() + timedelta(hours=25)) == 1
        assert undo(browser(alice), deletion) == 409


def test_nobody_takes_the_people_of_a_project_in_quarantine_away(
    alice: User, bob: User, carol: User, erin: User, mona: User, project: Project
) -> None:
    """Whoever got into one owner's account does not lock the others out while staff are looking."""
    cast.grant(bob, project)
    asked = invite(alice, project, "erin")
    quarantine(mona)
    people = "/manage/project/sampleproject/people/"
    client = browser(alice)
    for path, form in [
        (f"{people}member/bob/", {"act": "remove"}),
        (f"{people}invite/", {"invitee": "carol", "kind": "maintainer"}),
        (f"{people}invitations/{asked.pk}/", {"act": "resend"}),
    ]:
        response = client.post(path, form)
        assert response.status_code == 403, path
        assert "is quarantined" in response.text
    accepted = browser(erin).post(f"/account/invitations/project/{asked.pk}/", {"act": "accept"})
    assert accepted.status_code == 409
    assert "answer when that is over" in accepted.text
    assert roles(project) == [("alice", "owner"), ("bob", "owner")]

    assert browser(bob).post(f"{people}leave/").status_code == 302
    end_quarantine(mona)
    browser(erin).post(f"/account/invitations/project/{asked.pk}/", {"act": "accept"})
    assert roles(project) == [("alice", "owner"), ("erin", "maintainer")]
