"""A code that was passed on opens nothing from a browser the account does not know."""

import re
from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.test import Client

from accounts import known_devices, places, stages, tasks
from accounts.actions import new_places
from accounts.actions.new_places import LinkInvalid
from accounts.models import KnownDevice, SignInConfirmation, User
from indexsite import clock
from indexsite.actors import Actor
from mfa import queries
from mfa.actions import codes
from tests.support import cast, people
from tests.support.at_once import at_once
from tests.support.cast import ProjectFactory

pytestmark = pytest.mark.django_db

WAIT, FACTOR = "/account/confirm-sign-in/", "/account/second-factor/"
ALICE = "alice@example.org"


def come(user: User, client: Client | None = None, **where: str):
    """Password and code from a browser, by default one nobody has seen."""
    client = client or people.browser(**where)
    response = client.post("/account/login/", {"username": user.username, "password": cast.PASSWORD})
    if response["Location"] == FACTOR:
        people.forget_last_code(user)
        response = client.post(FACTOR, {"code": cast.totp_code(user)})
    return client, response


def test_without_the_stage_a_relayed_code_signs_a_stranger_in(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "needs_confirmation", lambda request, user: False)
    thief, _ = come(alice)
    assert people.signed_in_as(thief) == "alice"


def test_a_code_from_an_unknown_browser_waits_for_the_mailed_link(alice: User) -> None:
    client, response = come(alice)
    assert response["Location"] == WAIT
    assert people.signed_in_as(client) == ""
    assert "Follow the link we mailed" in client.get(WAIT).text
    assert people.subjects(people.letters_to(ALICE)) == ["Confirm a sign-in"]

    link = people.mailed_link(ALICE)
    page = client.get(link)
    assert "Is this you?" in page.text
    assert people.signed_in_as(client) == ""  # looking confirms nothing
    assert client.post(link)["Location"] == "/account/"
    assert people.signed_in_as(client) == "alice"
    assert people.events(alice) == [
        "account.sign-in-held",
        "account.sign-in-confirmed",
        "account.signed-in",
    ]
    assert alice.audit_events.first().data["methods"] == "password and authenticator app and mailed link"
    client.post("/account/logout/")
    _, response = come(alice, client)  # and from now on the browser is known
    assert response["Location"] == "/account/"
    assert len(people.letters_to(ALICE)) == 1


@pytest.mark.asvs("6.6.2")
def test_the_link_signs_nobody_in_who_does_not_wait_for_it(alice: User, carol: User) -> None:
    """A thief with a relayed code has no mailbox; the owner who follows the thief's link must not let him in."""
    thief, _ = come(alice)
    link = people.mailed_link(ALICE)
    for other in (people.browser(), people.browser(carol), come(alice)[0]):
        assert "This link belongs to another browser" in other.get(link).text
        assert "Yes, sign me in" not in other.get(link).text
        before = people.signed_in_as(other)
        assert other.post(link).status_code == 409
        assert people.signed_in_as(other) == before
    assert people.signed_in_as(thief) == ""
    assert thief.get(WAIT).status_code == 200
    thief.post(link)  # with the mailbox he would have passed: it is the one thing he lacks
    assert people.signed_in_as(thief) == "alice"


@pytest.mark.asvs("7.6.2")
def test_scanners_of_mail_use_nothing_up(alice: User) -> None:
    client, _ = come(alice)
    link = people.mailed_link(ALICE)
    for _ in range(3):
        for method in ("get", "head"):
            assert getattr(people.browser(), method)(link).status_code == 200
    assert people.browser().post(link).status_code == 409
    assert client.post(link)["Location"] == "/account/"


