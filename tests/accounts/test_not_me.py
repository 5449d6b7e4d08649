""" "This was not me": what a link stops, what it cannot, and who lifts the freeze."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.test import Client

from accounts import letters, not_me
from accounts.models import SecurityReport, User
from indexsite import clock
from indexsite.audit import VOCABULARY, Event
from indexsite.errors import PermissionRefused
from indexsite.policies import Action, may, require
from mfa.models import AuthenticatorApp
from releases.models import TransferState
from tests.support import cast, people
from tests.support.cast import ProjectFactory
from tests.support.distributions import make_wheel
from tests.support.tokens import token_of
from tests.support.transfers import offer
from tests.support.uploads import upload

pytestmark = pytest.mark.django_db

NOT_ME = re.compile(r"^http://testserver(/account/not-me/\S+)$", re.MULTILINE)


def link_in(address: str, subject: str) -> str:
    """The path of the link "This was not me" in the latest letter with this subject."""
    letter = [letter for letter in people.letters_to(address) if letter.subject == subject][-1]
    found = NOT_ME.search(str(letter.body))
    assert found is not None, letter.body
    assert found[1] in str(letter.alternatives[0][0])  # and in the HTML, too
    return found[1]


def warned(user: User) -> str:
    """A thief signed in to the account adds an address; the link of the owner's letter about it."""
    thief = people.browser(user, agent="Thief/1")
    thief.post("/account/email/", {"act": "add", "email": "thief@example.org"})
    return link_in(user.email, "An address was added to your account")


def refused(user: User, action: Action, subject: object = None) -> str:
    user.refresh_from_db()
    verdict = may(cast.actor(user), action, subject)
    return "" if verdict else verdict.code  # type: ignore[union-attr]


def test_looking_changes_nothing(alice: User) -> None:
    owner = people.browser(alice)
    link = warned(alice)
    before = people.events(alice)
    for client in (people.browser(), owner):
        for method in ("get", "head"):
            assert getattr(client, method)(link).status_code == 200
    page = people.browser().get(link)
    assert "Address thief@example.org was added." in page.text
    assert "For 72 hours" in page.text
    assert people.events(alice) == before
    assert people.signed_in_as(owner) == "alice"
    assert not SecurityReport.objects.exists()


def test_one_button_ends_sessions_stops_the_change_and_freezes_edits(alice: User) -> None:
    owner = people.browser(alice)
    link = warned(alice)
    assert refused(alice, Action.EMAIL_CHANGE) == ""  # the attack works: the thief could go on
    response = people.browser(agent="Owner/1", REMOTE_ADDR="198.51.100.9").post(link)
    assert "All sessions of alice have ended" in response.text
    assert people.signed_in_as(owner) == ""
    assert not EmailAddress.objects.filter(email="thief@example.org").exists()
    report = SecurityReport.objects.get(user=alice)
    assert (report.what, report.source, report.is_proved) == (
        "Address thief@example.org was added.",
        "letter",
        False,
    )
    assert (report.address, report.sessions_ended) == ("198.51.100.9", 2)
    assert report.frozen_until == alice.__class__.objects.get(pk=alice.pk).edits_frozen_until
    assert report.stopped == "unverified address removed: thief@example.org"
    assert people.events(alice)[-1] == "account.reported"
    subject = "Somebody says that something in your account was not you"
    assert subject in people.subjects(people.letters_to(alice.email))


@pytest.mark.parametrize(
    "action",
    [
        Action.EMAIL_CHANGE,
        Action.PASSWORD_CHANGE,
        Action.FACTOR_ADD,
        Action.FACTOR_REMOVE,
        Action.CODES_GENERATE,
        Action.TOKEN_CREATE,
        Action.ACCOUNT_CLOSE,
        Action.INVITATION_ANSWER,
        Action.TRANSFER_ANSWER,
    ],
)
def test_what_opens_or_hands_on_the_account_is_frozen_for_72_hours(alice: User, action: Action) -> None:
    link = warned(alice)
    assert refused(alice, action) != "edits-frozen"
    people.browser().post(link)
    assert refused(alice, action) == "edits-frozen"
    with time_machine.travel(timedelta(hours=72, seconds=5), tick=True):
        assert refused(alice, action) != "edits-frozen"


def test_roles_and_transfers_are_frozen_and_publishing_goes_on(alice: User, bob: User) -> None:
    project = ProjectFactory(name="sampleproject", owner=alice)
    secret = token_of(alice).secret()
    link = warned(alice)
    people.browser().post(link)
    for action in (Action.ROLE_INVITE, Action.OWNER_INVITE, Action.ROLE_GRANT, Action.PROJECT_TRANSFER):
        assert refused(alice, action, project) == "edits-frozen"
    assert upload(make_wheel(version="1.0"), secret).status_code == 200


