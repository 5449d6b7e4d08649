"""The REST API of projects: each call by whoever may, and by everybody who may not."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import InvitationState, User
from indexsite.actors import Permission, with_parts
from indexsite.models import AuditEvent
from releases.models import File, Project, ProjectInvitation, Release, RoleKind
from tests.support import cast, published
from tests.support.people import browser
from tests.support.tokens import basic, token_of
from tokens.macaroons import caveats, wire

pytestmark = pytest.mark.django_db

ROOT = "/api/v1/projects/"
SAMPLE = f"{ROOT}sampleproject/"
EVERY = frozenset(Permission)


@pytest.fixture
def wheel(alice: User, bob: User) -> File:
    """Of sampleproject 1.5: alice owns it, bob maintains it."""
    return published.publish(published.project("sampleproject", owner=alice, maintainer=bob), "1.5")


@pytest.fixture
def pending(alice: User, erin: User, wheel: File) -> ProjectInvitation:
    project = wheel.release.project
    ask("post", f"{SAMPLE}invitations/", secret_of(alice), {"invitee": "erin", "role": "approver"})
    return ProjectInvitation.objects.get(project=project)


def secret_of(user: User, permissions: Any = EVERY, **options: Any) -> str:
    description = f"token {user.tokens.count()}"
    return token_of(user, permissions=permissions, description=description, **options).secret()


def ask(method: str, path: str, secret: str, data: object = None, client: Client | None = None) -> HttpResponse:
    client = client or Client(enforce_csrf_checks=True)
    extra = {} if method == "get" else {"data": data, "content_type": "application/json"}
    return getattr(client, method)(path, headers={"Authorization": basic(secret)}, **extra)


def calls(pending: ProjectInvitation, wheel: File) -> list[tuple[str, str, object, Permission]]:
    """Every call on one project, and the permission it needs."""
    file = f"{SAMPLE}files/{wheel.filename}/yank/"
    return [
        ("get", f"{SAMPLE}members/", None, Permission.READ_MEMBERS),
        ("get", f"{SAMPLE}history/", None, Permission.READ_HISTORY),
        ("get", f"{SAMPLE}invitations/", None, Permission.INVITE),
        ("post", f"{SAMPLE}invitations/", {"invitee": "x@example.org", "role": "maintainer"}, Permission.INVITE),
        ("delete", f"{SAMPLE}invitations/{pending.pk}/", None, Permission.INVITE),
        ("put", f"{SAMPLE}releases/1.5/yank/", {"reason": "broken"}, Permission.YANK),
        ("delete", f"{SAMPLE}releases/1.5/yank/", None, Permission.YANK),
        ("put", file, {}, Permission.YANK),
        ("delete", file, None, Permission.YANK),
    ]


def state() -> tuple[object, ...]:
    """All that the calls could change."""
    return (
        list(ProjectInvitation.objects.values_list("pk", "state")),
        list(Release.objects.values_list("yanked_at", "yanked_reason")),
        list(File.objects.values_list("yanked_at", "yanked_reason")),
        AuditEvent.objects.count(),
    )


# -- what it does -----------------------------------------------------------------------------------------------


def test_members_and_projects_are_listed(alice: User, bob: User, wheel: File) -> None:
    told = ask("get", f"{SAMPLE}members/", secret_of(bob)).json()["members"]
    assert told == [
        {"user": "alice", "roles": ["owner"], "suspended": None},
        {"user": "bob", "roles": ["maintainer"], "suspended": False},
    ]
    assert ask("get", ROOT, secret_of(bob, None)).json()["projects"] == [
        {"name": "sampleproject", "normalized_name": "sampleproject", "status": "active", "roles": ["maintainer"]}
    ]
    project_only = secret_of(alice, project=wheel.release.project)
    assert ask("get", ROOT, project_only).status_code == 403


def test_owners_alone_read_whose_rights_are_suspended(alice: User, bob: User, dave: User, wheel: File) -> None:
    cast.grant(dave, wheel.release.project, RoleKind.MAINTAINER)

    def suspended(answer: HttpResponse) -> dict[str, bool | None]:
        return {member["user"]: member["suspended"] for member in answer.json()["members"]}

    by_alice, by_bob = (ask("get", f"{SAMPLE}members/", secret_of(user)) for user in (alice, bob))
    assert suspended(by_alice) == {"alice": False, "bob": False, "dave": True}
    assert suspended(by_bob) == {"alice": None, "bob": False, "dave": None}
    hers = ask("get", f"{SAMPLE}members/", secret_of(dave))
    assert (hers.status_code, hers.json()["code"]) == (403, "second-factor-required")
    assert hers.json()["help"].endswith("/account/security/")


def test_somebody_is_invited_and_the_invitation_taken_back(alice: User, erin: User, wheel: File) -> None:
    secret = secret_of(alice, {Permission.INVITE})
    made = ask("post", f"{SAMPLE}invitations/", secret, {"invitee": "erin", "role": "maintainer"})

    assert made.status_code == 201, made.content
    assert (made.json()["invitee"], made.json()["role"]) == ("erin", "maintainer")
    assert ask("get", f"{SAMPLE}invitations/", secret).json()["invitations"] == [made.json()]
    assert ask("delete", f"{SAMPLE}invitations/{made.json()['id']}/", secret).status_code == 204
    assert ProjectInvitation.objects.get().state == InvitationState.REVOKED
    assert ask("delete", f"{SAMPLE}invitations/{made.json()['id']}/", secret).status_code == 409
    assert AuditEvent.objects.filter(name="role.invited").get().credential_label.startswith('token "')


def test_no_token_invites_an_owner(alice: User, erin: User, wheel: File) -> None:
    answer = ask("post", f"{SAMPLE}invitations/", secret_of(alice), {"invitee": "erin", "role": "owner"})

    assert (answer.status_code, answer.json()["code"]) == (403, "interactive-only")
    assert not ProjectInvitation.objects.exists()


def test_a_release_and_a_file_are_yanked_and_unyanked(alice: User, wheel: File) -> None:
    secret = secret_of(alice, {Permission.YANK}, project=wheel.release.project)
    for path in (f"{SAMPLE}releases/v1.5.0/yank/", f"{SAMPLE}files/{wheel.filename}/yank/"):
        yanked = ask("put", path, secret, {"reason": "breaks on Windows"})
        assert (yanked.status_code, yanked.json()) == (200, {"yanked": True, "reason": "breaks on Windows"})
        page = Client().get("/simple/sampleproject/", headers={"accept": "application/vnd.pypi.simple.v1+json"})
        assert page.json()["files"][0]["yanked"] == "breaks on Windows"
        assert ask("delete", path, secret).json() == {"yanked": False, "reason": ""}


def test_history_keeps_places_to_their_owners(alice: User, bob: User, pending: ProjectInvitation) -> None:
    seen = {user: ask("get", f"{SAMPLE}history/", secret_of(user)).json()["events"][0] for user in (alice, bob)}

    assert seen[alice]["event"] == seen[bob]["event"] == "role.invited"
    assert (seen[alice]["address"], seen[bob]["address"]) == ("127.0.0.1", "")
    assert ask("get", f"{SAMPLE}history/?page=x", secret_of(bob)).json()["next_page"] is None


# -- who may not ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(9))
def test_a_token_does_only_what_it_was_made_for(
    alice: User, wheel: File, pending: ProjectInvitation, number: int
) -> None:
    method, path, data, needed = calls(pending, wheel)[number]
    before = state()
    for permissions in (None, EVERY - {needed}):
        answer = ask(method, path, secret_of(alice, permissions), data)
        assert (answer.status_code, answer.json()["code"]) == (403, "credential-scope")
        assert "not made for" in answer.json()["detail"]
    assert state() == before
    assert ask(method, path, secret_of(alice, {needed}), data).status_code in {200, 201, 204}


@pytest.mark.parametrize("number", range(9))
def test_nobody_else_gets_through(
    alice: User, bob: User, mallory: User, dave: User, wheel: File, pending: ProjectInvitation, number: int
) -> None:
    method, path, data, _ = calls(pending, wheel)[number]
    elsewhere = cast.ProjectFactory(name="elsewhere", owner=mallory)
    staff = cast.person("tina", is_staff=True)
    root = cast.person("root", is_staff=True, is_superuser=True)
    suspended = cast.grant(dave, wheel.release.project).user
    before = state()
    anonymous = Client().generic(method.upper(), path)
    refused = {
        "visitor": anonymous.status_code,
        "stranger": ask(method, path, secret_of(mallory), data).status_code,
        "member of another": ask(method, path, secret_of(mallory, project=elsewhere), data).status_code,
        "staff": ask(method, path, secret_of(staff), data).status_code,
        "superuser": ask(method, path, secret_of(root), data).status_code,
        "suspended": ask(method, path, secret_of(suspended), data).status_code,
        "owner, token for another": ask(
            method, path, secret_of(alice, project=cast.ProjectFactory(name="other", owner=alice)), data
        ).status_code,
    }
    assert refused == {
        "visitor": 401,
        "stranger": 404,
        "member of another": 404,
        "staff": 404,
        "superuser": 404,
        "suspended": 403,
        "owner, token for another": 403,
    }
    if "members" not in path and "history" not in path:
        assert ask(method, path, secret_of(bob), data).status_code == 403
    assert state() == before


@pytest.mark.parametrize("number", range(9))
def test_a_cookie_is_no_credential(alice: User, wheel: File, pending: ProjectInvitation, number: int) -> None:
    method, path, *_ = calls(pending, wheel)[number]
    client = browser(alice)
    before = state()

    assert client.generic(method.upper(), path, b"{}", content_type="application/json").status_code == 401
    assert client.generic(method.upper(), path, b"a=1", content_type="text/plain").status_code == 401
    assert state() == before


def test_things_of_other_projects_are_not_reached_through_ones_own(
    alice: User, mallory: User, wheel: File, pending: ProjectInvitation
) -> None:
    published.publish(published.project("elsewhere", owner=mallory), "2.0", content=b"other")
    secret = secret_of(mallory)
    before = state()
    for method, path in (
        ("delete", f"{ROOT}elsewhere/invitations/{pending.pk}/"),
        ("delete", f"{ROOT}elsewhere/invitations/{10**30}/"),
        ("put", f"{ROOT}elsewhere/releases/1.5/yank/"),
        ("put", f"{ROOT}elsewhere/files/{wheel.filename}/yank/"),
    ):
        assert ask(method, path, secret, {}).status_code == 404
    assert state() == before


@pytest.mark.parametrize(
    "data", [{}, [], {"invitee": "erin"}, {"invitee": "erin", "role": "king"}, {"invitee": 7, "role": []}]
)
def test_an_invitation_that_cannot_be_read_is_a_400(alice: User, wheel: File, data: object) -> None:
    assert ask("post", f"{SAMPLE}invitations/", secret_of(alice), data).status_code == 400


# -- permissions of tokens --------------------------------------------------------------------------------------


def test_a_restriction_takes_permissions_away_and_gives_none(alice: User, wheel: File) -> None:
    def narrowed(secret: str, *names: str) -> str:
        macaroon = wire.parse(secret, prefix="idx-")
        caveat = caveats.dump(caveats.Permissions(names).encode())
        return wire.serialize(wire.restrict(macaroon, caveat), prefix="idx-")

    path = f"{SAMPLE}members/"
    assert ask("get", path, narrowed(secret_of(alice), "members:read")).status_code == 200
    assert ask("get", path, narrowed(secret_of(alice), "upload")).status_code == 403
    assert ask("get", path, narrowed(secret_of(alice, None), "members:read")).status_code == 403
    assert ask("get", path, narrowed(secret_of(alice), "members:read", "not:known")).status_code == 200
    assert ask("get", path, narrowed(narrowed(secret_of(alice), "upload"), "members:read")).status_code == 403
    seen = ask("get", "/api/v1/token/", narrowed(secret_of(alice), "upload")).json()
    assert seen["permissions"] == sorted(with_parts({Permission.UPLOAD}))


def test_a_token_that_may_not_upload_does_not(alice: User, wheel: File) -> None:
    answer = ask(
        "get", "/api/v1/token/?project=sampleproject", secret_of(alice, EVERY - with_parts({Permission.UPLOAD}))
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "credential-scope")


def test_rights_are_lost_with_the_role(alice: User, bob: User, wheel: File) -> None:
    secret = secret_of(alice)
    project: Project = wheel.release.project
    project.roles.filter(user=alice).update(kind=RoleKind.MAINTAINER)

    assert ask("put", f"{SAMPLE}releases/1.5/yank/", secret, {}).status_code == 403
    project.roles.filter(user=alice).delete()
    assert ask("get", f"{SAMPLE}members/", secret).status_code == 404