@pytest.mark.asvs("6.5.1", "6.5.5")
def test_a_link_works_once_and_for_ten_minutes(alice: User) -> None:
    client, _ = come(alice)
    link = people.mailed_link(ALICE)
    with time_machine.travel(timedelta(minutes=10, seconds=1), tick=True):
        assert client.post(link).status_code == 400
        assert people.signed_in_as(client) == ""
    client, _ = come(alice)
    link = people.mailed_link(ALICE)
    client.post(link)
    client.post("/account/logout/")
    assert client.post(link).status_code == 400
    assert people.browser().get(WAIT + "A" * 43 + "/").status_code == 400


def test_a_new_link_makes_the_one_before_void(alice: User) -> None:
    client, _ = come(alice)
    first = people.mailed_link(ALICE)
    assert client.post(WAIT, {"act": "resend"})["Location"] == WAIT
    second = people.mailed_link(ALICE)
    assert first != second
    assert client.post(first).status_code == 400
    assert client.post(second)["Location"] == "/account/"


def test_giving_up_ends_the_sign_in(alice: User) -> None:
    client, _ = come(alice)
    assert client.post(WAIT, {"act": "abandon"})["Location"] == "/account/login/"
    assert client.post(people.mailed_link(ALICE)).status_code == 409
    assert client.get(WAIT)["Location"] == "/account/login/"


def test_a_waiting_sign_in_dies_with_the_password_and_with_the_factor(alice: User) -> None:
    for change in ("password", "factor"):
        client, _ = come(alice)
        link = people.mailed_link(ALICE)
        if change == "factor":
            alice.refresh_from_db()
            cast.lose_factors(alice)
            cast.add_totp(alice)
        else:
            User.objects.filter(pk=alice.pk).update(password="!changed elsewhere")
        assert client.post(link).status_code == 409, change
        assert client.get(WAIT)["Location"] == "/account/login/", change
        User.objects.filter(pk=alice.pk).update(password=alice.password)


def test_rotating_addresses_keep_nobody_out(alice: User) -> None:
    client = people.known_browser(alice)
    for number in range(3):
        client.defaults["REMOTE_ADDR"] = f"198.51.100.{number}"
        _, response = come(alice, client)
        assert response["Location"] == "/account/"
        client.post("/account/logout/")
    held, _ = come(alice, people.browser(REMOTE_ADDR="203.0.113.1"))
    held.defaults["REMOTE_ADDR"] = "203.0.113.99"  # the provider gave it another one meanwhile
    assert held.post(people.mailed_link(ALICE))["Location"] == "/account/"


def test_the_browser_of_the_sign_up_is_known(db: None) -> None:
    client = people.browser()
    client.post("/account/signup/", {"username": "judy", "email": "judy@example.org", "password1": cast.PASSWORD})
    client.post("/account/verify/", {"act": "verify", "code": people.mailed_code("judy@example.org")})
    assert people.signed_in_as(client) == "judy"
    judy = User.objects.get(username="judy")
    cast.add_totp(judy)
    client.post("/account/logout/")
    assert come(judy, client)[1]["Location"] == "/account/"
    assert people.subjects(people.letters_to("judy@example.org")) == ["Your code for indexsite"]


@pytest.mark.asvs("6.3.5")
def test_an_account_without_factor_and_role_is_told_and_not_held_up(carol: User) -> None:
    come(carol, people.known_browser(carol))
    client, response = come(carol)
    assert response["Location"] == "/account/"
    assert people.subjects(people.letters_to("carol@example.org")) == ["A sign-in from a new browser"]
    client.post("/account/logout/")
    come(carol, client)
    assert len(people.letters_to("carol@example.org")) == 1


def test_a_password_alone_waits_where_the_account_holds_rights(dave: User) -> None:
    ProjectFactory(name="davelib", owner=dave)
    client, response = come(dave)
    assert response["Location"] == WAIT
    client.post(people.mailed_link("dave@example.org"))
    assert people.signed_in_as(client) == "dave"


