"""The co-owner's page: what a word means, a PIN that is shown once, and taking it back."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import User
from recovery.actions.evidence import reaching
from recovery.actions.evidence.receiving import Claim
from recovery.models import Verdict, VouchPin
from releases.models import Project
from tests.support import cast
from tests.support.claims import aged, claimant, offered
from tests.support.database import changed_since, contents
from tests.support.people import browser, events, letters_to

pytestmark = pytest.mark.django_db

PAGE = "/account/vouch/"
SPOKEN = {"username": "alice", "has_spoken": "on"}


@pytest.fixture
def shared(alice: User, bob: User) -> Project:
    project = cast.ProjectFactory(name="shared", owner=alice)
    cast.grant(bob, project)
    aged(alice)
    aged(bob)
    return project


@pytest.fixture
def asked(shared: Project) -> Claim:
    return claimant("alice", "alice@example.org")


def shown_pin(text: str) -> str:
    found = re.search(r'id="pin">([0-9 ]+)<', text)
    assert found is not None, text
    return found[1]


def pin_of(client: Client) -> str:
    answer = client.post(PAGE, SPOKEN)
    assert "no-store" in answer["Cache-Control"]
    return shown_pin(answer.text)


def test_a_co_owner_is_told_opens_a_pin_and_the_claimant_types_it(asked: Claim, bob: User) -> None:
    letter = letters_to("bob@example.org")[-1]
    assert letter.subject == "Recovery: somebody asks to recover the account alice"
    assert "/account/vouch/" in str(letter.body)
    assert "192.0.2" not in str(letter.body)
    assert "198.51.100" not in str(letter.body)
    client = browser(bob)
    page = client.get(PAGE).text
    assert "Somebody asks to recover the account of <strong>alice</strong>" in page
    assert "/account/vouch/?for=alice" in client.get("/account/recovery/").text
    assert 'value="alice"' in client.get(f"{PAGE}?for=alice").text
    reaching.offer_vouch(asked, pin_of(client))
    assert [row.verdict for row in offered(asked)] == [Verdict.PASSED]
    assert events(bob)[-1] == "vouch.opened"


def test_the_pin_is_shown_once(asked: Claim, bob: User) -> None:
    client = browser(bob)
    pin = pin_of(client)
    page = client.get(PAGE).text
    assert pin not in page
    assert "PINs you have opened" in page
    assert pin.replace(" ", "") not in str(list(VouchPin.objects.values()))


def test_one_has_to_have_spoken_with_them(asked: Claim, bob: User) -> None:
    answer = browser(bob).post(PAGE, {"username": "alice"})
    assert answer.status_code == 400
    assert "Speak with them first" in answer.text
    assert 'value="alice"' in answer.text
    assert not VouchPin.objects.exists()


def test_it_is_taken_back_without_a_factor_and_is_of_no_use_then(asked: Claim, bob: User) -> None:
    """Whoever doubts must not be held up."""
    client = browser(bob)
    pin = pin_of(client)
    session = client.session
    session["account_authentication_methods"] = []
    session.save()
    answer = client.post(PAGE, {"act": "take-back", "username": "alice"}, follow=True)
    assert "the PIN is of no use any more" in answer.text
    reaching.offer_vouch(asked, pin)
    assert [row.verdict for row in offered(asked)] == [Verdict.FAILED]


@pytest.mark.parametrize("whom", ["erin", "nobody-at-all", "bob"])
def test_strangers_and_nobody_are_answered_alike(asked: Claim, bob: User, erin: User, whom: str) -> None:
    client = browser(bob)
    answer = client.post(PAGE, {"username": whom, "has_spoken": "on"})
    assert answer.status_code == 404
    assert "You own no project together with an account of this name" in answer.text
    assert not VouchPin.objects.exists()


def test_a_session_alone_opens_nothing(asked: Claim, bob: User) -> None:
    """A browser left open is not the co-owner."""
    client = browser(bob)
    session = client.session
    session["account_authentication_methods"] = []
    session.save()
    answer = client.post(PAGE, SPOKEN)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/second-factor/")
    assert not VouchPin.objects.exists()


def test_without_a_factor_one_is_asked_to_set_one_up(asked: Claim, shared: Project, dave: User) -> None:
    cast.grant(dave, shared)
    client = browser(dave)
    assert client.get(PAGE).status_code == 200
    assert client.post(PAGE, SPOKEN).status_code == 302
    assert not VouchPin.objects.exists()


def test_reading_changes_nothing_and_names_nobody_to_others(asked: Claim, bob: User, erin: User) -> None:
    cast.ProjectFactory(name="other", owner=erin)
    client, other = browser(bob), browser(erin)
    before = contents()
    client.get(PAGE)
    assert "alice" not in other.get(PAGE).text
    assert "alice" not in other.get("/account/recovery/").text
    assert changed_since(before) == set()
