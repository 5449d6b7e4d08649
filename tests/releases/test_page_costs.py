"""Pages about people and projects cost as many queries with fifty rows as with five."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import MembershipKind, Organization, User
from indexsite import audit, clock
from indexsite.actors import Permission
from indexsite.audit import organizations as organization_events
from indexsite.models import AuditEvent
from releases.models import Project, ProjectInvitation, RoleKind
from tests.support import cast
from tests.support.organizations import give, join, organization, team, team_role
from tests.support.people import browser
from tests.support.tokens import token_of

# Statements are counted, and both are sent the same.
pytestmark = pytest.mark.django_db


def grow(acme: Organization, owner: User, project: Project, first: int, count: int) -> None:
    """`count` of everything, from number `first` on."""
    at = clock.now()
    for number in range(first, first + count):
        direct = cast.person(f"direct{number}", totp=number % 2 == 0)
        cast.grant(direct, project, RoleKind.MAINTAINER)
        cast.grant(direct, project, RoleKind.OWNER)
        seated = cast.person(f"seated{number}")
        join(acme, seated, MembershipKind.MANAGER if number % 5 == 0 else MembershipKind.MEMBER)
        builders = team(acme, f"team{number}", seated)
        team_role(builders, project)
        theirs = give(cast.ProjectFactory(name=f"theirs{number}"), acme)
        team_role(builders, theirs, RoleKind.APPROVER)
        cast.ProjectFactory(name=f"own{number}", owner=owner)
        ProjectInvitation.objects.create(
            project=project, email=f"asked{number}@example.net", kind="maintainer", invited_by=owner,
            created_at=at, sent_at=at, expires_at=at,
        )  # fmt: skip
        for event in (
            audit.RoleGranted(about=direct, project=project.normalized_name, role="owner"),
            organization_events.OrganizationJoined(about=seated, organization=acme.name, kind="member"),
        ):
            AuditEvent.objects.create(
                at=at, name=event.name, actor=direct, actor_label=direct.username, credential_label="web session",
                address="192.0.2.1", client="tests", about=event.about, project=event.project, data=event.data(),
            )  # fmt: skip


def queries_of(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)


@pytest.mark.parametrize(
    "path",
    [
        "/manage/projects/",
        "/manage/project/rocket/",
        "/manage/project/rocket/people/",
        "/manage/project/rocket/people/member/bob/",
        "/manage/project/rocket/people/leave/",
        "/manage/project/rocket/history/",
        "/manage/project/rocket/transfer/",
        "/manage/organizations/",
        "/manage/organization/acme/",
        "/manage/organization/acme/history/",
        "/manage/organization/acme/members/bob/",
        "/account/close/",
        "/api/v1/projects/",
        "/api/v1/projects/rocket/members/",
        "/api/v1/projects/rocket/invitations/",
        "/api/v1/projects/rocket/history/",
    ],
)
def test_fifty_rows_cost_what_five_do(alice: User, bob: User, path: str) -> None:
    acme = organization("acme", managers=[alice], members=[bob])
    rocket = give(cast.ProjectFactory(name="rocket", owner=alice, maintainer=bob), acme)
    grow(acme, alice, rocket, 0, 5)
    secret = token_of(alice, permissions=list(Permission)).secret()
    client = Client(headers={"Authorization": f"Bearer {secret}"}) if path.startswith("/api/") else browser(alice)

    def look() -> None:
        assert client.get(path).status_code == 200

    look()  # what only the first request does
    few = queries_of(look)
    grow(acme, alice, rocket, 5, 45)

    assert queries_of(look) == few
