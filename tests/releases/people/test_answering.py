"""Answering an invitation: it takes the person, a factor, and an invitation that still stands."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress

from accounts.models import InvitationState, User
from indexsite.models import AuditEvent
from releases.models import Project, ProjectInvitation, Role, RoleKind
from tests.mfa.test_enrolment import enrol
from tests.support import cast, people
from tests.support.projects import answer, as_role, invite, owned, roles, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def sampleproject(alice: User) -> Project:
    return owned(alice)


def test_accepting_gives_the_role_and_tells_everybody(
    alice: User, bob: User, erin: User, sampleproject: Project
) -> None:
    cast.grant(bob, sampleproject, RoleKind.OWNER)
    invitation = invite(alice, sampleproject, "erin")
    people.letters()
    browser = people.browser(erin)
    assert "alice invites you to sampleproject" in browser.get("/account/").text
    assert "sampleproject, as maintainer" in browser.get("/account/invitations/").text

    response = answer(browser, invitation, "accept")

    assert response["Location"] == "/manage/project/sampleproject/"
    role = Role.objects.get(user=erin)
    assert (role.kind, role.granted_by, role.project) == ("maintainer", alice, sampleproject)
    assert said(sampleproject)[1:] == ["role.invitation-accepted", "role.granted"]
    assert people.events(erin)[-2:] == ["role.invitation-accepted", "role.granted"]
    told = {letter.to[0]: letter.subject for letter in people.letters()[3:]}
    assert told == {
        "alice@example.org": "sampleproject: erin is now maintainer, invited by alice",
        "bob@example.org": "sampleproject: erin is now maintainer, invited by alice",
        "erin@example.org": "sampleproject: you are now maintainer",
    }
    assert "invites you" not in browser.get("/account/").text


def test_looking_changes_nothing(alice: User, erin: User, sampleproject: Project) -> None:
    invitation = invite(alice, sampleproject, "erin")
    browser = people.browser(erin)

    for query in ("", "?act=accept", "?act=decline"):
        page = browser.get(f"/account/invitations/project/{invitation.pk}/{query}")
        assert "Become maintainer of sampleproject?" in page.text
        assert browser.post(f"/account/invitations/project/{invitation.pk}/", {"act": ""}).status_code == 200

    invitation.refresh_from_db()
    assert invitation.state == InvitationState.PENDING
    assert roles(sampleproject) == [("alice", "owner")]


def test_declining_needs_no_factor_and_tells_whoever_asked(
    alice: User, carol: User, sampleproject: Project
) -> None:
    invitation = invite(alice, sampleproject, "carol")

    response = answer(people.browser(carol), invitation, "decline")

    assert response["Location"] == "/account/invitations/"
    invitation.refresh_from_db()
    assert invitation.state == InvitationState.DECLINED
    assert roles(sampleproject) == [("alice", "owner")]
    assert said(sampleproject) == ["role.invited", "role.invitation-declined"]
    assert people.subjects(people.letters_to("alice@example.org"))[-1] == (
        "sampleproject: carol declined to become maintainer"
    )


def test_who_declined_at_an_address_stays_unknown(alice: User, carol: User, sampleproject: Project) -> None:
    invitation = invite(alice, sampleproject, "carol@example.org")

    answer(people.browser(carol), invitation, "decline")

    (event,) = AuditEvent.objects.filter(project="sampleproject", name="role.invitation-declined")
    assert (event.actor, event.about) == (None, None)
    assert people.events(carol)[-1] == "role.invitation-declined"
    history = people.browser(alice).get("/manage/project/sampleproject/history/").text
    assert "c\u2026@example.org declined" in history
    assert "carol" not in history
    assert "carol " not in str(people.letters_to("alice@example.org")[-1].body)


def test_accepting_without_a_factor_leads_through_the_setup_and_back_to_the_invitation(
    alice: User, carol: User, sampleproject: Project
) -> None:
    invitation = invite(alice, sampleproject, "carol")
    here = f"/account/invitations/project/{invitation.pk}/"
    browser = people.browser(carol)
    assert "Accepting takes a second factor" in browser.get(here).text

    page = answer(browser, invitation, "accept")
    assert page["Location"] == f"/account/security/?next={here.replace('/', '%2F')}"
    assert roles(sampleproject) == [("alice", "owner")]
    todo = browser.get(page["Location"]).context["todo_url"]
    assert todo == f"/account/security/codes/?next={here.replace('/', '%2F')}"
    plain = browser.post(todo, {"act": "generate"}).context["plain"]
    kinds = browser.post(todo, {"act": "prove", "code": plain[0]})["Location"]
    app = kinds.replace("/add/", "/totp/")
    assert f'href="/account/security/totp/?next={here}"' in browser.get(kinds).text
    secret = browser.get(app).context["secret"]
    invited_to_another = browser.post(app, {"code": code_for(secret)})["Location"]

    assert f'href="{here}">Go on where you were' in browser.get(invited_to_another).text
    assert answer(browser, invitation, "accept")["Location"] == "/manage/project/sampleproject/"
    assert as_role(carol, sampleproject) == {"maintainer"}


def code_for(secret: str) -> str:
    from tests.mfa import test_enrolment

    return test_enrolment.code_for(secret)


def test_an_address_may_sign_up_first(alice: User, sampleproject: Project) -> None:
    invitation = invite(alice, sampleproject, "Judy@Example.net", RoleKind.APPROVER)
    link = people.mailed_link("judy@example.net")
    browser = people.browser()
    door = browser.get(link)["Location"]
    assert door == f"/account/login/?next={link.replace('/', '%2F')}"
    assert f"/account/signup/?next={link}" in browser.get(door).text

    new = {"username": "judy", "email": "judy@example.net", "password1": people.NEW_PASSWORD}
    browser.post(f"/account/signup/?next={link}", new)
    verified = browser.post("/account/verify/", {"code": people.mailed_code("judy@example.net")})

    assert verified["Location"] == link
    assert "Become approver of sampleproject?" in browser.get(link).text
    enrol(browser)
    answer(browser, invitation, "accept")
    assert as_role(User.objects.get(username="judy"), sampleproject) == {"approver"}


def test_an_address_counts_once_it_is_verified(
    alice: User, erin: User, mallory: User, sampleproject: Project
) -> None:
    invitation = invite(alice, sampleproject, "shared@example.net")
    EmailAddress.objects.create(user=mallory, email="shared@example.net", verified=False)
    EmailAddress.objects.create(user=erin, email="shared@example.net", verified=True)

    assert answer(people.browser(mallory), invitation, "accept").status_code == 404
    assert answer(people.browser(erin), invitation, "accept").status_code == 302
    assert roles(sampleproject) == [("alice", "owner"), ("erin", "maintainer")]


def test_others_cannot_answer_nor_learn_of_it(alice: User, bob: User, erin: User, sampleproject: Project) -> None:
    invitation = invite(alice, sampleproject, "erin")
    url = f"/account/invitations/project/{invitation.pk}/"

    for browser in (people.browser(bob), people.browser(alice)):
        assert browser.get(url).status_code == 404
        for act in ("accept", "decline"):
            assert answer(browser, invitation, act).status_code == 404
    assert people.browser().get(url).status_code == 302

    invitation.refresh_from_db()
    assert invitation.state == InvitationState.PENDING


def test_accepting_closes_what_it_satisfies_by_name_and_leaves_the_rest(
    alice: User, erin: User, sampleproject: Project
) -> None:
    addressed = invite(alice, sampleproject, "erin@example.org", RoleKind.MAINTAINER)
    EmailAddress.objects.create(user=erin, email="erin@example.net", verified=True)
    more = invite(alice, sampleproject, "erin@example.net", RoleKind.OWNER)
    named = invite(alice, sampleproject, "erin", RoleKind.MAINTAINER)
    browser = people.browser(erin)

    answer(browser, addressed, "accept")

    states = dict(ProjectInvitation.objects.values_list("pk", "state"))
    assert states == {addressed.pk: "accepted", named.pk: "accepted", more.pk: "pending"}
    answer(browser, more, "accept")
    assert as_role(erin, sampleproject) == {"maintainer", "owner"}


def test_what_one_has_already_is_only_tidied_away(alice: User, erin: User, sampleproject: Project) -> None:
    cast.grant(erin, sampleproject, RoleKind.OWNER)
    invitation = invite(alice, sampleproject, "erin@example.org", RoleKind.MAINTAINER)
    browser = people.browser(erin)
    assert "You have this already" in browser.get(f"/account/invitations/project/{invitation.pk}/").text

    answer(browser, invitation, "accept")

    invitation.refresh_from_db()
    assert invitation.state == InvitationState.ACCEPTED
    assert as_role(erin, sampleproject) == {"owner"}
    assert "role.granted" not in said(sampleproject)


@pytest.mark.parametrize("state", ["accepted", "declined", "revoked", "expired"])
def test_what_is_closed_stays_closed(alice: User, erin: User, sampleproject: Project, state: str) -> None:
    invitation = invite(alice, sampleproject, "erin")
    invitation.end(InvitationState(state), invitation.created_at)
    browser = people.browser(erin)

    assert "nothing to answer any more" in browser.get(f"/account/invitations/project/{invitation.pk}/").text
    for act in ("accept", "decline"):
        response = answer(browser, invitation, act)
        assert response.status_code == 409
        assert "ask" in response.text or "already" in response.text
    assert roles(sampleproject) == [("alice", "owner")]


def test_after_seven_days_it_is_over(alice: User, erin: User, sampleproject: Project) -> None:
    invitation = invite(alice, sampleproject, "erin")

    with time_machine.travel(invitation.expires_at - timedelta(minutes=5), tick=True):
        browser = people.browser(erin)
    with time_machine.travel(invitation.expires_at, tick=True):
        response = answer(browser, invitation, "accept")

    assert response.status_code == 409
    assert "not answered in time" in response.text
    assert roles(sampleproject) == [("alice", "owner")]


def test_an_invitation_is_worth_as_much_as_the_right_of_whoever_sent_it(
    alice: User, bob: User, erin: User, sampleproject: Project
) -> None:
    cast.grant(bob, sampleproject, RoleKind.OWNER)
    invitation = invite(bob, sampleproject, "erin", RoleKind.OWNER)
    Role.objects.filter(user=bob).delete()  # in whatever way his right went

    response = answer(people.browser(erin), invitation, "accept")

    assert response.status_code == 409
    assert "bob, who invited you, is no longer an owner of sampleproject" in response.text
    assert roles(sampleproject) == [("alice", "owner")]


def test_a_deleted_project_takes_its_invitations_along(alice: User, erin: User, sampleproject: Project) -> None:
    from releases.models import DeletedKind, Deletion

    invitation = invite(alice, sampleproject, "erin")
    sampleproject.deletion = Deletion.objects.create(
        project=sampleproject,
        kind=DeletedKind.PROJECT,
        label="sampleproject",
        at=invitation.created_at,
        by=alice,
        undo_until=invitation.expires_at,
    )
    sampleproject.save(update_fields=["deletion"])
    browser = people.browser(erin)

    assert answer(browser, invitation, "accept").status_code == 404
    assert "sampleproject" not in browser.get("/account/invitations/").text


def test_accepting_by_name_does_not_say_which_invited_addresses_are_ones_own(
    alice: User, erin: User, sampleproject: Project
) -> None:
    """Whoever invites a name beside a list of addresses would see which of them vanishes."""
    by_name = invite(alice, sampleproject, "erin")
    guesses = [invite(alice, sampleproject, address) for address in ("erin@example.org", "erin@example.net")]

    answer(people.browser(erin), by_name, "accept")

    assert ("erin", "maintainer") in roles(sampleproject)
    page = people.browser(alice).get(f"/manage/project/{sampleproject.normalized_name}/people/").text
    for guess in guesses:
        guess.refresh_from_db()
        assert guess.state == InvitationState.PENDING
        assert guess.email in page
    mine = people.browser(erin).get(f"/account/invitations/project/{guesses[0].pk}/").text
    assert "You have this already" in mine
