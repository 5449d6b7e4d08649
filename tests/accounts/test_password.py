"""Changing the password and getting a new one by mail; neither is a way around the second factor."""

from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django_q.models import OrmQ

from accounts import known_devices
from accounts.models import KnownDevice, User
from tests.support import cast, people
from tests.support.worker import run_queued

pytestmark = pytest.mark.django_db
LINK_SUBJECT = "Set a new password for indexsite"


def change(client, old: str = cast.PASSWORD, new: str = people.NEW_PASSWORD):
    return client.post("/account/password/", {"password": old, "password1": new})


def ask(email: str, client=None):
    return (client or people.browser()).post("/account/password/reset/", {"email": email})


def reset(client, address: str, new: str = people.NEW_PASSWORD):
    """Ask, follow the link, set the password."""
    ask(address, client)
    response = client.get(people.mailed_link(address))
    assert response["Location"] == "/account/password/reset/new/"
    return client.post(response["Location"], {"password1": new})


@pytest.mark.asvs("6.2.2", "6.3.7", "7.4.3")
def test_a_change_ends_all_other_sessions_and_tells_every_address(alice: User) -> None:
    EmailAddress.objects.create(user=alice, email="old@example.org", verified=True)
    EmailAddress.objects.create(user=alice, email="unverified@example.org", verified=False)
    mine, other = people.browser(alice), people.browser(alice)
    key = mine.session.session_key
    assert change(mine)["Location"] == "/account/security/"
    assert people.signed_in_as(mine) == "alice"
    assert mine.session.session_key != key
    assert people.signed_in_as(other) == ""
    told = [letter.to[0] for letter in people.letters() if letter.subject == "Your password was changed"]
    assert sorted(told) == ["alice@example.org", "old@example.org"]
    assert people.events(alice)[-1] == "password.changed"
    people.sign_in(people.browser(), alice, password=people.NEW_PASSWORD)


@pytest.mark.asvs("6.2.3")
def test_a_change_needs_the_present_password(carol: User) -> None:
    client = people.browser(carol)
    response = change(client, old="wrong")
    assert response.status_code == 400
    assert response.context["form"].errors["password"]
    assert change(client, new="carolcarol").context["form"].errors["password1"]
    carol.refresh_from_db()
    assert carol.check_password(cast.PASSWORD)


@pytest.mark.asvs("7.5.1")
def test_a_change_needs_a_recent_proof(alice: User) -> None:
    client = people.browser(alice)
    with time_machine.travel(timedelta(minutes=31), tick=True):
        assert change(client)["Location"] == "/account/second-factor/?next=%2Faccount%2Fpassword%2F"
    alice.refresh_from_db()
    assert alice.check_password(cast.PASSWORD)


@pytest.mark.asvs("6.4.3")
def test_a_reset_is_not_a_way_around_the_second_factor(alice: User) -> None:
    client = people.browser()
    assert reset(client, "alice@example.org")["Location"] == "/account/login/"
    assert "The password of alice is changed; sign in with it." in client.get("/account/login/").text
    new = {"username": "alice", "password": people.NEW_PASSWORD}
    assert client.post("/account/login/", new)["Location"] == "/account/second-factor/"
    assert people.signed_in_as(client) == ""
    for path in ("/account/", "/account/security/", "/account/email/", "/account/password/"):
        assert client.get(path)["Location"].startswith("/account/login/"), path
    assert client.post("/account/second-factor/", {"code": cast.totp_code(alice)})["Location"] == "/account/"
    assert people.signed_in_as(client) == "alice"
    assert people.events(alice) == ["password.reset-requested", "password.reset", "account.signed-in"]


def test_the_link_of_somebody_else_signs_nobody_in(carol: User) -> None:
    """carol, who has no factor, sends her own link: whoever follows it must not end up in her account."""
    victim = people.browser()
    reset(victim, "carol@example.org")
    assert people.signed_in_as(victim) == ""


def test_a_browser_in_which_a_password_was_reset_is_known(carol: User) -> None:
    client = people.browser()
    reset(client, "carol@example.org")
    assert client.cookies[known_devices.cookie_name("carol")].value
    assert KnownDevice.objects.get(user=carol).session is None


@pytest.mark.asvs("6.3.7", "7.4.3")
def test_a_reset_ends_all_sessions_and_tells_every_address(carol: User) -> None:
    EmailAddress.objects.create(user=carol, email="second@example.org", verified=True)
    other = people.browser(carol)
    assert reset(people.browser(), "second@example.org").status_code == 302
    assert people.signed_in_as(other) == ""
    told = [letter.to[0] for letter in people.letters() if letter.subject == "Your password was changed"]
    assert sorted(told) == ["carol@example.org", "second@example.org"]


