"""Taking roles away and giving them up: what goes along, what stays, and who must stay."""

from __future__ import annotations

import pytest
import time_machine
from django.test import Client

from accounts.models import InvitationState, User
from mfa.models import has_factor
from releases.models import Project, RoleKind
from tests.support import cast, drafts, people
from tests.support.distributions import make_wheel
from tests.support.projects import as_role, invite, owned, people_url, roles, said
from tests.support.tokens import token_of
from tests.support.uploads import upload

pytestmark = pytest.mark.django_db


def test_whoever_is_removed_opens_no_preview_any_more(alice: User, bob: User, sampleproject: Project) -> None:
    draft = drafts.gathered(drafts.by_token(alice), make_wheel())
    known = f"/stage/{draft.token}/simple/sampleproject/"
    assert Client().get(known).status_code == 200

    people.browser(alice).post(member_url(sampleproject, bob), {"act": "remove"})

    assert Client().get(known).status_code == 404
    assert Client().get(f"/stage/{drafts.again(draft).token}/simple/sampleproject/").status_code == 200
    assert "draft.preview-renewed" in said(sampleproject)


@pytest.fixture
def sampleproject(alice: User, bob: User) -> Project:
    project = owned(alice)
    cast.grant(bob, project, RoleKind.MAINTAINER)
    return project


def member_url(project: Project, user: User) -> str:
    return people_url(project, f"member/{user.username}/")


def test_the_page_says_what_removing_would_do_before_it_does_it(
    alice: User, bob: User, sampleproject: Project
) -> None:
    token_of(bob, project=sampleproject, description="bob laptop")
    token_of(bob, description="everything")

    text = people.browser(alice).get(member_url(sampleproject, bob)).text

    assert "Remove bob from sampleproject" in text
    assert "bob laptop" in text
    assert "everything" not in text
    assert "Owner then: alice." in " ".join(text.split())
    assert roles(sampleproject) == [("alice", "owner"), ("bob", "maintainer")]


def test_removing_ends_the_role_and_the_tokens_that_stood_on_it(
    alice: User, bob: User, sampleproject: Project
) -> None:
    narrow = token_of(bob, project=sampleproject, description="bob laptop")
    wide = token_of(bob, description="everything")
    hers = token_of(alice, project=sampleproject, description="alice laptop")

    response = people.browser(alice).post(member_url(sampleproject, bob), {"act": "remove"})

    assert response["Location"] == people_url(sampleproject)
    assert roles(sampleproject) == [("alice", "owner")]
    for token in (narrow, wide, hers):
        token.refresh_from_db()
    assert narrow.revoked_at is not None
    assert wide.revoked_at is hers.revoked_at is None
    assert said(sampleproject) == ["role.removed", "token.revoked"]
    assert people.events(bob)[-2:] == ["role.removed", "token.revoked"]
    told = {(letter.to[0], letter.subject) for letter in people.letters()}
    assert told == {
        ("bob@example.org", "sampleproject: you are no longer maintainer: alice took it away"),
        ("bob@example.org", 'API token "bob laptop" was revoked'),
        ("alice@example.org", "sampleproject: bob is no longer maintainer: alice took it away"),
    }
    (revoked,) = [str(x.body) for x in people.letters() if "bob laptop" in x.subject]
    assert "because bob may no longer upload to sampleproject" in revoked
    assert "127.0.0.1" not in revoked  # where alice sat is not his to know
    assert upload(make_wheel(version="2.0"), narrow.secret()).status_code == 403
    assert people.browser(bob).get(people_url(sampleproject)).status_code == 404


def test_an_owner_becomes_maintainer_and_keeps_uploading(alice: User, bob: User, sampleproject: Project) -> None:
    erin = cast.person("erin")
    cast.grant(erin, sampleproject, RoleKind.OWNER)
    token = token_of(erin, project=sampleproject, description="erin laptop")
    invitation = invite(erin, sampleproject, "carol@example.org")

    people.browser(alice).post(member_url(sampleproject, erin), {"act": "step-down"})

    assert as_role(erin, sampleproject) == {"maintainer"}
    token.refresh_from_db()
    invitation.refresh_from_db()
    assert token.revoked_at is None
    assert invitation.state == InvitationState.REVOKED
    assert said(sampleproject)[-2:] == ["role.removed", "role.invitation-revoked"]


