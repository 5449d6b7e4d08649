"""Whoever changes something again and again fills the mailboxes of those who are told: that has an end."""

from __future__ import annotations

import dataclasses

import pytest
from django.test import Client

from accounts.models import User
from indexsite import limits
from indexsite.actors import Permission
from indexsite.limits import Limit
from tests.support import cast
from tests.support.lifecycle import sampleproject
from tests.support.organizations import organization, team
from tests.support.people import browser, letters_to
from tests.support.tokens import token_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _six_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    few = dataclasses.replace(limits.LIMITS[Limit.CHANGE_USER], count=6)
    monkeypatch.setitem(limits.LIMITS, Limit.CHANGE_USER, few)


def test_a_leaked_token_does_not_yank_for_ever(alice: User, bob: User) -> None:
    project = sampleproject(alice, bob)
    secret = token_of(alice, project=project, permissions=[Permission.YANK]).secret()
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    url = "/api/v1/projects/sampleproject/releases/1.0/yank/"
    letters_before = len(letters_to(bob.email))
    for _ in range(10):
        client.put(url, {"reason": "x"}, content_type="application/json")
        last = client.delete(url)

    assert last.status_code == 429
    assert last.json()["code"] == "limit-reached"
    assert int(last["Retry-After"]) > 0
    assert len(letters_to(bob.email)) == letters_before + 6


def test_a_manager_does_not_seat_and_unseat_for_ever(alice: User, bob: User) -> None:
    acme = organization("acme", managers=[alice], members=[bob])
    team(acme, "builders")
    client = browser(alice)
    for _ in range(5):
        for act in ("seat", "unseat"):
            last = client.post("/manage/organization/acme/teams/builders/change/", {"act": act, "username": "bob"})

    assert last.status_code == 429
    assert "Too many changes by this account; try again in 60 minutes." in last.text
    assert len(letters_to(bob.email)) == 6


@pytest.mark.parametrize("path", ["releases/1.0/yank/", "people/invite/"])
def test_an_owner_in_a_browser_has_the_same_bound(alice: User, path: str) -> None:
    sampleproject(alice)
    client = browser(alice)
    form = {"reason": "x", "invitee": "nobody-here", "kind": "maintainer"}
    answers = [client.post(f"/manage/project/sampleproject/{path}", form).status_code for _ in range(7)]

    assert 429 not in answers[:6]
    assert answers[6] == 429


def test_looking_is_no_change(alice: User) -> None:
    cast.ProjectFactory(name="sampleproject", owner=alice)
    client = browser(alice)

    assert {client.get("/manage/project/sampleproject/people/invite/").status_code for _ in range(8)} == {200}
