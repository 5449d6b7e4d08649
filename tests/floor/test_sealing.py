"""Whoever steals the database alone signs no token and computes no code; a change of SECRET_KEY costs nothing."""

from __future__ import annotations

import base64
import importlib
import time
from io import StringIO

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.core.management import call_command
from django.db import connection
from django.http import HttpRequest
from django_otp.oath import TOTP

from accounts.models import User
from indexsite import sealing
from indexsite.errors import PermissionRefused
from indexsite.sealing import SealBroken
from mfa import recovery_codes
from mfa.actions import codes
from mfa.models import AuthenticatorApp
from tests.support import cast, people
from tests.support.tokens import basic, request_with, token_of
from tokens.authentication import authenticate
from tokens.macaroons import wire
from tokens.models import Token, new_key

PLACE = "a place"
OTHER_KEY = "another key, long enough to be taken for a real one, too"


def stored(table: str, column: str) -> bytes:
    """What a thief of the database holds."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table}")
        (value,) = cursor.fetchone()
    return value.encode() if isinstance(value, str) else bytes(value)


def forged(token: Token, key: bytes) -> HttpRequest:
    made = wire.create(location="testserver", identifier=token.identifier, key=key)
    return request_with(basic(wire.serialize(made, prefix="idx-")))


@pytest.mark.django_db
def test_the_column_of_a_token_does_not_sign_one(alice: User) -> None:
    token = token_of(alice)
    assert authenticate(forged(token, token.root_key)).user == alice  # the key itself does
    column = stored("tokens_token", "key")
    assert token.root_key not in column
    for key in (column, column[-32:], column[13:45]):
        with pytest.raises(PermissionRefused):
            authenticate(forged(token, key))


@pytest.mark.django_db
def test_the_column_of_an_app_computes_no_code(alice: User) -> None:
    app = AuthenticatorApp.objects.get(user=alice)
    column = stored("otp_totp_totpdevice", "key").decode()
    assert len(column) <= 80
    assert app.bin_key.hex() not in column
    assert base64.b64encode(app.bin_key).decode() not in column
    made_of_column = TOTP(base64.b64decode(column.removeprefix("sealed:"))[-20:])
    made_of_column.time = time.time()
    assert f"{made_of_column.token():06d}" != cast.totp_code(alice)


@pytest.mark.django_db
def test_a_seal_moved_to_another_row_does_not_open(alice: User, mallory: User) -> None:
    """Whoever can write rows but not read keys puts a key that they know in the place of another."""
    mine, theirs = token_of(mallory), token_of(alice)
    Token.objects.filter(pk=theirs.pk).update(key=mine.key)
    with pytest.raises(SealBroken):
        _ = Token.objects.get(pk=theirs.pk).root_key
    own = AuthenticatorApp.objects.get(user=mallory)
    AuthenticatorApp.objects.filter(user=alice).update(key=own.key)
    with pytest.raises(SealBroken):
        _ = AuthenticatorApp.objects.get(user=alice).bin_key


@pytest.mark.parametrize(
    "change", [lambda s: s[:-1], lambda s: b"", lambda s: b"\x02" + s[1:], lambda s: s + b"x"]
)
def test_what_was_changed_does_not_open(change) -> None:
    sealed = sealing.seal(b"secret", place=PLACE)
    assert sealing.unseal(sealed, place=PLACE) == b"secret"
    assert len(sealed) == len(b"secret") + sealing.OVERHEAD
    assert sealing.seal(b"secret", place=PLACE) != sealed
    with pytest.raises(SealBroken):
        sealing.unseal(change(sealed), place=PLACE)


@pytest.mark.django_db
def test_a_change_of_the_key_keeps_tokens_apps_and_codes_working(alice: User, settings: LazySettings) -> None:
    token = token_of(alice)
    secret, code = token.secret(), codes.generate_codes(actor=cast.actor(alice), at=cast.clock.now())[0]
    first = settings.SECRET_KEY

    settings.SECRET_KEY = OTHER_KEY
    with pytest.raises(SealBroken):  # without the earlier key everything is lost
        authenticate(request_with(basic(secret)))

    settings.SECRET_KEY_FALLBACKS = [first]
    assert authenticate(request_with(basic(secret))).user == alice
    people.browser(alice)
    said = [StringIO(), StringIO()]
    for out in said:
        call_command("reseal", stdout=out)
    assert said[0].getvalue() == "Sealed anew: 1 token(s), 1 authenticator app(s), 0 webhook(s).\n"
    assert said[1].getvalue() == "Sealed anew: 0 token(s), 0 authenticator app(s), 0 webhook(s).\n"
    assert codes.spend_code(actor=cast.actor(alice), user=alice, code=code, at=cast.clock.now()) is not None
    assert recovery_codes.digest(code) not in recovery_codes.digests(code)[1:]

    settings.SECRET_KEY_FALLBACKS = []
    assert authenticate(request_with(basic(secret))).user == alice
    people.browser(alice)


@pytest.mark.django_db
def test_rows_from_before_are_sealed_by_the_migrations_and_back(alice: User) -> None:
    token, app = token_of(alice), AuthenticatorApp.objects.get(user=alice)
    key, secret = new_key(), bytes(range(20))
    Token.objects.filter(pk=token.pk).update(key=key)
    AuthenticatorApp.objects.filter(pk=app.pk).update(key=secret.hex())
    sealing_of_keys = importlib.import_module("tokens.migrations.0002_sealed_keys")
    sealing_of_apps = importlib.import_module("mfa.migrations.0003_sealed_secrets")
    for module in (sealing_of_keys, sealing_of_apps):
        module.seal(apps, None)
        module.seal(apps, None)  # what is sealed stays as it is
    assert Token.objects.get(pk=token.pk).root_key == key
    assert AuthenticatorApp.objects.get(pk=app.pk).bin_key == secret
    for module in (sealing_of_keys, sealing_of_apps):
        module.unseal(apps, None)
    assert bytes(Token.objects.get(pk=token.pk).key) == key
    assert AuthenticatorApp.objects.get(pk=app.pk).key == secret.hex()