def test_one_of_several_roles_is_taken(alice: User, bob: User, sampleproject: Project) -> None:
    cast.grant(bob, sampleproject, RoleKind.APPROVER)
    token = token_of(bob, project=sampleproject)

    people.browser(alice).post(member_url(sampleproject, bob), {"act": "take:maintainer"})

    assert as_role(bob, sampleproject) == {"approver"}
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_leaving_says_what_it_does_and_does_it(alice: User, bob: User, sampleproject: Project) -> None:
    token = token_of(bob, project=sampleproject, description="bob laptop")
    browser = people.browser(bob)
    url = people_url(sampleproject, "leave/")
    assert "bob laptop" in browser.get(url).text

    response = browser.post(url, {"act": "leave"})

    assert response["Location"] == "/manage/projects/"
    assert roles(sampleproject) == [("alice", "owner")]
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert said(sampleproject) == ["role.left", "token.revoked"]
    assert people.subjects(people.letters_to("alice@example.org")) == [
        "sampleproject: bob is no longer maintainer: they gave it up"
    ]


def test_whose_rights_are_suspended_may_leave_without_a_factor(
    alice: User, dave: User, sampleproject: Project
) -> None:
    cast.grant(dave, sampleproject, RoleKind.MAINTAINER)
    browser = people.browser(dave)
    url = people_url(sampleproject, "leave/")
    assert not has_factor(dave)
    assert url in browser.get("/manage/projects/").text

    assert browser.post(url, {"act": "leave"}).status_code == 302
    assert as_role(dave, sampleproject) == set()


@pytest.mark.parametrize("others", ["nobody", "a closed account", "a maintainer"])
def test_the_last_owner_stays(alice: User, bob: User, sampleproject: Project, others: str) -> None:
    if others == "a closed account":
        cast.grant(cast.person("gone", is_active=False), sampleproject, RoleKind.OWNER)
    if others == "nobody":
        sampleproject.roles.filter(user=bob).delete()
    before = roles(sampleproject)
    browser = people.browser(alice)
    leave, page = people_url(sampleproject, "leave/"), member_url(sampleproject, alice)
    assert "You are the only owner" in browser.get(leave).text
    assert "The only owner" in browser.get(page).text

    for url, act in ((leave, "leave"), (page, "remove"), (page, "step-down"), (page, "take:owner")):
        response = browser.post(url, {"act": act})
        assert response.status_code == 409
        assert "would be left without an owner; have somebody else become owner first" in response.text

    assert roles(sampleproject) == before
    assert said(sampleproject) == []
    assert not people.letters()


def test_an_owner_whose_rights_are_suspended_counts_and_is_named_so(
    alice: User, dave: User, sampleproject: Project
) -> None:
    cast.grant(dave, sampleproject, RoleKind.OWNER)
    browser = people.browser(alice)

    page = browser.get(people_url(sampleproject, "leave/")).text
    assert "Owner then: dave (suspended: no second factor)." in " ".join(page.split())
    assert browser.post(people_url(sampleproject, "leave/"), {"act": "leave"}).status_code == 302


def test_invitations_go_with_the_owner_who_sent_them(alice: User, erin: User, sampleproject: Project) -> None:
    cast.grant(erin, sampleproject, RoleKind.OWNER)
    hers = invite(erin, sampleproject, "carol@example.org")
    other = invite(alice, sampleproject, "judy@example.org")
    browser = people.browser(alice)
    assert "carol@example.org, sent by erin" in browser.get(member_url(sampleproject, erin)).text

    browser.post(member_url(sampleproject, erin), {"act": "remove"})

    hers.refresh_from_db()
    other.refresh_from_db()
    assert (hers.state, other.state) == (InvitationState.REVOKED, InvitationState.PENDING)


def test_whoever_is_gone_is_not_removed_twice(alice: User, bob: User, sampleproject: Project) -> None:
    browser = people.browser(alice)
    browser.post(member_url(sampleproject, bob), {"act": "remove"})

    assert browser.post(member_url(sampleproject, bob), {"act": "remove"}).status_code == 404
    assert browser.get(member_url(sampleproject, bob)).status_code == 404


def test_a_page_kept_open_asks_for_presence_again(alice: User, bob: User, sampleproject: Project) -> None:
    browser = people.browser(alice)
    with time_machine.travel(cast.clock.now() + cast.timedelta(minutes=31), tick=True):
        response = browser.post(member_url(sampleproject, bob), {"act": "remove"})

    assert response["Location"].startswith("/account/second-factor/?next=%2Fmanage%2Fproject%2Fsampleproject")
    assert as_role(bob, sampleproject) == {"maintainer"}


def test_during_a_quarantine_the_page_offers_nothing_that_would_be_refused(
    alice: User, bob: User, erin: User, sampleproject: Project
) -> None:
    browser = people.browser(alice)
    invitation = invite(alice, sampleproject, "erin")
    buttons = (">Invite somebody<", f"/member/{bob.username}/", f"/invitations/{invitation.pk}/")
    before = browser.get(people_url(sampleproject)).text
    assert all(button in before for button in buttons)
    Project.objects.filter(pk=sampleproject.pk).update(status="quarantined")
    page = browser.get(people_url(sampleproject)).text
    assert not any(button in page for button in buttons)
    assert "is quarantined its people stay as they are" in page
    assert "/people/leave/" in page or "only owner" in page