def test_the_sentence_says_until_when_and_what_to_do(alice: User) -> None:
    people.browser().post(warned(alice))
    client = people.browser(alice)
    page = client.post("/account/email/", {"act": "add", "email": "third@example.org"})
    assert page.status_code == 403
    assert "nothing that protects this account can change" in page.text
    assert "lift it with your second factor, or wait" in page.text


def test_a_transfer_the_thief_offered_comes_to_nothing(alice: User, mallory: User) -> None:
    project = ProjectFactory(name="sampleproject", owner=alice)
    transfer = offer(alice, project, "mallory")
    link = not_me.path(alice, alice.audit_events.get(name="account.signed-in").pk, at=clock.now())
    people.browser().post(link)
    transfer.refresh_from_db()
    assert transfer.state == TransferState.LAPSED
    assert SecurityReport.objects.get().stopped == "transfer of sampleproject ended"


def test_mailed_reset_links_are_void_and_new_ones_set_nothing(carol: User) -> None:
    """A stranger in the mailbox must not use the freeze of the owner, nor the other way round."""
    client = people.browser()
    client.post("/account/password/reset/", {"email": carol.email})
    reset = people.mailed_link(carol.email)
    people.browser().post(link_in(carol.email, "Set a new password for indexsite"))
    for link in (reset, None):
        if link is None:
            client.post("/account/password/reset/", {"email": carol.email})
            link = people.mailed_link(carol.email)
        client.get(link)
        response = client.post("/account/password/reset/new/", {"password1": people.NEW_PASSWORD})
        assert response.status_code in {400, 403}
    carol.refresh_from_db()
    assert carol.check_password(cast.PASSWORD)


def test_a_sign_in_that_waits_for_its_link_is_stopped(alice: User) -> None:
    thief = people.browser()
    thief.post("/account/login/", {"username": "alice", "password": cast.PASSWORD})
    thief.post("/account/second-factor/", {"code": cast.totp_code(alice)})
    confirm = people.mailed_link(alice.email)
    people.browser().post(link_in(alice.email, "Confirm a sign-in"))
    assert thief.post(confirm).status_code == 400
    assert people.signed_in_as(thief) == ""


def test_tokens_and_uploads_take_a_factor(alice: User) -> None:
    ProjectFactory(name="sampleproject", owner=alice)
    token = token_of(alice)
    link = warned(alice)
    extra = {"revoke_tokens": "1", "freeze_uploads": "1"}
    assert people.browser().post(link, extra).status_code == 302  # to the sign-in
    assert not SecurityReport.objects.exists()
    token.refresh_from_db()
    assert token.revoked_at is None

    owner = people.browser(alice)
    assert "Also revoke all my tokens" in owner.get(link).text
    assert owner.post(link, extra)["Location"] == "/account/password/"
    token.refresh_from_db()
    alice.refresh_from_db()
    assert token.revoked_at is not None
    assert people.signed_in_as(owner) == "alice"
    assert alice.edits_frozen_until is None  # whoever proved a factor sets a new password now
    fresh = token_of(alice).secret()
    response = upload(make_wheel(version="1.0"), fresh)
    assert response.status_code == 403
    assert "has stopped uploads in their name" in response.reason_phrase
    assert SecurityReport.objects.get().is_proved
    owner.post("/account/freeze/")
    assert upload(make_wheel(version="1.0"), fresh).status_code == 200


def test_the_owner_lifts_the_freeze_with_a_factor(alice: User) -> None:
    cast_at = AuthenticatorApp.objects.get(user=alice)
    AuthenticatorApp.objects.filter(pk=cast_at.pk).update(created_at=clock.now() - timedelta(days=30))
    people.browser().post(warned(alice))
    owner = people.browser(alice)
    assert "Lift it" in owner.get("/account/freeze/").text
    assert owner.post("/account/freeze/")["Location"] == "/account/security/"
    assert refused(alice, Action.EMAIL_CHANGE) == ""
    assert SecurityReport.objects.get().closed_by == "alice"
    assert people.events(alice)[-1] == "account.freeze-lifted"
    assert "Your account can be changed again" in people.subjects(people.letters_to(alice.email))


def test_a_factor_that_came_with_the_thief_lifts_nothing(alice: User) -> None:
    cast.lose_factors(alice)
    link = warned(alice)
    cast.add_totp(alice)  # after what the owner reports
    people.browser().post(link)
    thief = people.browser(alice)
    response = thief.post("/account/freeze/")
    assert response.status_code == 403
    assert "not older than what was reported" in response.text
    assert refused(alice, Action.EMAIL_CHANGE) == "edits-frozen"


