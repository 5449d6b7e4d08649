"""Inviting somebody: who is asked, who is told, and what cannot be asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress

from accounts.models import InvitationState, User
from indexsite.actors import Actor, Permission
from indexsite.errors import PermissionRefused
from indexsite.models import AuditEvent
from releases.actions.people import inviting
from releases.models import Project, ProjectInvitation, RoleKind
from tests.support import cast, people
from tests.support.projects import invite, owned, people_url, roles, said, send_invitation
from tests.support.tokens import token_of
from tokens.authentication import TokenCredential

pytestmark = pytest.mark.django_db


@pytest.fixture
def sampleproject(alice: User) -> Project:
    return owned(alice)


def test_a_user_name_is_asked_and_nothing_else_happens(alice: User, erin: User, sampleproject: Project) -> None:
    response = send_invitation(people.browser(alice), sampleproject, " Erin ", "approver")

    assert response["Location"] == people_url(sampleproject)
    invitation = ProjectInvitation.objects.get()
    assert (invitation.user, invitation.email, invitation.kind) == (erin, "", "approver")
    assert invitation.expires_at - invitation.created_at == timedelta(days=7)
    assert roles(sampleproject) == [("alice", "owner")]
    assert said(sampleproject) == ["role.invited"]
    (asked,) = people.letters_to("erin@example.org")
    assert asked.subject == "alice invites you to sampleproject"
    assert f"http://testserver/account/invitations/project/{invitation.pk}/" in str(asked.body)
    (told,) = people.letters_to("alice@example.org")
    assert told.subject == "sampleproject: alice invited erin to become approver"


def test_whose_an_address_is_shows_nowhere(alice: User, erin: User, bob: User, sampleproject: Project) -> None:
    cast.grant(bob, sampleproject, RoleKind.MAINTAINER)
    browser = people.browser(alice)

    known = send_invitation(browser, sampleproject, "ERIN@example.org")
    unknown = send_invitation(browser, sampleproject, "nobody@example.net")

    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [row.user for row in ProjectInvitation.objects.all()] == [None, None]
    assert [row.about for row in AuditEvent.objects.filter(name="role.invited")] == [None, None]
    owners_page = browser.get(people_url(sampleproject)).text
    assert "erin@example.org" in owners_page
    members = people.browser(bob)
    for page in (people_url(sampleproject), "/manage/project/sampleproject/history/"):
        text = members.get(page).text
        assert "erin@example.org" not in text
        assert "nobody@example.net" not in text
    assert people.letters_to("nobody@example.net")[0].subject == "alice invites you to sampleproject"


@pytest.mark.parametrize(
    ("invitee", "kind", "sentence"),
    [
        ("nosuch", "owner", "There is no user of this name"),
        ("closed", "owner", "There is no user of this name"),
        ("na\u00efve person", "owner", "There is no user of this name"),
        ("not@an@address", "owner", "This is not an e-mail address"),
        ("alice", "owner", "This is you; invite somebody else."),
        ("alice@example.org", "owner", "This is an address of yours"),
        ("bob", "maintainer", "bob may do all that a role as maintainer allows already."),
        ("frank", "maintainer", "frank may do all that a role as maintainer allows already."),
        ("", "owner", "Write a user name or an e-mail address."),
        ("erin", "emperor", "Select a valid choice"),
    ],
)
def test_what_cannot_be_asked_gets_one_sentence(
    alice: User, bob: User, erin: User, sampleproject: Project, invitee: str, kind: str, sentence: str
) -> None:
    cast.grant(bob, sampleproject, RoleKind.MAINTAINER)
    cast.grant(cast.person("frank"), sampleproject, RoleKind.OWNER)
    cast.person("closed", is_active=False)

    response = send_invitation(people.browser(alice), sampleproject, invitee, kind)

    assert response.status_code == 400
    assert sentence in response.text
    assert not ProjectInvitation.objects.exists()
    assert not people.letters()


def test_one_live_invitation_per_person_and_an_old_one_makes_room(
    alice: User, erin: User, sampleproject: Project
) -> None:
    first = invite(alice, sampleproject, "erin")
    again = send_invitation(people.browser(alice), sampleproject, "erin", "owner")
    assert again.status_code == 409
    assert "erin is invited as maintainer already" in again.text

    with time_machine.travel(first.expires_at, tick=True):
        second = invite(alice, sampleproject, "erin", RoleKind.OWNER)

    first.refresh_from_db()
    assert first.state == InvitationState.EXPIRED
    assert second.state == InvitationState.PENDING


def test_sending_again_renews_it_and_has_a_bounded_rate(alice: User, erin: User, sampleproject: Project) -> None:
    invitation = invite(alice, sampleproject, "erin")
    url = people_url(sampleproject, f"invitations/{invitation.pk}/")
    with time_machine.travel(invitation.expires_at + timedelta(hours=1), tick=True):
        browser = people.browser(alice)
        assert "not answered in time" in browser.get(people_url(sampleproject)).text
        for _ in range(3):
            browser.post(url, {"act": "resend"})
        text = browser.post(url, {"act": "resend"}, follow=True).text
        assert len(people.letters_to("erin@example.org")) == 4

    assert "This invitation was sent often enough today" in text
    sent_until = invitation.expires_at
    invitation.refresh_from_db()
    assert invitation.expires_at - sent_until > timedelta(days=7)
    assert said(sampleproject) == ["role.invited"] + ["role.invited-again"] * 3


def test_nobody_is_flooded_with_invitations(alice: User, erin: User) -> None:
    for number in range(10):
        invite(alice, owned(alice, f"number-{number}-of-many"), "erin")

    response = send_invitation(people.browser(alice), owned(alice, "one-too-many"), "erin")

    assert response.status_code == 429
    assert "Too many invitations and offers went there today" in response.text
    assert len(people.letters_to("erin@example.org")) == 10


def test_what_is_taken_back_cannot_be_sent_or_taken_back_again(
    alice: User, erin: User, sampleproject: Project
) -> None:
    invitation = invite(alice, sampleproject, "erin")
    browser = people.browser(alice)
    url = people_url(sampleproject, f"invitations/{invitation.pk}/")

    assert "taken back" in browser.post(url, {"act": "revoke"}, follow=True).text
    for act in ("resend", "revoke"):
        assert (
            "This invitation is closed already: taken back." in browser.post(url, {"act": act}, follow=True).text
        )

    invitation.refresh_from_db()
    assert invitation.state == InvitationState.REVOKED
    assert people.subjects(people.letters_to("erin@example.org")) == [
        "alice invites you to sampleproject",
        "The invitation to sampleproject was taken back",
    ]
    assert "Answer" not in people.browser(erin).get("/account/invitations/").text
    assert said(sampleproject) == ["role.invited", "role.invitation-revoked"]


def test_an_invitation_of_another_project_is_out_of_reach(
    alice: User, bob: User, erin: User, sampleproject: Project
) -> None:
    elsewhere = invite(bob, owned(bob, "elsewhere"), "erin")

    response = people.browser(alice).post(
        people_url(sampleproject, f"invitations/{elsewhere.pk}/"), {"act": "revoke"}
    )

    assert response.status_code == 404
    elsewhere.refresh_from_db()
    assert elsewhere.state == InvitationState.PENDING


def test_a_late_form_is_offered_again_and_whom_it_names_stands_in_no_address(
    alice: User, sampleproject: Project
) -> None:
    browser = people.browser(alice)
    with time_machine.travel(timedelta(minutes=31), tick=True):
        response = send_invitation(browser, sampleproject, "erin@example.org", "approver")
        assert response["Location"].startswith("/account/second-factor/?next=")
        assert not ProjectInvitation.objects.exists()
        way_on = browser.post(response["Location"], {"code": cast.totp_code(alice)})
        page = browser.get(way_on["Location"])
        assert not ProjectInvitation.objects.exists()
        for address in (response["Location"], way_on["Location"]):
            assert "erin" not in address
            assert "example.org" not in address
        kept = page.context["kept"]
        assert dict(kept.fields) == {"invitee": "erin@example.org", "kind": "approver"}
        browser.post(kept.path, dict(kept.fields))

    assert ProjectInvitation.objects.get().email == "erin@example.org"


def test_looking_at_the_page_with_a_filled_form_sends_nothing(
    alice: User, erin: User, sampleproject: Project
) -> None:
    people.browser(alice).get(people_url(sampleproject, "invite/?invitee=erin&kind=owner"))

    assert not ProjectInvitation.objects.exists()


def test_unverified_addresses_get_no_letter_about_invitations(
    alice: User, erin: User, sampleproject: Project
) -> None:
    EmailAddress.objects.filter(user=erin).update(verified=False)

    invite(alice, sampleproject, "erin")

    assert not people.letters_to("erin@example.org")


def test_a_token_does_not_revive_an_invitation_to_own(alice: User, erin: User, sampleproject: Project) -> None:
    """What it may not send, it may not send again either: the time to accept would begin anew."""
    invitation = invite(alice, sampleproject, "erin", RoleKind.OWNER)
    token = token_of(alice, permissions=[Permission.INVITE])
    by_token = Actor(user=alice, credential=TokenCredential(token, token.understood_caveats()))
    after = invitation.expires_at + timedelta(hours=1)

    with pytest.raises(PermissionRefused) as refused:
        inviting.send_again(actor=by_token, project=sampleproject, pk=invitation.pk, at=after)

    assert refused.value.code == "interactive-only"
    invitation.refresh_from_db()
    assert not invitation.is_live(after)
    assert said(sampleproject) == ["role.invited"]


@pytest.mark.parametrize("act", ["resend", "revoke"])
def test_a_late_button_leads_back_to_the_page_it_is_on(
    alice: User, erin: User, sampleproject: Project, act: str
) -> None:
    invitation = invite(alice, sampleproject, "erin")
    browser, page = people.browser(alice), people_url(sampleproject)
    with time_machine.travel(timedelta(minutes=31), tick=True):
        response = browser.post(
            people_url(sampleproject, f"invitations/{invitation.pk}/"),
            {"act": act},
            headers={"referer": f"http://testserver{page}"},
        )
        way_on = browser.post(response["Location"], {"code": cast.totp_code(alice)})
        assert browser.get(way_on["Location"]).status_code == 200

    assert way_on["Location"] == page


@pytest.mark.parametrize("address", ['"\\\x01"@example.net', '"a@b"@example.net', "a@example.net\u200b.com"])
def test_an_address_that_no_letter_reaches_is_refused_at_the_field(
    alice: User, sampleproject: Project, address: str
) -> None:
    response = send_invitation(people.browser(alice), sampleproject, address)

    assert response.status_code == 400
    assert "This is not an e-mail address" in response.text
    assert not ProjectInvitation.objects.exists()
