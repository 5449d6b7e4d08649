"""Invitations to organisations: nobody is in before they say yes."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.models import InvitationState, Membership, MembershipKind, Organization, OrganizationInvitation, User
from accounts.queries import organization_invitations_for
from tests.support import cast
from tests.support.organizations import organization
from tests.support.people import browser, events, letters_to, subjects

pytestmark = pytest.mark.django_db
INVITE = "/manage/organization/acme/invite/"


def invite(by: User, whom: str, kind: str = "member") -> OrganizationInvitation:
    response = browser(by).post(INVITE, {"whom": whom, "kind": kind})
    assert response.status_code == 302, response.text
    return OrganizationInvitation.objects.latest("pk")


def happened(user: User) -> list[str]:
    """Events about the person, but for sign-ins."""
    return [name for name in events(user) if name != "account.signed-in"]


def answer(user: User, invitation: OrganizationInvitation, act: str = "accept"):
    return browser(user).post(f"/account/invitations/organization/{invitation.pk}/", {"act": act})


def test_invited_by_name_and_accepted(alice: User, erin: User, acme: Organization) -> None:
    invitation = invite(alice, " Erin ", "manager")

    assert not acme.memberships.filter(user=erin).exists()
    (letter,) = letters_to("erin@example.org")
    assert letter.subject == "alice invites you to acme"
    assert "/account/invitations/" in str(letter.body)
    assert [row.pk for row in organization_invitations_for(erin, timezone.now())] == [invitation.pk]

    assert answer(erin, invitation)["Location"] == "/manage/organization/acme/"

    membership = acme.memberships.get(user=erin)
    assert (membership.kind, membership.invited_by) == (MembershipKind.MANAGER, alice)
    assert organization_invitations_for(erin, timezone.now()) == []
    assert happened(erin) == ["organization.invited", "organization.joined"]
    assert "acme: erin joined" in subjects(letters_to("alice@example.org"))


def test_invited_by_an_address_that_nobody_looks_up(alice: User, erin: User, acme: Organization) -> None:
    """The inviter sees an address until it is answered, and not whose it is where it is declined."""
    EmailAddress.objects.create(user=erin, email="secret@example.net", verified=True)
    invitation = invite(alice, "Secret@Example.net")
    assert (invitation.user, invitation.email) == (None, "secret@example.net")
    assert happened(erin) == []

    answer(erin, invitation, "decline")

    invitation.refresh_from_db()
    assert invitation.state == InvitationState.DECLINED
    assert not acme.memberships.filter(user=erin).exists()
    assert happened(erin) == ["organization.invitation-declined"]
    (letter,) = [found for found in letters_to("alice@example.org") if "declined" in found.subject]
    seen_by_alice = browser(alice).get("/manage/organization/acme/history/").text
    assert "erin" not in str(letter.body) + seen_by_alice.replace("erin@", "")


def test_an_unverified_address_does_not_make_an_invitation_mine(
    alice: User, mallory: User, acme: Organization
) -> None:
    EmailAddress.objects.create(user=mallory, email="victim@example.net", verified=False)
    invitation = invite(alice, "victim@example.net")

    assert answer(mallory, invitation).status_code == 404
    assert not acme.memberships.filter(user=mallory).exists()


@pytest.mark.parametrize("act", ["accept", "decline"])
def test_only_whom_it_names_answers(
    alice: User, bob: User, erin: User, mallory: User, acme: Organization, act: str
) -> None:
    invitation = invite(alice, "erin")

    for other in (alice, bob, mallory):
        assert answer(other, invitation, act).status_code == 404
    assert (
        browser()
        .post(f"/account/invitations/organization/{invitation.pk}/", {"act": act})["Location"]
        .startswith("/account/login/")
    )

    invitation.refresh_from_db()
    assert invitation.state == InvitationState.PENDING
    assert acme.memberships.count() == 2


def test_accepting_asks_for_a_factor_and_declining_does_not(alice: User, carol: User, acme: Organization) -> None:
    invitation = invite(alice, "carol")

    assert answer(carol, invitation)["Location"].startswith("/account/security/?next=")
    assert not acme.memberships.filter(user=carol).exists()
    cast.add_totp(carol)
    assert answer(carol, invitation)["Location"] == "/manage/organization/acme/"


def test_declining_needs_no_factor(alice: User, carol: User, acme: Organization) -> None:
    invitation = invite(alice, "carol")

    assert answer(carol, invitation, "decline")["Location"] == "/account/invitations/"
    assert happened(carol) == ["organization.invited", "organization.invitation-declined"]


def test_it_ends_after_seven_days_and_can_be_sent_again(alice: User, erin: User, acme: Organization) -> None:
    invitation = invite(alice, "erin")

    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1), tick=True):
        assert answer(erin, invitation).status_code == 409
        assert "not answered in time" in browser(alice).get("/manage/organization/acme/").text
        browser(alice).post(f"/manage/organization/acme/invitations/{invitation.pk}/", {"act": "resend"})
        assert answer(erin, invitation).status_code == 302
        assert subjects(letters_to("erin@example.org")).count("alice invites you to acme") == 2

    assert acme.memberships.filter(user=erin).exists()
    assert "organization.invitation-resent" in events(erin)


def test_taken_back_is_over(alice: User, erin: User, acme: Organization) -> None:
    invitation = invite(alice, "erin")

    browser(alice).post(f"/manage/organization/acme/invitations/{invitation.pk}/", {"act": "revoke"})

    assert answer(erin, invitation).status_code == 409
    assert not acme.memberships.filter(user=erin).exists()
    assert "organization.invitation-revoked" in events(erin)


@pytest.mark.parametrize(
    ("whom", "sentence"),
    [
        ("nobody-here", "There is no user of this name"),
        ("not an@address", "This is not an e-mail address"),
        ("bob", "in the organization already"),
        ("erin", "invited already"),
    ],
)
def test_what_cannot_be_invited_is_said_at_the_field(
    alice: User, erin: User, acme: Organization, whom: str, sentence: str
) -> None:
    invite(alice, "erin")

    response = browser(alice).post(INVITE, {"whom": whom, "kind": "member"})

    assert response.status_code == 400
    assert sentence in response.text
    assert OrganizationInvitation.objects.count() == 1


def test_an_expired_one_makes_room_for_another(alice: User, erin: User, acme: Organization) -> None:
    first = invite(alice, "erin")

    with time_machine.travel(timezone.now() + timedelta(days=8), tick=True):
        second = invite(alice, "erin", "manager")

    first.refresh_from_db()
    assert (first.state, second.state) == (InvitationState.EXPIRED, InvitationState.PENDING)


def test_letters_are_limited(alice: User, erin: User, acme: Organization) -> None:
    invitation = invite(alice, "erin")
    client = browser(alice)
    address = f"/manage/organization/acme/invitations/{invitation.pk}/"

    statuses = [client.post(address, {"act": "resend"}).status_code for _ in range(4)]

    assert statuses == [302, 302, 302, 429]
    assert len(letters_to("erin@example.org")) == 4


def test_another_organisations_invitation_cannot_be_touched(
    alice: User, erin: User, mallory: User, acme: Organization
) -> None:
    invitation = invite(alice, "erin")
    browser(mallory).post("/manage/organizations/create/", {"name": "evil"})

    response = browser(mallory).post(f"/manage/organization/evil/invitations/{invitation.pk}/", {"act": "revoke"})

    assert response.status_code == 404
    invitation.refresh_from_db()
    assert invitation.state == InvitationState.PENDING


def test_a_manager_who_is_invited_as_member_stays_manager(alice: User, erin: User, acme: Organization) -> None:
    EmailAddress.objects.create(user=alice, email="a@example.net", verified=True)
    invitation = invite(alice, "a@example.net")

    answer(alice, invitation)

    assert Membership.objects.get(user=alice).kind == MembershipKind.MANAGER


def test_a_frozen_managers_invitations_rest_until_another_manager_sends_them(
    alice: User, bob: User, mallory: User, acme: Organization
) -> None:
    """A thief who invited himself from a manager's account does not get in once staff have frozen it."""
    acme.memberships.filter(user=bob).update(kind=MembershipKind.MANAGER)
    invitation = invite(alice, "mallory", "manager")
    User.objects.filter(pk=alice.pk).update(is_active=False, frozen_at=timezone.now())

    refused = answer(mallory, invitation)

    assert refused.status_code == 409
    assert "alice, who invited you, no longer manages acme; ask for a new invitation." in refused.text
    assert not acme.memberships.filter(user=mallory).exists()

    browser(bob).post(f"/manage/organization/acme/invitations/{invitation.pk}/", {"act": "resend"})
    assert answer(mallory, invitation).status_code == 302
    assert acme.memberships.get(user=mallory).invited_by == bob