def test_without_a_factor_it_ends_by_itself_only(carol: User) -> None:
    link = not_me.path(carol, 0, at=clock.now())
    people.browser().post(link)
    client = people.browser(carol)
    assert "Only a second factor lifts this" in client.get("/account/freeze/").text
    assert client.post("/account/freeze/").status_code == 403
    assert refused(carol, Action.EMAIL_CHANGE) == "edits-frozen"


def test_old_letters_do_not_freeze_again_what_the_owner_has_lifted(alice: User) -> None:
    """Whoever reads an old mailbox can be a nuisance once, not for ever."""
    AuthenticatorApp.objects.filter(user=alice).update(created_at=clock.now() - timedelta(days=30))
    first = warned(alice)
    second = not_me.path(alice, alice.audit_events.get(name="account.signed-in").pk, at=clock.now())
    thief = people.browser()
    thief.post(first)
    owner = people.browser(alice)
    owner.post("/account/freeze/")
    assert thief.post(first).status_code == 409
    thief.post(second)
    assert refused(alice, Action.EMAIL_CHANGE) == ""
    assert SecurityReport.objects.count() == 2


def test_links_are_good_for_one_account_seven_days_and_unforged(alice: User, bob: User) -> None:
    link = warned(alice)
    for forged in (link[:-2] + "/", link.replace(":", "x:", 1), "/account/not-me/nonsense/"):
        for method in ("get", "post"):
            assert getattr(people.browser(), method)(forged).status_code == 400
    with time_machine.travel(timedelta(days=7, seconds=5), tick=True):
        assert people.browser().post(link).status_code == 400
    people.browser(bob).post(link)
    assert [report.user for report in SecurityReport.objects.all()] == [alice]


def test_reports_are_limited(alice: User) -> None:
    link = warned(alice)
    answers = [people.browser().post(link).status_code for _ in range(11)]
    assert answers == [200] + [409] * 9 + [429]


def test_old_letters_do_not_use_up_what_the_owner_needs_for_a_new_one(alice: User) -> None:
    """An address that the owner has removed keeps its letters, and may belong to the thief."""
    AuthenticatorApp.objects.filter(user=alice).update(created_at=clock.now() - timedelta(days=30))
    old = warned(alice)
    stranger = people.browser(REMOTE_ADDR="198.51.100.66")
    assert [stranger.post(old).status_code for _ in range(11)][-1] == 429
    people.browser(alice).post("/account/freeze/")
    alice.refresh_from_db()
    assert alice.edits_frozen_until is None
    with time_machine.travel(timedelta(minutes=1), tick=True):
        assert people.browser().post(warned(alice)).status_code == 200
        assert refused(alice, Action.EMAIL_CHANGE) == "edits-frozen"


def test_the_history_offers_it_for_what_was_done_in_ones_name(alice: User) -> None:
    client = people.browser(alice)
    client.post("/account/logout/")
    client = people.browser(alice)
    entries = client.get("/account/history/").context["entries"]
    offered = {entry.event: bool(entry.not_me) for entry in entries}
    assert offered == {"account.signed-in": True, "account.signed-out": False}
    link = entries[-1].not_me
    client.post(link.partition("?")[0], {"history": "1"})
    assert SecurityReport.objects.get().source == "history"
    rows = client.get("/account/history/?format=json").getvalue().decode()
    assert "not_me" not in rows
    with time_machine.travel(timedelta(days=8), tick=True):
        assert not any(
            entry.not_me for entry in people.browser(alice).get("/account/history/").context["entries"][1:]
        )


def test_a_report_by_a_signed_in_thief_without_proof_ends_his_session_too(carol: User) -> None:
    thief = people.browser(carol)
    thief.post(not_me.path(carol, 0, at=clock.now()))
    assert people.signed_in_as(thief) == ""


def test_a_frozen_account_stays_refused_inside_the_action(alice: User) -> None:
    people.browser().post(warned(alice))
    alice.refresh_from_db()
    with pytest.raises(PermissionRefused, match="lift it"):
        require(cast.actor(alice), Action.TOKEN_CREATE)


def names_of(kind: type[Event]) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def letters_with_a_link() -> list[str]:
    return sorted({row.letter for row in letters.ROWS.values() if row.mine and row.to == letters.EVERY})


def test_every_letter_about_an_act_in_ones_name_can_carry_the_link(carol: User) -> None:
    from django.db import transaction

    from indexsite import audit

    with transaction.atomic():
        for name, row in letters.ROWS.items():
            if row.mine and row.letter:
                kind = VOCABULARY[name]
                fields = {field: "x" for field in names_of(kind) if field not in {"about", "project"}}
                audit.record(cast.actor(carol), kind(about=carol, **fields))
    for letter in letters_with_a_link():
        assert not_me.link_of_letter(carol, letter, at=clock.now()), letter


def test_anonymous_posts_carry_a_form_token(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    link = warned(alice)
    assert strict.post(link).status_code == 403
    assert not SecurityReport.objects.exists()
