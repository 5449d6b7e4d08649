"""Requests at the moment in which their session gets another key or ends: none leaves a session unlisted.

What nobody sees in the list nobody can end: it would outlive "end all others", a new factor and "This was not me".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.test import Client

from accounts import sessions
from accounts.actions import sessions as acts
from accounts.models import User
from indexsite.policies import STEP_UP_WINDOW
from mfa.models import SecurityKey
from tests.support import cast, people
from tests.support.races import meet, together

PAGE = "/account/second-factor/"
LATER = STEP_UP_WINDOW + timedelta(minutes=1)


def twin(client: Client) -> Client:
    """Another tab: the same cookies, as they are now."""
    other = Client(headers={"user-agent": "Browser/1.0"})
    for name, morsel in client.cookies.items():
        other.cookies[name] = morsel.value
    return other


def unlisted(user: User) -> list[str]:
    """Keys of sessions that open the account and stand in no list of it."""
    listed = set(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
    found = []
    for key in Session.objects.values_list("session_key", flat=True):
        request = HttpRequest()
        request.session = SessionStore(key)
        if get_user(request) == user and key not in listed:
            found.append(key)
    return found


def at_the_first(patch: pytest.MonkeyPatch, name: str, then: Callable[[], object]) -> None:
    """Do `then` when the function `name` of `accounts.sessions` is called for the first time, before its work."""
    original, waiting = getattr(sessions, name), [then]

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        if waiting:
            waiting.pop()()
        return original(*args, **kwargs)

    patch.setattr(sessions, name, interrupted)


def confirm(client: Client) -> HttpResponse:
    return client.post(PAGE, {"password": cast.PASSWORD, "next": "/account/history/"})


@pytest.mark.django_db
def test_two_proofs_sent_at_once_leave_one_session(carol: User, monkeypatch: pytest.MonkeyPatch) -> None:
    here = people.browser(carol)
    there = twin(here)
    with time_machine.travel(LATER, tick=True):
        at_the_first(monkeypatch, "rotate", lambda: confirm(there))
        late = confirm(here)
        assert unlisted(carol) == []
        assert people.signed_in_as(there) == "carol"
        assert UserSession.objects.filter(user=carol).count() == 1
        # The tab that came second does not take the new cookie away, and goes on with it.
        assert late["Location"].startswith("/account/login/?next=")
        assert settings.SESSION_COOKIE_NAME not in late.cookies
        here.cookies[settings.SESSION_COOKIE_NAME] = there.cookies[settings.SESSION_COOKIE_NAME].value
        assert here.get(late["Location"])["Location"].startswith("/account/")


@pytest.mark.django_db
def test_a_session_that_is_ended_while_it_proves_something_stays_ended(
    carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, thief = people.browser(carol), people.browser(carol, agent="Thief/1")
    at_the_first(monkeypatch, "rotate", lambda: owner.post("/account/sessions/", {"act": "others"}))
    confirm(thief)
    assert people.signed_in_as(owner) == "carol"
    assert people.signed_in_as(thief) == ""
    assert unlisted(carol) == []


@pytest.mark.django_db
def test_a_password_changed_in_a_session_that_is_being_ended_signs_nobody_in(
    carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, thief = people.browser(carol), people.browser(carol, agent="Thief/1")
    at_the_first(
        monkeypatch,
        "keep_after_password_change",
        lambda: acts.drop_sessions(carol, keep=owner.session.session_key or ""),
    )
    thief.post("/account/password/", {"password": cast.PASSWORD, "password1": people.NEW_PASSWORD})
    assert people.signed_in_as(thief) == ""
    assert unlisted(carol) == []


@pytest.mark.django_db(transaction=True)
def test_ending_sessions_waits_for_a_new_key_and_the_other_way_round(monkeypatch: pytest.MonkeyPatch) -> None:
    carol = cast.person("carol", totp=False)
    owner, thief = people.browser(carol), people.browser(carol, agent="Thief/1")
    keep = owner.session.session_key or ""
    meet(monkeypatch, "accounts.sessions._new_key", "accounts.actions.sessions._drop")
    together(
        lambda: confirm(thief),
        lambda: acts.end_other_sessions(actor=cast.actor(carol), keep=keep),
    )
    assert unlisted(carol) == []
    assert people.signed_in_as(owner) == "carol"


@pytest.mark.django_db
def test_a_key_removed_in_a_session_that_was_ended_meanwhile_leaves_no_session(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.add_key(alice)
    thief = people.browser(alice, agent="Thief/1")
    at_the_first(monkeypatch, "rotate", lambda: acts.drop_sessions(alice, keep=""))
    key = SecurityKey.objects.get(user=alice)
    thief.post(f"/account/security/keys/{key.pk}/", {"act": "remove", "typed": key.name})
    assert people.signed_in_as(thief) == ""
    assert unlisted(alice) == []
