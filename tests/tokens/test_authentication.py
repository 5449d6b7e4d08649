"""From an Authorization header to an actor, and every way that fails."""

from __future__ import annotations

import dataclasses
import logging
import secrets
import threading
from datetime import timedelta
from uuid import uuid4

import pypitoken
import pytest
import time_machine
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from indexsite import clock
from indexsite.actors import CredentialKind, Permission
from indexsite.errors import DomainError, NotAuthenticated, PermissionRefused
from indexsite.policies import Action, NewProject, may
from releases.models import Project
from tests.support import cast
from tests.support.matrix import DRAFT
from tests.support.tokens import basic, request_with, token_of
from tokens.authentication import authenticate
from tokens.macaroons import wire
from tokens.models import GRANTED, Token

pytestmark = pytest.mark.django_db

UNKNOWN = "This token is not valid: it is unknown here or was altered; copy it again, or create one at"


@pytest.fixture
def sampleproject(alice: User) -> Project:
    return cast.ProjectFactory(name="sampleproject", owner=alice)


def refusal(authorization: str | None) -> DomainError:
    # Failures are limited per network, and not the subject here.
    somewhere = f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"
    with pytest.raises(DomainError) as refused:
        authenticate(request_with(authorization, REMOTE_ADDR=somewhere))
    sentence = refused.value.sentence
    assert sentence.isascii()
    assert sentence.isprintable()
    assert sentence.endswith(".")
    return refused.value


# -- what is accepted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        lambda secret: basic(secret),
        lambda secret: basic(secret, "@token"),
        lambda secret: basic(f"  {secret}\r\n"),
        lambda secret: basic(secret, " __token__ "),
        lambda secret: f"Bearer {secret}",
        lambda secret: f"token  {secret} ",
        lambda secret: f"BEARER {secret}",
    ],
)
def test_a_token_is_accepted_however_clients_send_it(alice: User, header) -> None:
    actor = authenticate(request_with(header(token_of(alice).secret()), REMOTE_ADDR="192.0.2.7"))
    assert actor.user == alice
    assert actor.credential.kind is CredentialKind.TOKEN
    assert actor.credential.label.startswith('token "ci" (idx-')
    assert (actor.address, actor.client) == ("192.0.2.7", "twine/7.0")
    assert not actor.is_interactive


def test_only_the_header_is_looked_at(alice: User) -> None:
    secret = token_of(alice).secret()
    request = request_with(None)
    request.POST = {"token": secret, "password": secret}  # type: ignore[assignment]
    request.COOKIES["token"] = secret
    request.user = alice
    with pytest.raises(NotAuthenticated):
        authenticate(request)


def test_a_token_made_by_the_row_is_what_another_implementation_reads(alice: User, sampleproject: Project) -> None:
    token = token_of(alice, project=sampleproject, life=timedelta(days=1))
    theirs = pypitoken.Token.load(token.secret())
    assert theirs.prefix == "idx"
    assert theirs.identifier == str(token.pk)
    assert len(theirs.restrictions) == 4
    theirs.check(
        key=token.root_key,
        project_name="sampleproject",
        project_id=theirs.restrictions[2].project_ids[0],
        user_id=theirs.restrictions[0].user_id,
    )


# -- what is refused, and how it sounds ----------------------------------------------------------------------


def test_without_credentials_the_sentence_says_what_to_send() -> None:
    for header in (None, "", "  "):
        error = refusal(header)
        assert isinstance(error, NotAuthenticated)
        assert "use the user name __token__ and a token from http://testserver/" in error.sentence


@pytest.mark.parametrize(
    ("header", "code", "says"),
    [
        (basic("correct horse", "alice"), "password-refused", "Passwords cannot upload; create a token at"),
        (basic("", "alice"), "password-refused", "use it with the user name __token__"),
        (basic("idx-AgEJ", "alice"), "token-username", "a token goes with the user name __token__"),
        (basic("correct horse"), "token-malformed", "malformed: it does not begin with idx-"),
        (basic(""), "token-malformed", "malformed: it does not begin with idx-"),
        (basic("pypi-AgEIcHlwaS5vcmc"), "token-malformed", "malformed: it does not begin with idx-"),
        ("Bearer", "token-malformed", "malformed"),
        ("Bearer idx-" + "A" * 5000, "token-malformed", "longer than 4096 characters"),
        ("Basic !!!", "credentials-unreadable", "cannot be read"),
        ("Basic //8=", "credentials-unreadable", "cannot be read"),
        ("Basic \xff\xfe", "credentials-unreadable", "cannot be read"),
        ("Digest username=x", "credentials-unreadable", "scheme is not supported"),
    ],
)
def test_bad_credentials_have_their_sentence(header: str, code: str, says: str) -> None:
    error = refusal(header)
    assert isinstance(error, PermissionRefused)
    assert error.code == code
    assert says in error.sentence


