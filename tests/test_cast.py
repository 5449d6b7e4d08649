"""The cast is who it says it is, and the run is sealed off."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import pytest_socket
from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.test import Client

from accounts.models import User, has_verified_email
from indexsite.models import RateBucket
from indexsite.policies import Action, may
from mfa.models import AuthenticatorApp, has_factor
from releases.models import RoleKind
from tests.support import cast, people

PASSING = {"id", "session_id", "at", "last_login", "digest", "session_key", "session_data", "expire_date"}


def test_alice_is_verified_and_holds_a_factor(alice: User) -> None:
    assert has_verified_email(alice)
    assert has_factor(alice)
    assert alice.check_password(cast.PASSWORD)
    assert alice.password.startswith("argon2$argon2id$")


def test_dave_with_a_role_meets_the_obligation_only_with_a_factor(dave: User) -> None:
    project = cast.ProjectFactory(name="davelib", owner=dave)
    assert may(cast.actor(dave), Action.PROJECT_MANAGE, project).code == "second-factor-required"
    cast.add_totp(dave)
    assert may(cast.actor(dave), Action.PROJECT_MANAGE, project)


def test_a_stranger_hears_of_the_missing_role(alice: User, mallory: User) -> None:
    project = cast.ProjectFactory(owner=alice)
    cast.grant(alice, project, RoleKind.MAINTAINER)
    assert may(cast.actor(mallory), Action.PROJECT_MANAGE, project).code == "no-role"


def test_the_code_of_the_cast_is_the_code_the_device_accepts(alice: User) -> None:
    assert AuthenticatorApp.objects.get(user=alice).verify_token(cast.totp_code(alice))


def left_by(come_in: Callable[[Client, User], None], user: User) -> tuple[object, object, object]:
    """What it leaves in session, database and browser; of keys and moments only that they are there."""
    client, mark = people.browser(), transaction.savepoint_create()
    come_in(client, user)
    session = dict(client.session)
    rows = {
        model._meta.label: [
            {
                name: type(value) if name in PASSING or name.endswith("_at") else value
                for name, value in row.items()
            }
            for row in model._base_manager.order_by("pk").values()
        ]
        for model in apps.get_models(include_auto_created=True)
        if model is not RateBucket  # the front door counts tries
    }
    transaction.savepoint_rollback(mark)
    for record in session["account_authentication_methods"]:
        record["at"] = float
    session |= {"session_begun_at": float, "session_seen_at": float}
    return session, rows, set(client.cookies) - {"csrftoken"}  # which comes with the first form


@pytest.mark.parametrize("name", ["alice", "carol"])  # whoever has a key goes through it
def test_who_is_let_in_is_as_if_through_the_front_door(name: str, request: pytest.FixtureRequest) -> None:
    user: User = request.getfixturevalue(name)
    assert left_by(people.let_in, user) == left_by(people.sign_in, user)


def test_files_and_mail_of_a_test_are_its_own(files_dir: Path, mail_dir: Path) -> None:
    assert settings.ENV.storage_url.path == files_dir
    assert settings.ENV.email_url.path == mail_dir


def test_no_test_reaches_beyond_this_machine() -> None:
    with pytest.warns(UserWarning, match="192.0.2.1"), pytest.raises(pytest_socket.SocketConnectBlockedError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
