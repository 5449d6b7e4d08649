""" "This was not me" in letters that several people read: one of them did it, and that one's copy has the link."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.core.mail import EmailMessage

from accounts.models import (
    InvitationState,
    MembershipKind,
    Organization,
    OrganizationInvitation,
    SecurityReport,
    User,
)
from indexsite import clock
from releases.models import Project, ProjectInvitation, RoleKind
from tests.support import cast, people
from tests.support.distributions import make_wheel
from tests.support.organizations import organization, team
from tests.support.projects import invite, owned, people_url, send_invitation
from tests.support.tokens import token_of
from tests.support.transfers import offer
from tests.support.uploads import upload

pytestmark = pytest.mark.django_db

NOT_ME = re.compile(r"^http://testserver(/account/not-me/\S+)$", re.MULTILINE)


@dataclass
class House:
    """alice and bob own `sampleproject` (1.0 is out) and manage acme with the team core; erin maintains."""

    alice: User
    bob: User
    erin: User
    project: Project
    acme: Organization
    paths: list[str] = field(default_factory=list)

    def post(self, path: str, **values: str) -> None:
        response = people.browser(self.alice).post(path, values)
        assert response.status_code == 302, response.text


@pytest.fixture
def house(alice: User, bob: User, erin: User) -> House:
    project = owned(alice)
    cast.grant(bob, project)
    cast.grant(erin, project, RoleKind.MAINTAINER)
    assert upload(make_wheel("sampleproject", "1.0"), token_of(alice).secret()).status_code == 200
    acme = organization("acme", managers=[alice, bob], members=[erin])
    team(acme, "core", erin)
    people.letters()
    return House(alice, bob, erin, project, acme)


def links_in(letter: EmailMessage) -> list[str]:
    """In the text; the HTML has the same."""
    found = NOT_ME.findall(str(letter.body))
    assert [path in str(letter.alternatives[0][0]) for path in found] == [True] * len(found)
    assert ("/account/not-me/" in str(letter.alternatives[0][0])) == bool(found)
    return found


MANAGE, ACME = "/manage/project/sampleproject/", "/manage/organization/acme/"

# What alice does, the beginning of the letter's subject, and the sentence of the page behind the link.
ACTS: dict[str, tuple[Callable[[House], object], str, str]] = {
    "invited": (
        lambda house: send_invitation(people.browser(house.alice), house.project, "frank", "approver"),
        "sampleproject: alice invited",
        "frank was invited",
    ),
    "removed": (
        lambda house: house.post(people_url(house.project, "member/erin/"), act="remove"),
        "sampleproject: erin is no longer",
        "erin is no longer maintainer",
    ),
    "offered": (
        lambda house: offer(house.alice, house.project, "frank"),
        "sampleproject: offered to frank",
        "was offered to frank",
    ),
    "archived": (
        lambda house: house.post(f"{MANAGE}settings/status/", status="archived", reason="done"),
        "sampleproject is now archived",
        "archived",
    ),
    "yanked": (
        lambda house: house.post(f"{MANAGE}releases/1.0/yank/", reason="broken"),
        "sampleproject 1.0 was yanked",
        "Release 1.0 of sampleproject was yanked",
    ),
    "deleted": (
        lambda house: house.post(f"{MANAGE}releases/1.0/delete/", typed="1.0"),
        "sampleproject 1.0 was deleted",
        "was deleted",
    ),
    "published": (
        lambda house: upload(
            make_wheel("sampleproject", "2.0"), token_of(house.alice, description="other").secret()
        ),
        "sampleproject 2.0",
        "sampleproject-2.0-py3-none-any.whl",
    ),
    "organization kind": (
        lambda house: house.post(f"{ACME}members/erin/", act="manager"),
        "acme: erin is now a manager",
        "erin",
    ),
    "organization removal": (
        lambda house: house.post(f"{ACME}members/erin/", act="remove"),
        "acme: erin was removed",
        "erin was removed",
    ),
    "organization invitation": (
        lambda house: house.post(f"{ACME}invite/", whom="frank", kind="member"),
        "acme: frank is invited",
        "frank was invited",
    ),
}


@pytest.mark.parametrize("name", ACTS)
def test_the_copy_of_whoever_did_it_has_the_link_and_no_other(house: House, name: str) -> None:
    cast.person("frank")
    act, subject, sentence = ACTS[name]
    act(house)
    told = [letter for letter in people.letters() if letter.subject.startswith(subject)]
    by_reader = {letter.to[0]: links_in(letter) for letter in told}
    assert {"alice@example.org", "bob@example.org"} <= set(by_reader), people.subjects(people.letters())
    (link,) = by_reader.pop("alice@example.org")
    assert not any(by_reader.values())

    stranger = people.browser()
    assert sentence in stranger.get(link).text
    assert not SecurityReport.objects.exists()
    assert stranger.post(link).status_code == 200
    report = SecurityReport.objects.get()
    assert report.user == house.alice
    assert sentence in report.what
    house.alice.refresh_from_db()
    assert house.alice.edits_frozen_until is not None
    house.bob.refresh_from_db()
    assert house.bob.edits_frozen_until is None


def test_invitations_that_the_thief_sent_are_taken_back(house: House) -> None:
    """Whoever accepted one would stay after the owner has the account back."""
    mallory = cast.person("mallory")
    cast.person("frank")
    before = invite(house.alice, house.project, "frank", RoleKind.APPROVER)
    ProjectInvitation.objects.update(sent_at=clock.now() - timedelta(hours=1))
    thief = people.browser(house.alice, agent="Thief/1")
    people.letters()
    send_invitation(thief, house.project, "mallory", "owner")
    thief.post(f"{ACME}invite/", {"whom": "mallory", "kind": "manager"})
    (told,) = [row for row in people.letters_to("alice@example.org") if "alice invited mallory" in row.subject]
    (link,) = links_in(told)
    people.browser().post(link)

    assert [row.state for row in ProjectInvitation.objects.filter(user=mallory)] == [InvitationState.REVOKED]
    assert [row.state for row in OrganizationInvitation.objects.filter(user=mallory)] == [InvitationState.REVOKED]
    before.refresh_from_db()
    assert before.state == InvitationState.PENDING  # older than what is reported
    stopped = SecurityReport.objects.get().stopped
    assert "invitations to acme taken back: 1" in stopped
    assert "invitation of mallory to sampleproject taken back" in stopped
    subjects = people.subjects(people.letters_to("bob@example.org"))
    assert "sampleproject: the site took the invitation of mallory back" in subjects
    assert "acme: the invitation of mallory was taken back" in subjects
    pages = people.browser(mallory)
    for kind, row in (("project", ProjectInvitation), ("organization", OrganizationInvitation)):
        invitation = row.objects.get(user=mallory)
        pages.post(f"/account/invitations/{kind}/{invitation.pk}/", {"act": "accept"})
    assert not house.acme.memberships.filter(user=mallory, kind=MembershipKind.MANAGER).exists()
    assert not house.project.roles.filter(user=mallory).exists()


def test_what_the_site_does_by_itself_is_nobodys_to_report(house: House) -> None:
    mallory = cast.person("mallory")
    thief = people.browser(house.alice)
    send_invitation(thief, house.project, "mallory")
    (told,) = [row for row in people.letters_to("alice@example.org") if "alice invited mallory" in row.subject]
    people.browser().post(links_in(told)[0])
    entries = people.browser(mallory).get("/account/history/").context["entries"]
    offered = {entry.event: bool(entry.not_me) for entry in entries}
    assert offered["role.invitation-revoked"] is False
