"""What tokens may do about drafts: as the policies see it, with the token in the header of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pypitoken
import pytest

from accounts.models import User
from indexsite.actors import Actor, Permission
from indexsite.policies import Action, NewProject, may
from indexsite.requirements import NewDraft, NewFile, not_quarantined, project_of, role, scope, writable
from releases.models import Project, ProjectStatus, RoleKind
from tests.support import cast
from tests.support.tokens import basic, request_with, token_of
from tokens.authentication import TokenCredential, authenticate
from tokens.macaroons import wire
from tokens.models import Token

pytestmark = pytest.mark.django_db

DRAFT = UUID("6f1c1b0e-0000-4000-8000-000000000001")
OTHER = UUID("6f1c1b0e-0000-4000-8000-000000000002")
DRAFTING = {permission for permission in Permission if permission.startswith("draft:")}
PUBLISHING = {Permission.UPLOAD, Permission.PUBLISH}


@dataclass
class Draft:
    """What the requirements read of a draft's row."""

    project: Project
    normalized_version: str
    public_id: UUID


@pytest.fixture
def sampleproject(alice: User) -> Project:
    return cast.ProjectFactory(name="sampleproject", owner=alice)


def actor_with(token: Token, *caveats: bytes) -> Actor:
    """Whoever holds the token after somebody narrowed it offline."""
    macaroon = wire.restrict(wire.parse(token.secret(), prefix="idx-"), *caveats)
    return authenticate(request_with(basic(wire.serialize(macaroon, prefix="idx-"))))


def may_use(actor: Actor, permission: Permission, subject: Any) -> bool:
    return scope(permission)(actor, subject) is None


def why_not(actor: Actor, permission: Permission, subject: Any) -> str:
    denied = scope(permission)(actor, subject)
    assert denied is not None
    assert denied.code == "credential-scope"
    assert denied.sentence.isascii()
    assert denied.sentence.isprintable()
    return denied.sentence


def left_to(actor: Actor, subject: Any) -> set[Permission]:
    return {permission for permission in Permission if may_use(actor, permission, subject)}


def is_drafts_only(actor: Actor) -> bool:
    assert isinstance(actor.credential, TokenCredential)
    return actor.credential.is_drafts_only


def test_a_token_for_uploads_may_release_in_two_steps_and_gains_nothing_else(
    alice: User, sampleproject: Project
) -> None:
    old, made = token_of(alice), token_of(alice, description="b", permissions={Permission.UPLOAD, Permission.YANK})
    assert left_to(actor_with(old), sampleproject) == {*PUBLISHING, *DRAFTING, Permission.READ_ACCOUNT}
    assert left_to(actor_with(made), sampleproject) == {
        *PUBLISHING, *DRAFTING, Permission.READ_ACCOUNT, Permission.YANK,
    }  # fmt: skip
    assert not is_drafts_only(actor_with(old))


@pytest.mark.parametrize("permission", sorted(set(Permission) - {Permission.UPLOAD, Permission.READ_ACCOUNT}))
def test_a_token_for_one_use_is_for_that_use(alice: User, sampleproject: Project, permission: Permission) -> None:
    actor = actor_with(token_of(alice, permissions={permission}))
    assert left_to(actor, sampleproject) == {permission, Permission.READ_ACCOUNT}
    assert is_drafts_only(actor) is (permission is Permission.DRAFT_UPLOAD)


def test_uploading_is_narrowed_to_one_part_of_it(alice: User, sampleproject: Project) -> None:
    actor = actor_with(token_of(alice), b'[100,["draft:upload"]]')
    assert left_to(actor, sampleproject) == {Permission.DRAFT_UPLOAD}
    assert is_drafts_only(actor)
    assert left_to(actor_with(token_of(alice, description="b"), b'[100,["draft:read"]]'), None) == {
        Permission.DRAFT_READ
    }


def test_a_token_for_drafts_only_publishes_nothing(alice: User, sampleproject: Project) -> None:
    token = token_of(alice, permissions=list(Permission))
    assert left_to(actor_with(token), sampleproject) == set(Permission)
    actor = actor_with(token, b"[101]")
    assert is_drafts_only(actor)
    readers = {Permission.READ_ACCOUNT, Permission.READ_HISTORY, Permission.READ_MEMBERS}
    assert left_to(actor, sampleproject) == DRAFTING | readers
    for permission in PUBLISHING:
        assert why_not(actor, permission, sampleproject) == (
            "This token is for drafts only: upload to http://testserver/draft/legacy/, "
            "or create another one at http://testserver/account/tokens/."
        )
    assert not may(actor, Action.FILE_UPLOAD, sampleproject)
    assert not may(actor, Action.FILE_UPLOAD, NewFile(sampleproject, "1.0"))
    assert not may(actor, Action.PROJECT_CREATE, NewProject("new", "new"))


def test_a_token_without_drafts_is_no_token_for_drafts(alice: User, sampleproject: Project) -> None:
    actor = actor_with(token_of(alice, permissions={Permission.READ_HISTORY}), b"[101]")
    assert not is_drafts_only(actor)
    assert why_not(actor, Permission.UPLOAD, sampleproject).startswith("This token was not made for upload;")


def test_a_stored_restriction_to_drafts_reaches_tokens_in_the_wild(alice: User, sampleproject: Project) -> None:
    token = token_of(alice)
    actor = actor_with(token)
    assert may(actor, Action.FILE_UPLOAD, sampleproject)
    token.caveats.append([101])
    token.save()
    assert not may(actor, Action.FILE_UPLOAD, sampleproject)  # the request had begun
    assert is_drafts_only(actor_with(token))


