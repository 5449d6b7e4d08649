"""Every address about people, tried by everybody who should not get through: the refusal, and no write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.test import Client
from django_q.models import OrmQ

from accounts.models import Membership, MembershipKind, Organization, Team, User
from indexsite import clock
from indexsite.models import AuditEvent
from releases.models import Project, ProjectInvitation, Role, RoleKind
from tests.support import cast, people
from tests.support.projects import invite, owned
from tests.support.tokens import token_of
from tokens.models import Token

pytestmark = pytest.mark.django_db

LOGIN, SETUP = "/account/login/", "/account/security/"
# Address below the people page -> the fields that would do it.
ACTS = {
    "invite/": {"invitee": "mallory", "kind": "owner"},
    "invitations/{invitation}/": {"act": "revoke"},
    "leave/": {"act": "leave"},
    "member/alice/": {"act": "remove"},
    "member/bob/": {"act": "step-down"},
    "teams/": {"team": "{team}", "kind": "owner"},
    "teams/{team_role}/": {"act": "take"},
}
MEMBERS_ALONE = {"leave/"}  # whoever has a role may leave


@pytest.fixture
def sampleproject(alice: User, bob: User, erin: User, dave: User) -> Project:
    """alice's and erin's; bob maintains, dave too but without a factor; of an organisation with a team."""
    project = owned(alice)
    cast.grant(erin, project, RoleKind.OWNER)
    for user in (bob, dave):
        cast.grant(user, project, RoleKind.MAINTAINER)
    token_of(alice, project=project)
    organization = Organization.objects.create(name="acme", display_name="Acme", created_at=clock.now())
    Membership.objects.create(
        organization=organization, user=alice, kind=MembershipKind.MANAGER, joined_at=clock.now()
    )
    project.organization = organization
    project.save(update_fields=["organization"])
    team = Team.objects.create(organization=organization, name="core", created_at=clock.now())
    Role.objects.create(project=project, team=team, kind=RoleKind.MAINTAINER, granted_at=clock.now())
    invite(alice, project, "frank@example.org")
    return project


def filled(text: str) -> str:
    return text.format(
        invitation=ProjectInvitation.objects.get(email="frank@example.org").pk,
        team=Team.objects.get().pk,
        team_role=Role.objects.get(user=None).pk,
    )


@contextmanager
def nothing_is_written() -> Iterator[None]:
    def state() -> list[list[dict[str, object]]]:
        tables = (Role, ProjectInvitation, AuditEvent, Token, OrmQ, Membership)
        return [list(table.objects.order_by("pk").values()) for table in tables]

    before = state()
    yield
    assert state() == before


def knock(client: Client, path: str) -> set[tuple[int, str]]:
    """Status and, of a redirect, where it leads; looking and sending the form must be answered alike."""
    url = f"/manage/project/sampleproject/people/{filled(path)}"
    data = {name: filled(value) for name, value in ACTS.get(path, {}).items()}
    answers = [client.post(url, data)] if path.startswith("invitations") else [client.get(url)]
    if path in ACTS:
        answers.append(client.post(url, data))
    return {(answer.status_code, answer.get("Location", "").partition("?")[0]) for answer in answers}


@pytest.mark.parametrize("path", ["", *ACTS])
def test_visitors_are_asked_to_sign_in(sampleproject: Project, path: str) -> None:
    with nothing_is_written():
        assert knock(people.browser(), path) == {(302, LOGIN)}


@pytest.mark.parametrize("path", ["", *ACTS])
@pytest.mark.parametrize("who", ["carol", "mallory", "root"])
def test_strangers_members_of_others_and_staff_find_nothing(
    sampleproject: Project, carol: User, mallory: User, path: str, who: str
) -> None:
    owned(mallory, "of-mallory")
    root = cast.person("root")
    client = people.browser({"carol": carol, "mallory": mallory, "root": root}[who])
    User.objects.filter(pk=root.pk).update(is_staff=True, is_superuser=True)

    with nothing_is_written():
        assert knock(client, path) == {(404, "")}


@pytest.mark.parametrize("path", ["", *sorted(set(ACTS) - MEMBERS_ALONE)])
def test_members_whose_rights_are_suspended_are_sent_to_the_setup(
    sampleproject: Project, dave: User, path: str
) -> None:
    client = people.browser(dave)
    with nothing_is_written():
        assert knock(client, path) == {(302, SETUP)}


@pytest.mark.parametrize("path", sorted(set(ACTS) - MEMBERS_ALONE))
def test_maintainers_look_and_change_nothing(sampleproject: Project, bob: User, path: str) -> None:
    client = people.browser(bob)
    with nothing_is_written():
        assert knock(client, path) == {(403, "")}
    page = client.get("/manage/project/sampleproject/people/")
    assert page.status_code == 200
    for hidden in ("frank@example.org", "Suspended", "member/", "invite/", "Take away"):
        assert hidden not in page.text


def test_public_pages_tell_nothing_of_factors_or_invitations(sampleproject: Project, bob: User) -> None:
    for path in ("/user/dave/", "/project/sampleproject/", "/simple/sampleproject/", "/pypi/sampleproject/json"):
        for client in (Client(), people.browser(bob)):
            text = client.get(path).text.lower()
            assert "suspended" not in text
            assert "frank" not in text


def test_owners_read_whose_rights_are_suspended_and_what_to_do(sampleproject: Project, alice: User) -> None:
    text = " ".join(people.browser(alice).get("/manage/project/sampleproject/people/").text.split())

    assert "Suspended: dave" in text
    assert "Ask them to open Account, then Security" in text


def test_a_role_or_invitation_of_elsewhere_does_not_pass_through_ones_own_project(
    sampleproject: Project, mallory: User, alice: User
) -> None:
    owned(mallory, "of-mallory")
    client = people.browser(mallory)
    here = "/manage/project/of-mallory/people/"

    with nothing_is_written():
        for path in set(ACTS) - {"invite/", "leave/"}:
            data = {name: filled(value) for name, value in ACTS[path].items()}
            assert client.post(here + filled(path), data).status_code == 404, path