def test_nobody_is_flooded_by_many_organizations(alice: User, erin: User, acme: Organization) -> None:
    """Each may send its invitation again; all of them together may not do so without end."""
    client = browser(alice)
    for number in range(3):
        organization(f"org{number}", managers=[alice])
        url = f"/manage/organization/org{number}/"
        client.post(url + "invite/", {"whom": "victim@example.net", "kind": "member"})
        invitation = OrganizationInvitation.objects.latest("pk")
        for _ in range(3):
            last = client.post(f"{url}invitations/{invitation.pk}/", {"act": "resend"})
    assert last.status_code == 429
    assert "Too many invitations and offers went there today" in last.text
    assert len(letters_to("victim@example.net")) == 10


@pytest.mark.parametrize("name", ["victim+{}@example.net", "Victim+{}.x@example.net"])
def test_a_tag_in_the_address_is_no_other_person(alice: User, acme: Organization, name: str) -> None:
    client = browser(alice)
    answers = [client.post(INVITE, {"whom": name.format(number), "kind": "member"}) for number in range(11)]

    assert [response.status_code for response in answers[:10]] == [302] * 10
    assert "Too many invitations and offers went there today" in answers[10].text


def test_a_letter_to_strangers_carries_nobodys_own_words(alice: User, acme: Organization) -> None:
    """The site would otherwise mail anything to anybody, in its own name."""
    bait = "Your account is locked, go to https://evil.example"
    Organization.objects.update(display_name=bait)

    invite(alice, "victim@example.net")

    (letter,) = letters_to("victim@example.net")
    assert letter.subject == "alice invites you to acme"
    assert "evil.example" not in str(letter.message())