@pytest.mark.asvs("6.5.1", "6.4.1")
def test_a_link_works_once_and_its_token_leaves_the_address_bar(carol: User) -> None:
    ask("carol@example.org")
    link = people.mailed_link("carol@example.org")
    first, second = people.browser(), people.browser()
    for client in (first, second):
        response = client.get(link)
        assert response["Referrer-Policy"] == "no-referrer"
        assert client.get(response["Location"]).status_code == 200
    assert first.post("/account/password/reset/new/", {"password1": people.NEW_PASSWORD}).status_code == 302
    late = second.post("/account/password/reset/new/", {"password1": "another violin for the lighthouse"})
    assert late.status_code == 400
    assert "used or is too old" in late.text
    carol.refresh_from_db()
    assert carol.check_password(people.NEW_PASSWORD)


def use(link: str) -> int:
    client = people.browser()
    client.get(link)
    return client.post("/account/password/reset/new/", {"password1": people.NEW_PASSWORD}).status_code


def test_a_link_dies_with_time_sign_in_password_and_addresses(carol: User) -> None:
    ask("carol@example.org")
    link = people.mailed_link("carol@example.org")
    with time_machine.travel(timedelta(minutes=61), tick=True):
        assert use(link) == 400
    EmailAddress.objects.create(user=carol, email="new@example.org", verified=True)
    assert use(link) == 400
    EmailAddress.objects.filter(email="new@example.org").delete()
    people.browser(carol)
    assert use(link) == 400


@pytest.mark.parametrize("uid", ["MQ", "!!", "x" * 300, "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"])
def test_a_forged_link_sets_nothing(uid: str, carol: User) -> None:
    assert use(f"/account/password/reset/{uid}/d0abcd-0123456789abcdef/") == 400


def test_without_a_link_there_is_nothing_to_set() -> None:
    client = people.browser()
    assert "Open the link" in client.get("/account/password/reset/new/").text
    assert client.post("/account/password/reset/new/", {"password1": people.NEW_PASSWORD}).status_code == 400


@pytest.mark.asvs("6.3.8")
def test_every_address_gets_the_same_answer_for_the_same_work(
    alice: User, dave: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.filter(pk=dave.pk).update(is_active=False)
    cast.person("erin", verified=False)
    hashes = people.HashCounter(monkeypatch)
    seen = set()
    addresses = ["alice@example.org", "nobody@example.org", "erin@example.org", "dave@example.org"]
    for address in addresses:
        queued, answer = OrmQ.objects.count(), []
        cost = hashes.during(lambda: answer.append(ask(address)))  # noqa: B023
        page = people.without_secrets_of_the_form(answer[0].text).replace(address, "")
        seen.add((answer[0].status_code, cost, OrmQ.objects.count() - queued, page))
    assert len(seen) == 1
    run_queued()
    got = {address: people.subjects(people.letters_to(address)) for address in addresses}
    nobody = ["No account with this address at indexsite"]
    assert got == {addresses[0]: [LINK_SUBJECT], addresses[1]: nobody, addresses[2]: nobody, addresses[3]: nobody}


def test_asking_is_limited_per_address_known_or_not(alice: User) -> None:
    for address in ("alice@example.org", "nobody@example.org"):
        assert [ask(address).status_code for _ in range(6)] == [200] * 5 + [429]
    assert ask("nonsense").status_code == 400


def test_a_weak_password_does_not_use_up_the_link(carol: User) -> None:
    client = people.browser()
    assert reset(client, "carol@example.org", new="carolcarol").status_code == 400
    assert client.post("/account/password/reset/new/", {"password1": people.NEW_PASSWORD}).status_code == 302


def test_a_reset_in_the_browser_of_somebody_else_ends_their_session(alice: User, carol: User) -> None:
    client = people.browser(carol)
    assert reset(client, "alice@example.org")["Location"] == "/account/login/"
    assert people.signed_in_as(client) == ""


def test_a_sign_in_that_waits_for_the_factor_dies_with_the_password(alice: User) -> None:
    thief = people.browser()
    thief.post("/account/login/", {"username": "alice", "password": cast.PASSWORD})
    assert reset(people.browser(), "alice@example.org").status_code == 302
    response = thief.post("/account/second-factor/", {"code": cast.totp_code(alice)})
    assert response["Location"] == "/account/login/"
    assert people.signed_in_as(thief) == ""


def test_a_password_is_set_without_the_old_one_where_there_is_none(alice: User) -> None:
    client = people.browser(alice)
    alice.set_unusable_password()
    alice.save()
    assert people.signed_in_as(client) == ""  # the change itself ended the session
    reset(client, "alice@example.org")
    people.forget_last_code(alice)
    people.sign_in(client, alice, password=people.NEW_PASSWORD)
