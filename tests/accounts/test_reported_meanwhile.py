""" "This was not me" pressed between the question whether somebody may and the act: the act comes to nothing.

Checking a password takes its time, and asking a list of leaked ones may take seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django_otp.oath import TOTP

from accounts.actions import emails, muting, passwords
from accounts.models import User
from indexsite import clock
from indexsite.errors import PermissionRefused
from indexsite.policies import require
from mfa import ceremonies, totp
from mfa.actions import authenticator, codes, keys
from mfa.ceremonies import Kind
from mfa.models import SecurityKey
from tests.mfa.test_strongest_factor import keep_codes
from tests.support import cast, people
from tests.support.authenticators import SoftKey
from tokens.actions import create

pytestmark = pytest.mark.django_db

type Act = Callable[[User], Callable[[], object]]


def _sets_up_an_app(user: User) -> Callable[[], object]:
    secret = totp.new_secret()
    shown = TOTP(bytes.fromhex(secret), totp.STEP, 0, totp.DIGITS)
    shown.time = time.time()
    return lambda: authenticator.enrol(
        actor=cast.actor(user), secret=secret, code=f"{shown.token():06d}", keep_session="", at=clock.now()
    )


def _registers_a_key(user: User) -> Callable[[], object]:
    options, challenge = keys.ask(actor=cast.actor(user), kind=Kind.KEY)
    answer = ceremonies.parse(SoftKey().create(options))
    return lambda: keys.add(
        actor=cast.actor(user), name="new", challenge=challenge, answer=answer, keep_session="", at=clock.now()
    )


def _renames_a_key(user: User) -> Callable[[], object]:
    cast.add_key(user)
    key = SecurityKey.objects.get(user=user)
    return lambda: keys.rename(actor=cast.actor(user), key=key, name="other")


def _makes_codes(user: User) -> Callable[[], object]:
    return lambda: codes.generate_codes(actor=cast.actor(user), at=clock.now())


def _adds_an_address(user: User) -> Callable[[], object]:
    return lambda: emails.add_address(actor=cast.actor(user), email="thief@example.org")


def _second(user: User, *, verified: bool = True) -> EmailAddress:
    return EmailAddress.objects.create(user=user, email="second@example.org", verified=verified)


def _verifies_an_address(user: User) -> Callable[[], object]:
    row = _second(user, verified=False)
    return lambda: emails.mark_verified(actor=cast.actor(user), row=row)


def _makes_an_address_primary(user: User) -> Callable[[], object]:
    email = _second(user).email
    return lambda: emails.make_primary(actor=cast.actor(user), email=email)


def _removes_an_address(user: User) -> Callable[[], object]:
    email = _second(user).email
    return lambda: emails.remove_address(actor=cast.actor(user), email=email, at=clock.now())


def _changes_the_password(user: User) -> Callable[[], object]:
    return lambda: passwords.change_password(
        actor=cast.actor(user), old=cast.PASSWORD, new=people.NEW_PASSWORD, keep_session="", at=clock.now()
    )


def _silences_letters(user: User) -> Callable[[], object]:
    return lambda: muting.mute(actor=cast.actor(user), muted=["unyanked"])


def _makes_a_token(user: User) -> Callable[[], object]:
    return lambda: create.create_token(
        actor=cast.actor(user), description="laptop", project=None, expires_at=None, at=clock.now()
    )


ACTS: dict[Act, ModuleType] = {
    _sets_up_an_app: authenticator,
    _registers_a_key: authenticator,
    _renames_a_key: keys,
    _makes_codes: codes,
    _adds_an_address: emails,
    _verifies_an_address: emails,
    _makes_an_address_primary: emails,
    _removes_an_address: emails,
    _changes_the_password: passwords,
    _silences_letters: muting,
    _makes_a_token: create,
}


@pytest.mark.parametrize("prepared", ACTS, ids=lambda act: act.__name__.strip("_"))
def test_what_was_asked_for_before_the_report_does_not_happen_after_it(
    alice: User, monkeypatch: pytest.MonkeyPatch, prepared: Act
) -> None:
    keep_codes(alice)
    act = prepared(alice)
    before = people.events(alice)

    def ask_and_report(*asked: Any) -> None:
        require(*asked)
        until = clock.now() + timedelta(hours=72)
        User.objects.filter(pk=alice.pk).update(edits_frozen_until=until)

    monkeypatch.setattr(ACTS[prepared], "require", ask_and_report)
    with pytest.raises(PermissionRefused) as refused:
        act()
    assert refused.value.code == "edits-frozen"
    new = people.events(alice)[len(before) :]
    assert [name for name in new if name != "account.confirmed"] == []
