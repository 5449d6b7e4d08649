"""The first factor of an account with rights: not for whoever has the password alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress

from accounts.models import User
from indexsite.errors import PermissionRefused
from indexsite.policies import Action, require
from mfa.models import has_factor
from tests.mfa.test_enrolment import code_for, keep_codes
from tests.mfa.test_keys import ADD, options, register
from tests.support import cast, people
from tests.support.authenticators import SoftKey
from tests.support.organizations import organization

pytestmark = pytest.mark.django_db

MAILBOX = "/account/security/mailbox/"
TOTP = "/account/security/totp/"


@pytest.fixture
def owners(alice: User, dave: User) -> tuple[User, User]:
    """dave owns davelib with alice, and has no factor."""
    project = cast.ProjectFactory(name="davelib", owner=dave)
    cast.grant(alice, project)
    return alice, dave


def prove_mailbox(client) -> None:
    client.post(MAILBOX, {"act": "send"})
    response = client.post(MAILBOX, {"code": people.mailed_code("dave@example.org"), "next": TOTP})
    assert response["Location"] == TOTP


@pytest.mark.asvs("6.4.4")
def test_the_password_alone_sets_up_no_factor_and_no_address(owners: tuple[User, User]) -> None:
    _, dave = owners
    thief = people.browser(dave)
    keep_codes(thief)
    assert thief.get(TOTP)["Location"] == f"{MAILBOX}?next=%2Faccount%2Fsecurity%2Ftotp%2F"
    assert thief.get(ADD)["Location"].startswith(MAILBOX)
    refused = thief.post(f"{ADD}options/", headers={"accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (403, "mailbox-check-needed")
    # Nor does an address of the thief's own help to read the code.
    thief.post("/account/email/", {"act": "add", "email": "thief@example.org"})
    assert not EmailAddress.objects.filter(email="thief@example.org").exists()
    assert not has_factor(dave)


def test_whoever_reads_the_mail_does_and_the_co_owners_are_told(owners: tuple[User, User]) -> None:
    _, dave = owners
    client = people.browser(dave)
    keep_codes(client)
    prove_mailbox(client)
    assert "account.mailbox-proved" in people.events(dave)
    secret = client.get(TOTP).context["secret"]
    assert client.post(TOTP, {"code": code_for(secret)}).status_code == 302
    assert has_factor(dave)
    told = people.letters_to("alice@example.org")
    assert people.subjects(told) == ["dave has a second factor now"]
    assert "davelib" in str(told[0].body)
    # The second one is nobody else's concern.
    assert register(client, SoftKey()).status_code == 302
    assert len(people.letters_to("alice@example.org")) == 1


def test_codes_that_somebody_made_before_are_no_way_past_the_first_factor(
    carol: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever once had the password of a bare account could make codes, and wait."""
    planted = keep_codes(people.browser(carol, agent="Thief/1"))
    with time_machine.travel(timedelta(days=2), tick=True):
        with monkeypatch.context() as patch:
            patch.setattr("mfa.queries.BEFORE_FIRST_FACTOR", timedelta(days=3650))
            assert people.browser(carol).get(TOTP).status_code == 200  # the attack works: they were taken for hers
        owner = people.browser(carol)
        assert owner.get("/account/security/").context["todo"].act == "Make recovery codes"
        assert owner.get(TOTP)["Location"] == "/account/security/codes/"
        assert "make new ones" in owner.get("/account/security/codes/").text
        keep_codes(owner)
        secret = owner.get(TOTP).context["secret"]
        assert owner.post(TOTP, {"code": code_for(secret)}).status_code == 302
        thief = people.known_browser(carol)
        thief.post("/account/login/", {"username": "carol", "password": cast.PASSWORD})
        assert thief.post("/account/second-factor/", {"code": planted[1]}).status_code == 400
        assert people.signed_in_as(thief) == ""
        # Beside a factor they do not grow old.
        with time_machine.travel(timedelta(days=400), tick=True):
            assert people.browser(carol).get(ADD).status_code == 200


def test_managers_hear_of_it_also_where_the_organization_owns_nothing(bob: User, dave: User, erin: User) -> None:
    """A thief in a member's account would wait there for the first project."""
    organization("acme", managers=[bob, dave], members=[erin])
    client = people.browser(dave)
    keep_codes(client)
    prove_mailbox(client)
    client.post(TOTP, {"code": code_for(client.get(TOTP).context["secret"])})
    (told,) = people.letters_to("bob@example.org")
    assert told.subject == "dave has a second factor now"
    assert "organization acme" in str(told.body)
    assert people.letters_to("erin@example.org") == []  # who manages nothing


def test_a_first_key_is_told_of_as_well(owners: tuple[User, User]) -> None:
    client = people.browser(owners[1])
    keep_codes(client)
    prove_mailbox(client)
    assert register(client, SoftKey()).status_code == 302
    assert people.subjects(people.letters_to("alice@example.org")) == ["dave has a second factor now"]


def test_an_account_without_rights_is_asked_for_nothing_more(carol: User) -> None:
    client = people.browser(carol)
    keep_codes(client)
    assert client.get(TOTP).status_code == 200
    options(client, f"{ADD}options/")


@pytest.mark.asvs("6.5.5")
def test_the_code_is_of_this_session_and_person_and_for_a_while(owners: tuple[User, User]) -> None:
    _, dave = owners
    client, other = people.browser(dave), people.browser(dave)
    keep_codes(client)
    client.post(MAILBOX, {"act": "send"})
    code = people.mailed_code("dave@example.org")
    other.post(MAILBOX, {"code": code})
    assert other.get(TOTP)["Location"].startswith(MAILBOX)
    with time_machine.travel(timedelta(minutes=10, seconds=1), tick=True):
        client.post("/account/second-factor/", {"password": cast.PASSWORD})
        client.post(MAILBOX, {"code": code})
        assert client.get(TOTP)["Location"].startswith(MAILBOX)


@pytest.mark.asvs("6.6.3")
def test_the_code_is_void_after_five_wrong_ones(owners: tuple[User, User]) -> None:
    client = people.browser(owners[1])
    keep_codes(client)
    client.post(MAILBOX, {"act": "send"})
    assert [client.post(MAILBOX, {"code": "BBBB-BBBB"}).status_code for _ in range(5)] == [400] * 5
    client.post(MAILBOX, {"code": people.mailed_code("dave@example.org")})
    assert client.get(TOTP)["Location"].startswith(MAILBOX)


@pytest.mark.asvs("6.3.6")
def test_the_mail_proves_nothing_else(owners: tuple[User, User]) -> None:
    """It is read where it must be, and makes no session fresh."""
    _, dave = owners
    client = people.browser(dave)
    keep_codes(client)
    prove_mailbox(client)
    with time_machine.travel(timedelta(minutes=31), tick=True):
        assert client.get("/account/email/")["Location"].startswith("/account/second-factor/")
    with pytest.raises(PermissionRefused, match="read its mail"):
        require(cast.actor(dave), Action.FACTOR_ADD)