def test_a_token_for_one_draft_is_good_for_that_draft(alice: User, sampleproject: Project) -> None:
    draft, other = Draft(sampleproject, "1.0", DRAFT), Draft(sampleproject, "1.0", OTHER)
    actor = actor_with(token_of(alice), f'[102,"{DRAFT}"]'.encode())
    for permission in DRAFTING | PUBLISHING:
        assert may_use(actor, permission, draft)
        assert "is limited to another draft;" in why_not(actor, permission, other)
        for elsewhere in (sampleproject, NewDraft(sampleproject, "1.0"), NewFile(sampleproject, "1.0"), None):
            assert "is limited to one draft and cannot be used here" in why_not(actor, permission, elsewhere)
    assert not may(actor, Action.FILE_UPLOAD, sampleproject)
    assert not may(actor, Action.PROJECT_LIST)


def test_a_token_for_one_draft_of_a_project_asks_for_both(alice: User, sampleproject: Project) -> None:
    elsewhere = cast.ProjectFactory(name="elsewhere", owner=alice)
    actor = actor_with(token_of(alice, project=sampleproject), f'[102,"{DRAFT}"]'.encode())
    assert may_use(actor, Permission.DRAFT_UPLOAD, Draft(sampleproject, "1.0", DRAFT))
    assert "is not valid for project 'elsewhere'" in why_not(
        actor, Permission.DRAFT_UPLOAD, Draft(elsewhere, "1.0", DRAFT)
    )


def test_a_token_for_some_versions_is_good_for_those(alice: User, sampleproject: Project) -> None:
    actor = actor_with(token_of(alice), b'[103,">=2,<3"]')
    new = NewProject("new", "new")
    for version in ("2.0", "2.1a1"):
        assert may_use(actor, Permission.DRAFT_CREATE, NewDraft(sampleproject, version))
        assert may_use(actor, Permission.DRAFT_CREATE, NewDraft(new, version))
        assert may_use(actor, Permission.DRAFT_UPLOAD, Draft(sampleproject, version, DRAFT))
        assert may(actor, Action.FILE_UPLOAD, NewFile(sampleproject, version))
    for subject in (
        NewDraft(sampleproject, "3.0"),
        Draft(sampleproject, "3.0", DRAFT),
        NewFile(sampleproject, "3.0"),
    ):
        assert why_not(actor, Permission.DRAFT_UPLOAD, subject) == (
            "This token is not valid for version 3.0: it is limited to >=2,<3; "
            "use another or create one at http://testserver/account/tokens/."
        )
    for subject in (sampleproject, new, None):
        assert "is limited to some versions and cannot be used here" in why_not(actor, Permission.UPLOAD, subject)
    assert not may(actor, Action.FILE_UPLOAD, NewFile(sampleproject, "3.0"))


def test_existing_clients_narrow_tokens_that_were_narrowed_so(alice: User, sampleproject: Project) -> None:
    macaroon = wire.restrict(wire.parse(token_of(alice).secret(), prefix="idx-"), b"[101]", b'[103,">=2"]')
    once = wire.serialize(macaroon, prefix="idx-")
    twice = pypitoken.Token.load(once).restrict(project_names=["sampleproject"]).dump()
    actor = authenticate(request_with(basic(twice)))
    assert is_drafts_only(actor)
    assert may_use(actor, Permission.DRAFT_UPLOAD, NewDraft(sampleproject, "2.0"))
    assert not may_use(actor, Permission.DRAFT_UPLOAD, NewDraft(sampleproject, "1.0"))
    assert not may_use(actor, Permission.DRAFT_UPLOAD, NewDraft(NewProject("other", "other"), "2.0"))


def test_a_browser_is_not_restricted_and_nobody_may_do_anything(alice: User, sampleproject: Project) -> None:
    draft = Draft(sampleproject, "1.0", DRAFT)
    for permission in DRAFTING | PUBLISHING:
        assert may_use(cast.actor(alice), permission, draft)
        assert not may_use(Actor(user=None), permission, draft)


def test_people_and_projects_are_judged_by_the_project_of_a_draft(
    alice: User, bob: User, sampleproject: Project
) -> None:
    subjects = (
        sampleproject,
        NewDraft(sampleproject, "1"),
        NewFile(sampleproject, "1"),
        Draft(sampleproject, "1", DRAFT),
    )
    owner = role(RoleKind.OWNER)
    for status in ProjectStatus:
        sampleproject.status = status
        for subject in subjects:
            assert project_of(subject) is sampleproject
            assert owner(cast.actor(alice), subject) is None
            assert (denied := owner(cast.actor(bob), subject)) is not None
            assert denied.sentence == "User 'bob' has no right to do this on project 'sampleproject'."
            for asked in (writable, not_quarantined):
                assert asked(cast.actor(alice), subject) == asked(cast.actor(alice), sampleproject)
    sampleproject.status = ProjectStatus.ARCHIVED
    assert (denied := writable(cast.actor(alice), subjects[-1])) is not None
    assert "takes no new files" in denied.sentence


def test_nobody_has_a_role_on_a_name_that_nobody_has_registered(alice: User) -> None:
    new = NewProject("new", "new")
    for subject in (new, NewDraft(new, "1.0")):
        assert project_of(subject) is new
        assert (denied := role(*RoleKind)(cast.actor(alice), subject)) is not None
        assert denied.code == "no-role"
        assert writable(cast.actor(alice), subject) is None
        assert not_quarantined(cast.actor(alice), subject) is None