def test_a_planted_cookie_lets_nobody_be_known(alice: User, mallory: User) -> None:
    planted = "a" * 43
    victim = people.known_browser(alice)
    victim.cookies[known_devices.cookie_name("alice")] = planted
    come(alice, victim)
    victim.post(people.mailed_link(ALICE))
    assert victim.cookies[known_devices.cookie_name("alice")].value != planted
    thief = people.known_browser(mallory)
    thief.cookies[known_devices.cookie_name("alice")] = planted
    assert come(alice, thief)[1]["Location"] == WAIT
    thief.cookies[known_devices.cookie_name("alice")] = thief.cookies[known_devices.cookie_name("mallory")].value
    assert come(alice, thief)[1]["Location"] == WAIT


def test_known_browsers_die_with_the_password_all_but_the_one_it_is_changed_in(alice: User) -> None:
    here, elsewhere = people.browser(alice), people.browser(alice)
    here.post("/account/password/", {"password": cast.PASSWORD, "password1": people.NEW_PASSWORD})
    assert KnownDevice.objects.filter(user=alice).count() == 1
    for client, leads_to in ((here, "/account/"), (elsewhere, WAIT)):
        client.post("/account/logout/")
        client.post("/account/login/", {"username": "alice", "password": people.NEW_PASSWORD})
        people.forget_last_code(alice)
        assert client.post(FACTOR, {"code": cast.totp_code(alice)})["Location"] == leads_to


def test_known_browsers_are_forgotten_after_half_a_year(alice: User) -> None:
    client = people.known_browser(alice)
    KnownDevice.objects.update(last_used_at=clock.now() - timedelta(days=180))
    assert come(alice, client)[1]["Location"] == WAIT


def test_links_are_limited_per_account(alice: User) -> None:
    client, _ = come(alice)
    answers = [client.post(WAIT, {"act": "resend"}).status_code for _ in range(10)]
    assert answers == [302] * 9 + [429]
    assert len(people.letters_to(ALICE)) == 10


def test_the_letter_goes_to_every_verified_address_and_says_from_where(alice: User) -> None:
    from allauth.account.models import EmailAddress

    EmailAddress.objects.create(user=alice, email="second@example.org", verified=True)
    EmailAddress.objects.create(user=alice, email="unproved@example.org", verified=False)
    come(alice, REMOTE_ADDR="198.51.100.7")
    letters = people.letters()
    assert sorted(letter.to[0] for letter in letters) == [ALICE, "second@example.org"]
    assert "From: 198.51.100.7" in str(letters[0].body)
    assert "the right password and a right code" in str(letters[0].body)
    assert len(re.findall(r"/account/confirm-sign-in/\S{43}/", str(letters[0].body))) == 1


@pytest.mark.django_db(transaction=True)
def test_a_link_used_by_four_at_once_lets_one_go_on() -> None:
    alice = cast.person("alice")
    actor = Actor(user=None, address="127.0.0.1")
    new_places.hold(actor=actor, user=alice, attempt="this browser", with_code=True, at=clock.now())
    token = people.mailed_link(ALICE).removeprefix(WAIT).strip("/")
    act = partial(new_places.confirm, actor=actor, token=token, attempt="this browser", at=clock.now())
    found = [type(result) for result in at_once([act] * 4)]
    assert sorted(kind.__name__ for kind in found) == ["LinkInvalid"] * 3 + ["User"], found
    assert people.events(alice) == ["account.sign-in-held", "account.sign-in-confirmed"]
    with pytest.raises(LinkInvalid):
        act()


def test_what_nobody_can_use_any_more_is_swept(alice: User) -> None:
    come(alice)
    people.make_known(people.browser(), alice)
    for later, left in ((timedelta(), (1, 1)), (timedelta(minutes=21), (0, 1)), (timedelta(days=181), (0, 0))):
        with time_machine.travel(clock.now() + later, tick=True):
            tasks.sweep_sign_ins.call()
        assert (SignInConfirmation.objects.count(), KnownDevice.objects.count()) == left