def test_a_truncated_token_is_called_cut_off(alice: User) -> None:
    secret = token_of(alice).secret()
    for length in range(5, len(secret), 3):  # a hundred refusals would reach the limit of the address
        error = refusal(basic(secret[:length]))
        assert error.code == "token-malformed"
        assert "copy all of it again" in error.sentence


def test_an_unknown_token_and_an_altered_one_sound_the_same(alice: User) -> None:
    token = token_of(alice)
    macaroon = wire.parse(token.secret(), prefix="idx-")
    stranger = wire.create(location="localhost", identifier=str(uuid4()).encode(), key=bytes(32))
    no_uuid = wire.create(location="localhost", identifier=b"alice", key=bytes(32))
    not_text = wire.create(location="localhost", identifier=b"\xff", key=bytes(32))
    no_caveats = wire.Macaroon(macaroon.location, macaroon.identifier, (), macaroon.signature)
    sentences = {
        refusal(basic(wire.serialize(forged, prefix="idx-"))).sentence
        for forged in (stranger, no_uuid, not_text, no_caveats)
    }
    assert len(sentences) == 1
    assert sentences.pop().startswith(UNKNOWN)


def test_a_forger_learns_nothing_of_revocation_expiry_or_account(alice: User) -> None:
    alice.is_active = False
    alice.save()
    token = token_of(alice, life=timedelta(seconds=-1))
    token.revoked_at = timezone.now()
    token.save()
    forged = wire.create(location="localhost", identifier=token.identifier, key=bytes(32))
    assert refusal(basic(wire.serialize(forged, prefix="idx-"))).code == "token-unknown"


def test_an_expired_token_says_when_and_where_to_renew(alice: User) -> None:
    token = token_of(alice, life=timedelta(days=7))
    authenticate(request_with(basic(token.secret())))
    with time_machine.travel(timezone.now() + timedelta(days=7, seconds=1)):
        error = refusal(basic(token.secret()))
    assert error.code == "token-expired"
    assert f"expired on {token.expires_at:%Y-%m-%d %H:%M} UTC" in error.sentence
    assert "create a new one at http://testserver/account/tokens/" in error.sentence


