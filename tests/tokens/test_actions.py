"""Creating and revoking: row, audit trail, letters."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.models import User
from indexsite import limits, policies
from indexsite.errors import InvalidInput, LimitReached, PermissionRefused
from indexsite.limits import Limit
from indexsite.models import AuditEvent
from indexsite.policies import Action, may
from releases.models import Project, ProjectStatus, RoleKind
from tests.support import cast
from tests.support.tokens import basic, request_with, token_of
from tests.support.worker import run_queued
from tokens.actions import create_token, revoke_all_tokens, revoke_token
from tokens.authentication import authenticate
from tokens.models import Token

pytestmark = pytest.mark.django_db


@pytest.fixture
def sampleproject(alice: User) -> Project:
    return cast.ProjectFactory(name="Sample.Project", owner=alice)


def letters(mail_dir: Path) -> list[tuple[str, str, str]]:
    run_queued()
    found = []
    for path in sorted(mail_dir.glob("*.eml")):
        letter = message_from_bytes(path.read_bytes(), policy=policy.default)
        text = letter.get_body(("plain",))
        assert text is not None
        found.append((letter["To"], letter["Subject"], text.get_content()))
    return found


def make(user: User, *, description: str = "ci", project: Project | None = None, life: timedelta | None = None):
    at = timezone.now()
    return create_token(
        actor=cast.actor(user),
        description=description,
        project=project,
        expires_at=at + life if life is not None else None,
        at=at,
    )


def test_a_project_token_carries_every_restriction_embedded_and_stored(
    alice: User, sampleproject: Project
) -> None:
    created = make(alice, project=sampleproject, life=timedelta(days=30))
    token = Token.objects.get()
    assert token == created.token
    assert [caveat[0] for caveat in token.caveats] == [3, 1, 2, 0]
    assert token.expires_at is not None
    assert token.caveats[3][1] == token.expires_at.timestamp()
    assert token.caveats[1] == [1, ["sample-project"]]
    assert token.secret() == created.secret
    assert created.secret.startswith("idx-")
    actor = authenticate(request_with(basic(created.secret)))
    assert may(actor, Action.FILE_UPLOAD, sampleproject)


def test_creating_is_audited_without_the_secret(alice: User, sampleproject: Project) -> None:
    created = make(alice, project=sampleproject)
    event = AuditEvent.objects.get(name="token.created")
    assert (event.actor, event.about, event.project) == (alice, alice, "sample-project")
    assert event.data == {
        "description": "ci",
        "token_id": str(created.token.pk),
        "scope": "project Sample.Project, to upload",
    }
    assert created.secret not in str(event.__dict__)


def test_every_verified_address_is_told_and_no_letter_holds_the_secret(alice: User, mail_dir: Path) -> None:
    EmailAddress.objects.create(user=alice, email="alice@work.example", verified=True)
    EmailAddress.objects.create(user=alice, email="unproved@example.org", verified=False)
    created = make(alice, description="laptop <b>")
    sent = letters(mail_dir)
    assert [to for to, _, _ in sent] == ["alice@example.org", "alice@work.example"]
    for _, subject, text in sent:
        assert subject == 'New API token "laptop <b>"'
        assert "Good for:     the whole account" in text
        assert "http://testserver/account/tokens/" in text
        assert created.secret not in text
    assert b"laptop &lt;b&gt;" in b"".join(path.read_bytes() for path in mail_dir.glob("*.eml"))


@pytest.mark.parametrize("description", ["", "  ", "x" * 101, "bell\a", "\u202egnp.exe"])
def test_an_unusable_description_is_refused(alice: User, description: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        make(alice, description=description)
    assert refused.value.code == "description-unusable"
    assert not Token.objects.exists()


def test_a_description_is_used_once_while_its_token_lives(alice: User, bob: User) -> None:
    first = make(alice, description="Release  bot ").token
    assert first.description == "Release bot"
    make(bob, description="release bot")
    with pytest.raises(InvalidInput) as refused:
        make(alice, description="release BOT")
    assert refused.value.code == "description-taken"
    assert 'already have a token "release BOT"' in refused.value.sentence
    revoke_token(actor=cast.actor(alice), token=first, at=timezone.now())
    make(alice, description="release bot")
    assert AuditEvent.objects.filter(name="token.created").count() == 3


def test_a_day_has_room_for_so_many_tokens(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    few = dataclasses.replace(limits.LIMITS[Limit.TOKEN_CREATE_USER], count=1)
    monkeypatch.setitem(limits.LIMITS, Limit.TOKEN_CREATE_USER, few)
    make(alice, description="first")
    with pytest.raises(LimitReached, match="Too many new tokens"):
        make(alice, description="second")
    assert Token.objects.filter(user=alice).count() == 1


@pytest.mark.parametrize("life", [timedelta(), timedelta(seconds=-1)])
def test_an_end_in_the_past_is_refused(alice: User, life: timedelta) -> None:
    with pytest.raises(InvalidInput, match="must lie in the future"):
        make(alice, life=life)


def test_nobody_makes_a_token_for_a_project_that_is_not_theirs(
    bob: User, erin: User, sampleproject: Project
) -> None:
    cast.grant(erin, sampleproject, RoleKind.APPROVER)
    for outsider in (bob, erin):
        with pytest.raises(PermissionRefused) as refused:
            make(outsider, project=sampleproject)
        assert refused.value.code == "no-role"
    assert not Token.objects.exists()


def test_a_closed_project_gets_no_new_token(alice: User, sampleproject: Project) -> None:
    sampleproject.status = ProjectStatus.ARCHIVED
    sampleproject.save()
    with pytest.raises(PermissionRefused):
        make(alice, project=sampleproject)


@pytest.mark.parametrize("defended", [False, True])
def test_a_token_planted_with_a_password_alone_waits_for_a_project(
    carol: User, monkeypatch: pytest.MonkeyPatch, *, defended: bool
) -> None:
    """carol has no role and no factor yet; whoever knows her password asks for a token now and publishes later."""
    if not defended:
        row = policies.RULES[Action.TOKEN_CREATE]
        asked_too_late = tuple(policies.obligations_met if r is policies.factor_held else r for r in row)
        monkeypatch.setitem(policies.RULES, Action.TOKEN_CREATE, asked_too_late)
        planted = make(carol)
        cast.add_totp(carol)
        project = cast.ProjectFactory(name="carolib", owner=carol)
        assert may(authenticate(request_with(basic(planted.secret))), Action.FILE_UPLOAD, project)
        return
    with pytest.raises(PermissionRefused) as refused:
        make(carol)
    assert refused.value.code == "second-factor-required"
    assert not Token.objects.exists()
    assert not AuditEvent.objects.filter(name="token.created").exists()


def test_whoever_may_not_create_tokens_hears_why(alice: User, carol: User, dave: User) -> None:
    unverified = cast.person("newcomer", verified=False)
    cast.ProjectFactory(owner=dave)
    stale = cast.actor(alice, fresh=False)
    by_token = cast.actor(alice, credential=authenticate(request_with(basic(token_of(alice).secret()))).credential)
    for actor, code in (
        (cast.actor(unverified), "email-unverified"),
        (cast.actor(dave), "second-factor-required"),
        (cast.actor(carol), "second-factor-required"),
        (stale, "step-up-needed"),
        (by_token, "interactive-only"),
    ):
        with pytest.raises(PermissionRefused) as refused:
            create_token(actor=actor, description="x", project=None, expires_at=None, at=timezone.now())
        assert refused.value.code == code
    assert Token.objects.count() == 1


def test_revoking_ends_the_token_and_is_recorded_and_told(
    alice: User, sampleproject: Project, mail_dir: Path
) -> None:
    created = make(alice, project=sampleproject)
    at = timezone.now()
    assert revoke_token(actor=cast.actor(alice), token=created.token, at=at) is True
    with pytest.raises(PermissionRefused):
        authenticate(request_with(basic(created.secret)))
    event = AuditEvent.objects.get(name="token.revoked")
    assert (event.actor, event.about, event.project) == (alice, alice, "sample-project")
    assert event.data["reason"] == "by its owner"
    _, subject, text = letters(mail_dir)[-1]
    assert subject == 'API token "ci" was revoked'
    assert "was revoked by its owner" in text


def test_revoking_twice_changes_nothing(alice: User) -> None:
    token = token_of(alice)
    first = datetime(2026, 11, 21, 12, tzinfo=timezone.now().tzinfo)
    revoke_token(actor=cast.actor(alice), token=token, at=first)
    assert revoke_token(actor=cast.actor(alice), token=token, at=timezone.now()) is False
    token.refresh_from_db()
    assert token.revoked_at == first
    assert AuditEvent.objects.filter(name="token.revoked").count() == 1


def test_nobody_revokes_the_token_of_somebody_else(alice: User, mallory: User) -> None:
    token = token_of(alice)
    with pytest.raises(PermissionRefused) as refused:
        revoke_token(actor=cast.actor(mallory), token=token, at=timezone.now())
    assert refused.value.code == "not-yours"
    token.refresh_from_db()
    assert token.revoked_at is None


def test_a_token_does_not_revoke_tokens(alice: User) -> None:
    token = token_of(alice)
    actor = authenticate(request_with(basic(token.secret())))
    with pytest.raises(PermissionRefused):
        revoke_token(actor=actor, token=token, at=timezone.now())


def test_all_tokens_of_one_person_are_revoked_at_once(alice: User, bob: User) -> None:
    for description in ("one", "two"):
        token_of(alice, description=description)
    token_of(alice, description="old").delete()
    theirs = token_of(bob)
    assert revoke_all_tokens(actor=cast.actor(alice), at=timezone.now()) == 2
    assert revoke_all_tokens(actor=cast.actor(alice), at=timezone.now()) == 0
    assert not Token.objects.unrevoked().filter(user=alice).exists()
    theirs.refresh_from_db()
    assert theirs.revoked_at is None
