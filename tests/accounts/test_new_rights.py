"""A session that may do more than before has another key, and the old one opens nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions import middleware
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client

from accounts import sessions
from accounts.actions import staff, teams
from accounts.models import MembershipKind, StaffKind, User
from indexsite import clock
from indexsite.policies import STEP_UP_WINDOW
from mfa.models import SecurityKey
from releases.actions import organizations as organization_acts
from releases.actions.people import teams as team_roles
from releases.models import RoleKind
from tests.mfa.test_strongest_factor import keep_codes
from tests.support import cast, organizations, people, projects, transfers
from tests.support.at_once import at_once

PAGE = "/account/second-factor/"
LATER = STEP_UP_WINDOW + timedelta(minutes=1)


def opens(user: User, key: str) -> bool:
    """Whether whoever has seen this session key is the person."""
    thief = Client()
    thief.cookies["sessionid"] = key
    return people.signed_in_as(thief) == user.username


# -- step-up ----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_step_up_is_in_the_history_and_changes_the_key(alice: User, carol: User, erin: User) -> None:
    cast.add_key(erin)
    codes = keep_codes(alice)
    said = {alice.pk: "authenticator app", carol.pk: "password", erin.pk: "security key"}
    for user in (alice, carol, erin):
        client = people.browser(user)
        with time_machine.travel(LATER, tick=True):
            old = client.session.session_key
            if user == carol:
                client.post(PAGE, {"password": cast.PASSWORD})
            else:
                people.prove_factor(client, user)
            assert not opens(user, old)
            assert client.get("/account/email/").status_code == 200
            assert people.events(user)[-1] == "account.confirmed"
            assert (
                f"Confirmed with {said[user.pk]} that it was really them." in client.get("/account/history/").text
            )
    client = people.browser(alice)
    client.post(PAGE, {"code": codes[1]})
    assert people.events(alice)[-2:] == ["recovery-codes.used", "account.confirmed"]
    assert "Confirmed with recovery code" in client.get("/account/history/").text


@pytest.mark.django_db
def test_a_step_up_that_fails_is_none_in_the_history(alice: User) -> None:
    client = people.browser(alice)
    old = client.session.session_key
    client.post(PAGE, {"code": "000000"})
    assert "account.confirmed" not in people.events(alice)
    assert client.session.session_key == old


@pytest.mark.django_db
def test_sign_ins_are_told_as_such_and_not_as_confirmations(alice: User, erin: User) -> None:
    cast.add_key(erin)
    for user in (alice, erin):
        people.browser(user)
        assert people.events(user)[-1] == "account.signed-in"
        assert "account.confirmed" not in people.events(user)


@pytest.mark.django_db
def test_adding_and_removing_a_factor_changes_the_key(alice: User) -> None:
    cast.add_key(alice)
    client = people.browser(alice)
    old = client.session.session_key
    page = f"/account/security/keys/{SecurityKey.objects.get(user=alice).pk}/"
    assert client.post(page, {"act": "remove", "typed": "blue"}).status_code == 302
    assert not opens(alice, old)
    assert people.signed_in_as(client) == "alice"


# -- rights that others give ------------------------------------------------------------------------------


def _joins_a_project(alice: User, bob: User) -> None:
    project = projects.owned(alice)
    invitation = projects.invite(alice, project, "bob")
    projects.answer(people.browser(bob), invitation, "accept")


def _gets_a_team_role(alice: User, bob: User) -> None:
    acme = organizations.organization("acme", managers=[alice], members=[bob])
    team, project = organizations.team(acme, "core", bob), projects.owned(alice)
    organizations.give(project, acme)
    team_roles.grant_team(
        actor=cast.actor(alice), project=project, team_pk=team.pk, kind=RoleKind.MAINTAINER, at=clock.now()
    )


def _is_seated(alice: User, bob: User) -> None:
    acme = organizations.organization("acme", managers=[alice], members=[bob])
    organizations.team(acme, "core")
    teams.seat_member(actor=cast.actor(alice), organization=acme, team_name="core", username="bob", at=clock.now())


def _manages(alice: User, bob: User) -> None:
    acme = organizations.organization("acme", managers=[alice], members=[bob])
    organization_acts.change_kind(
        actor=cast.actor(alice), organization=acme, username="bob", kind=MembershipKind.MANAGER, at=clock.now()
    )


def _gets_a_project(alice: User, bob: User) -> None:
    transfer = transfers.accept(bob, transfers.offer(alice, projects.owned(alice), "bob"))
    assert transfers.worker_at(transfers.later(), transfer) == "done"


def _joins_the_staff(alice: User, bob: User) -> None:
    cast.add_key(bob)
    lena, sven = cast.staff("lena", StaffKind.CURATOR), cast.staff("sven", StaffKind.SECURITY)
    at = clock.now()
    change = staff.propose(actor=cast.actor(lena), username="bob", role=StaffKind.AUDITOR, reason="x", at=at)
    staff.confirm(actor=cast.actor(sven), pk=change.pk, at=at)
    staff.tend(at=at + timedelta(hours=25))
    bob.refresh_from_db()
    assert bob.is_staff


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "gains",
    [_joins_a_project, _gets_a_team_role, _is_seated, _manages, _gets_a_project, _joins_the_staff],
    ids=lambda gains: gains.__name__.strip("_"),
)
def test_whoever_gains_rights_has_new_keys_from_their_next_requests_on(
    gains: Callable[[User, User], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = cast.person("alice"), cast.person("bob")
    here, there = people.browser(bob), people.browser(bob)
    keys = [client.session.session_key for client in (here, there)]
    gains(alice, bob)
    with monkeypatch.context() as patch:
        patch.setattr(sessions, "follow_rights", lambda request, user: None)
        assert all(opens(bob, key) for key in keys)  # the attack works
    for client, key in zip((here, there), keys, strict=True):
        assert people.signed_in_as(client) == "bob"
        assert client.session.session_key != key
        assert not opens(bob, key)
        # Once: the next page keeps the key, and the list of sessions its row.
        kept = client.session.session_key
        assert people.signed_in_as(client) == "bob"
        assert client.session.session_key == kept
        assert UserSession.objects.filter(user=bob, session_key=kept).exists()
    fresh = people.browser(bob)
    key = fresh.session.session_key
    assert people.signed_in_as(fresh) == "bob"
    assert fresh.session.session_key == key


@pytest.mark.django_db
def test_nothing_is_rotated_for_whoever_gains_nothing(alice: User) -> None:
    client = people.browser(alice)
    key = client.session.session_key
    for _ in range(3):
        client.get("/account/")
    assert client.session.session_key == key


# -- two requests at once ---------------------------------------------------------------------------------


def both_at_once(client: Client, paths: tuple[str, str]) -> list[HttpResponse | Exception]:
    """Two requests of one browser, with the cookie that it had when it sent them."""

    def ask(path: str) -> HttpResponse:
        alone = Client(headers={"user-agent": "Browser/1.0"})
        alone.cookies[settings.SESSION_COOKIE_NAME] = client.cookies[settings.SESSION_COOKIE_NAME].value
        return alone.get(path)

    return at_once([lambda: ask(paths[0]), lambda: ask(paths[1])])


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_sign_nobody_out_and_leave_one_session(bob: User) -> None:
    for _ in range(5):
        client = people.browser(bob)
        sessions_before = UserSession.objects.filter(user=bob).count()
        User.objects.filter(pk=bob.pk).update(rights_since=clock.now())
        answers = both_at_once(client, ("/account/", "/account/history/"))
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        keys = [
            answer.cookies[settings.SESSION_COOKIE_NAME].value
            for answer in answers
            if isinstance(answer, HttpResponse) and settings.SESSION_COOKIE_NAME in answer.cookies
        ]
        # One answer sets the new key; the other one does not touch the cookie, whether it came before or after.
        assert len([key for key in keys if key]) == len(keys) == 1
        client.cookies[settings.SESSION_COOKIE_NAME] = keys[0]
        assert people.signed_in_as(client) == "bob"
        assert UserSession.objects.filter(user=bob).count() == sessions_before
        assert Session.objects.filter(session_key__in=UserSession.objects.values("session_key")).count() == (
            sessions_before
        )


@pytest.mark.django_db
def test_a_request_that_comes_too_late_with_the_old_key_keeps_the_cookie(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = people.browser(bob)
    old = client.cookies[settings.SESSION_COOKIE_NAME].value
    User.objects.filter(pk=bob.pk).update(rights_since=clock.now())
    assert people.signed_in_as(client) == "bob"

    def late() -> HttpResponse:
        straggler = Client()
        straggler.cookies[settings.SESSION_COOKIE_NAME] = old
        return straggler.get("/account/")

    with monkeypatch.context() as patch:
        patch.setattr(
            sessions.SessionMiddleware, "process_response", middleware.SessionMiddleware.process_response
        )
        assert late().cookies[settings.SESSION_COOKIE_NAME].value == ""  # as it was: it deleted the cookie
    answer = late()
    assert answer["Location"].startswith("/account/login/")
    assert settings.SESSION_COOKIE_NAME not in answer.cookies
    assert people.signed_in_as(client) == "bob"


@pytest.mark.django_db
def test_signing_out_still_deletes_the_cookie(bob: User) -> None:
    client = people.browser(bob)
    assert client.post("/account/logout/").cookies[settings.SESSION_COOKIE_NAME].value == ""
