"""The cast is who it says it is, and the run is sealed off."""

import socket
from pathlib import Path

import pytest
import pytest_socket
from django.conf import settings

from accounts.models import User, has_verified_email
from indexsite.policies import Action, may
from mfa.models import AuthenticatorApp, has_factor
from releases.models import RoleKind
from tests.support import cast


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


def test_files_and_mail_of_a_test_are_its_own(files_dir: Path, mail_dir: Path) -> None:
    assert settings.ENV.storage_url.path == files_dir
    assert settings.ENV.email_url.path == mail_dir


def test_no_test_reaches_beyond_this_machine() -> None:
    with pytest.warns(UserWarning, match="192.0.2.1"), pytest.raises(pytest_socket.SocketConnectBlockedError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