def test_the_site_clock_decides_about_expiry(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ENV", dataclasses.replace(settings.ENV, demo=True))
    token = token_of(alice, life=timedelta(days=7))
    clock.advance(timedelta(days=8))
    try:
        assert refusal(basic(token.secret())).code == "token-expired"
    finally:
        clock.advance(timedelta(days=-8))
        clock.offset()


def test_a_revoked_token_is_not_accepted_again(alice: User) -> None:
    token = token_of(alice)
    secret = token.secret()
    authenticate(request_with(basic(secret)))
    Token.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
    for replay in (secret, pypitoken.Token.load(secret).restrict(project_names=["x"]).dump()):
        error = refusal(basic(replay))
        assert error.code == "token-revoked"
        assert f"was revoked on {timezone.now():%Y-%m-%d}" in error.sentence


def test_a_token_of_a_closed_account_is_refused(alice: User) -> None:
    secret = token_of(alice).secret()
    authenticate(request_with(basic(secret)))
    alice.is_active = False
    alice.save()
    error = refusal(basic(secret))
    assert error.code == "account-closed"
    assert "This account is closed" in error.sentence


def test_a_token_cannot_be_moved_to_another_account(alice: User, mallory: User) -> None:
    token = token_of(alice)
    Token.objects.filter(pk=token.pk).update(user=mallory)
    assert "belongs to another account" in refusal(basic(token.secret())).sentence


# -- scope ---------------------------------------------------------------------------------------------------


def test_a_project_token_works_for_its_project_alone(alice: User, sampleproject: Project) -> None:
    other = cast.ProjectFactory(name="otherlib", owner=alice)
    actor = authenticate(request_with(basic(token_of(alice, project=sampleproject).secret())))
    assert may(actor, Action.FILE_UPLOAD, sampleproject)
    denied = may(actor, Action.FILE_UPLOAD, other)
    assert not denied
    assert denied.sentence == (  # type: ignore[union-attr]
        "This token is not valid for project 'otherlib': it is limited to 'sampleproject'; "
        "use another or create one at http://testserver/account/tokens/."
    )
    assert not may(actor, Action.PROJECT_CREATE, NewProject("new", "new"))
    assert actor.credential.refusal(Permission.UPLOAD, None) is not None


def test_an_account_token_reaches_what_the_person_reaches_and_no_further(alice: User, bob: User) -> None:
    mine, foreign = cast.ProjectFactory(name="mine", owner=alice), cast.ProjectFactory(name="foreign", owner=bob)
    actor = authenticate(request_with(basic(token_of(alice).secret())))
    assert may(actor, Action.FILE_UPLOAD, mine)
    assert may(actor, Action.PROJECT_CREATE, NewProject("new", "new"))
    assert not may(actor, Action.FILE_UPLOAD, foreign)


# What tokens are made for, and what tests/policies asks with the right subject.
BY_PEOPLE = {Action.DRAFT_RETURN, Action.DRAFT_APPROVE, Action.DRAFT_RELEASE}
FOR_TOKENS = {Action.FILE_UPLOAD, Action.PROJECT_CREATE, Action.PROJECT_RESERVE, *DRAFT} - BY_PEOPLE


@pytest.mark.parametrize("action", [action for action in Action if action not in FOR_TOKENS])
def test_no_token_reaches_an_interactive_action(alice: User, sampleproject: Project, action: Action) -> None:
    token = token_of(alice)
    actor = authenticate(request_with(basic(token.secret())))
    subject = sampleproject if action is Action.PROJECT_MANAGE else token
    assert bool(may(actor, action, subject)) is (action in {Action.TOKEN_INSPECT, Action.PROJECT_LIST})


def test_a_permission_that_is_added_later_is_not_in_old_tokens(alice: User) -> None:
    credential = authenticate(request_with(basic(token_of(alice).secret()))).credential
    for permission in GRANTED:
        assert credential.refusal(permission, None) is None
    later = credential.refusal("release:delete", None)  # type: ignore[arg-type]
    assert (
        later
        == "This token was not made for release:delete; create one that was at http://testserver/account/tokens/."
    )


def test_a_name_that_changes_hands_takes_no_old_token_along(alice: User, sampleproject: Project) -> None:
    secret = token_of(alice, project=sampleproject).secret()
    Token.objects.update(project=None)
    sampleproject.delete()
    again = cast.ProjectFactory(name="sampleproject", owner=alice)
    actor = authenticate(request_with(basic(secret)))
    assert not may(actor, Action.FILE_UPLOAD, again)


# -- attenuation -----------------------------------------------------------------------------------------------


def test_a_client_narrows_a_token_offline_and_cannot_widen_it(alice: User, sampleproject: Project) -> None:
    other = cast.ProjectFactory(name="otherlib", owner=alice)
    secret = token_of(alice, project=sampleproject).secret()
    wider = pypitoken.Token.load(secret).restrict(project_names=["otherlib", "sampleproject"]).dump()
    actor = authenticate(request_with(basic(wider)))
    assert may(actor, Action.FILE_UPLOAD, sampleproject)
    assert not may(actor, Action.FILE_UPLOAD, other)

    swapped = pypitoken.Token.load(secret).restrict(project_names=["otherlib"]).dump()
    actor = authenticate(request_with(basic(swapped)))
    assert not may(actor, Action.FILE_UPLOAD, sampleproject)
    assert not may(actor, Action.FILE_UPLOAD, other)


def test_a_client_cannot_prolong_a_token(alice: User) -> None:
    token = token_of(alice, life=timedelta(days=7))
    longer = pypitoken.Token.load(token.secret()).restrict(not_before=1, not_after=2**40).dump()
    authenticate(request_with(basic(longer)))
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        assert refusal(basic(longer)).code == "token-expired"


def test_a_narrowed_token_expires_when_its_bearer_said(alice: User) -> None:
    now = int(timezone.now().timestamp())
    short = pypitoken.Token.load(token_of(alice).secret()).restrict(not_before=now - 60, not_after=now + 60).dump()
    authenticate(request_with(basic(short)))
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert refusal(basic(short)).code == "token-expired"


@pytest.mark.parametrize(
    "caveat", [b'{"version":1,"permissions":"user"}', b"[99]", b"[101,[]]", b'[103,"newer"]', b"[0,1]"]
)
def test_a_restriction_that_is_not_understood_refuses_the_token(alice: User, caveat: bytes) -> None:
    macaroon = wire.parse(token_of(alice).secret(), prefix="idx-")
    odd = wire.serialize(wire.restrict(macaroon, caveat), prefix="idx-")
    error = refusal(basic(odd))
    assert error.code == "token-restricted"
    assert "restriction that" in error.sentence


def test_a_stored_restriction_narrows_a_token_in_the_wild(alice: User, sampleproject: Project) -> None:
    other = cast.ProjectFactory(name="otherlib", owner=alice)
    token = token_of(alice)
    secret = token.secret()
    assert may(authenticate(request_with(basic(secret))), Action.FILE_UPLOAD, other)
    token.caveats.append([1, ["sampleproject"]])
    token.save()
    actor = authenticate(request_with(basic(secret)))
    assert may(actor, Action.FILE_UPLOAD, sampleproject)
    assert not may(actor, Action.FILE_UPLOAD, other)


def test_a_stored_restriction_that_is_not_understood_refuses_the_token(alice: User) -> None:
    token = token_of(alice)
    secret = token.secret()
    token.caveats.append([99])
    token.save()
    assert refusal(basic(secret)).code == "token-restricted"


def test_what_the_lists_show_is_what_holds(alice: User, sampleproject: Project) -> None:
    other = cast.ProjectFactory(name="otherlib", owner=alice)
    token = token_of(alice)
    secret = token.secret()
    token.project = sampleproject
    token.save()
    actor = authenticate(request_with(basic(secret)))
    assert may(actor, Action.FILE_UPLOAD, sampleproject)
    assert not may(actor, Action.FILE_UPLOAD, other)
    token.expires_at = timezone.now() - timedelta(seconds=1)
    token.save()
    assert refusal(basic(secret)).code == "token-expired"


def test_narrowing_and_revoking_reach_an_upload_that_has_begun(alice: User, sampleproject: Project) -> None:
    token = token_of(alice)
    actor = authenticate(request_with(basic(token.secret())))
    assert may(actor, Action.FILE_UPLOAD, sampleproject)
    token.caveats.append([1, ["otherlib"]])
    token.save()
    assert not may(actor, Action.FILE_UPLOAD, sampleproject)
    token.caveats.pop()
    token.revoked_at = timezone.now()
    token.save()
    assert "was revoked on" in may(actor, Action.FILE_UPLOAD, sampleproject).sentence  # type: ignore[union-attr]
    token.delete()
    assert "unknown here" in may(actor, Action.FILE_UPLOAD, sampleproject).sentence  # type: ignore[union-attr]


# -- last use --------------------------------------------------------------------------------------------------


def test_the_last_use_is_noted_at_most_once_a_minute(alice: User, django_assert_num_queries) -> None:
    token = token_of(alice)
    header = basic(token.secret())
    began = timezone.now()
    with time_machine.travel(began, tick=False):
        authenticate(request_with(header, REMOTE_ADDR="192.0.2.1"))
    token.refresh_from_db()
    assert (token.last_used_at, token.last_used_address, token.last_used_client) == (
        began,
        "192.0.2.1",
        "twine/7.0",
    )
    with time_machine.travel(began + timedelta(seconds=59), tick=False):
        clock.now()
        with django_assert_num_queries(1):
            authenticate(request_with(header, REMOTE_ADDR="192.0.2.2"))
    with time_machine.travel(began + timedelta(seconds=60), tick=False):
        authenticate(request_with(header, REMOTE_ADDR="192.0.2.3"))
    token.refresh_from_db()
    assert token.last_used_address == "192.0.2.3"


def test_a_refused_token_is_not_noted_as_used(alice: User) -> None:
    token = token_of(alice, life=timedelta(seconds=-5))
    refusal(basic(token.secret()))
    token.refresh_from_db()
    assert token.last_used_at is None


@pytest.mark.django_db(transaction=True)
def test_noting_the_use_does_not_wait_for_whoever_holds_the_row(alice: User) -> None:
    if not connection.features.has_select_for_update_skip_locked:
        return  # SQLite has one lock for all; writers queue by nature
    token = token_of(alice)
    header = basic(token.secret())
    done = threading.Event()

    def use() -> None:
        try:
            authenticate(request_with(header))
            done.set()
        finally:
            connection.close()

    with transaction.atomic():
        Token.objects.locked(token.pk)
        thread = threading.Thread(target=use)
        thread.start()
        assert done.wait(5)
    thread.join()
    token.refresh_from_db()
    assert token.last_used_at is None


def test_no_secret_reaches_a_log_or_a_repr(alice: User, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = token_of(alice)
    actor = authenticate(request_with(basic(token.secret())))
    refusal(basic(token.secret()[:-3]))
    shown = caplog.text + repr(actor) + str(token) + repr(token)
    assert token.secret()[20:] not in shown
    assert bytes(token.key).hex() not in shown