def test_known_browsers_are_listed_and_forgotten_by_their_owner_alone(alice: User, mallory: User) -> None:
    here, elsewhere = people.browser(alice, agent="Here/1"), people.browser(alice, agent="Elsewhere/2")
    page = here.get("/account/sessions/")
    assert {device.client for device in page.context["known"]} == {"Here/1", "Elsewhere/2"}
    assert "the machine of this site" in page.text
    other = KnownDevice.objects.get(client="Elsewhere/2")
    assert (
        people.browser(mallory).post("/account/sessions/", {"act": "forget", "browser": other.pk}).status_code
        == 404
    )
    assert here.post("/account/sessions/", {"act": "forget", "browser": other.pk}).status_code == 302
    assert people.events(alice)[-1] == "browsers.forgotten"
    assert people.signed_in_as(elsewhere) == "alice"
    elsewhere.post("/account/logout/")
    assert come(alice, elsewhere)[1]["Location"] == WAIT
    here.post("/account/sessions/", {"act": "forget-all"})
    assert not KnownDevice.objects.filter(user=alice).exists()
    here.post("/account/logout/")
    assert come(alice, here)[1]["Location"] == WAIT


def test_ending_all_other_sessions_forgets_their_browsers(alice: User) -> None:
    here, elsewhere = people.browser(alice), people.browser(alice)
    here.post("/account/sessions/", {"act": "others"})
    for client, leads_to in ((here, "/account/"), (elsewhere, WAIT)):
        client.post("/account/logout/")
        assert come(alice, client)[1]["Location"] == leads_to


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("198.51.100.7", "network 198.51.100.x"),
        ("2001:db8:1:2::9", "network 2001:db8:1:x"),
        ("::1", "the machine of this site"),
        ("::", "an unknown place"),
        ("", "an unknown place"),
    ],
)
def test_a_place_is_told_coarsely(address: str, said: str) -> None:
    assert places.coarse(address) == said


def codes_of(user: User) -> list[str]:
    return codes.generate_codes(actor=cast.actor(user), at=clock.now())


def come_with(user: User, code: str) -> Client:
    """Password and recovery code from a browser nobody has seen."""
    client = people.browser()
    client.post("/account/login/", {"username": user.username, "password": cast.PASSWORD})
    assert client.post(FACTOR, {"code": code})["Location"] == WAIT
    return client


@pytest.mark.asvs("6.4.4", "6.5.1")
def test_a_recovery_code_is_spent_only_when_the_sign_in_succeeds(alice: User) -> None:
    code = codes_of(alice)[0]
    come_with(alice, code)
    assert queries.codes_of(alice).left == 8
    client = come_with(alice, code)
    assert queries.codes_of(alice).left == 8
    client.post(people.mailed_link(ALICE))
    assert people.signed_in_as(client) == "alice"
    assert queries.codes_of(alice).left == 7
    assert people.events(alice)[-3:] == ["account.sign-in-confirmed", "recovery-codes.used", "account.signed-in"]
    assert "A recovery code was used" in people.subjects(people.letters_to(ALICE))


def test_one_code_in_two_waiting_browsers_lets_one_in(alice: User) -> None:
    code = codes_of(alice)[0]
    first = come_with(alice, code)
    first_link = people.mailed_link(ALICE)
    second = come_with(alice, code)
    second_link = people.mailed_link(ALICE)
    assert first.post(first_link)["Location"] == "/account/security/"  # to repair what was lost
    response = second.post(second_link)
    assert response["Location"] == "/account/login/"
    assert "was used, or replaced, before the sign-in was complete" in second.get("/account/login/").text
    assert people.signed_in_as(second) == ""
    assert second.get(WAIT)["Location"] == "/account/login/"
    assert queries.codes_of(alice).left == 7


def test_a_code_noted_for_one_sign_in_is_not_spent_by_the_next(alice: User) -> None:
    client = come_with(alice, codes_of(alice)[0])
    client.post(WAIT, {"act": "abandon"})
    come(alice, client)
    client.post(people.mailed_link(ALICE))
    assert people.signed_in_as(client) == "alice"
    assert queries.codes_of(alice).left == 8
