"""The second factor at sign-in: nothing is open before it, a code counts once, guesses are limited."""

from datetime import timedelta

import pytest
import time_machine
from django.test import override_settings
from django_otp import DEVICE_ID_SESSION_KEY, verify_token
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import known_devices
from accounts.models import User
from mfa import totp
from mfa.actions import challenge
from tests.support import cast, people

pytestmark = pytest.mark.django_db

PAGE = "/account/second-factor/"


def at_the_second_factor(user: User, *, known: bool = True, **where: str):
    client = people.known_browser(user) if known else people.browser()
    client.post("/account/login/", {"username": user.username, "password": cast.PASSWORD}, **where)
    return client


def test_a_password_alone_opens_nothing(alice: User) -> None:
    client = at_the_second_factor(alice)
    for path in (
        "",
        "security/",
        "security/codes/",
        "security/totp/",
        "email/",
        "password/",
        "sessions/",
        "history/",
    ):
        assert client.get(f"/account/{path}")["Location"].startswith("/account/login/"), path
    assert "carol" not in client.get(PAGE).text


def test_the_code_lets_in_and_binds_the_device_to_a_new_session(alice: User) -> None:
    client = at_the_second_factor(alice)
    key = client.session.session_key
    assert client.post(PAGE, {"code": cast.totp_code(alice)})["Location"] == "/account/"
    assert client.session.session_key != key
    device = TOTPDevice.objects.get(user=alice)
    assert client.session[DEVICE_ID_SESSION_KEY] == device.persistent_id
    actor = client.get("/account/").wsgi_request.actor
    assert actor.factor == device.persistent_id
    assert actor.factor_at is not None
    assert actor.user == alice


@pytest.mark.asvs("6.5.1")
@pytest.mark.parametrize("written", ["{0}{1}", "{0} {1}", " {0}-{1} ", "{0}\u00a0{1}"])
def test_a_code_counts_once_however_it_is_written(alice: User, written: str) -> None:
    code = cast.totp_code(alice)
    typed = written.format(code[:3], code[3:])
    assert at_the_second_factor(alice).post(PAGE, {"code": typed}).status_code == 302
    # Without what the device remembers, the same code would open a second session: the attack works.
    people.forget_last_code(alice)
    assert at_the_second_factor(alice).post(PAGE, {"code": code}).status_code == 302
    for again in (code, typed, f"{code[:2]} {code[2:4]} {code[4:]}"):
        assert at_the_second_factor(alice).post(PAGE, {"code": again}).status_code == 400


@pytest.mark.asvs("6.5.5", "6.5.8")
def test_codes_of_the_neighbouring_steps_pass_and_no_older_one_after_them(alice: User) -> None:
    assert at_the_second_factor(alice).post(PAGE, {"code": cast.totp_code(alice, steps=1)}).status_code == 302
    assert at_the_second_factor(alice).post(PAGE, {"code": cast.totp_code(alice)}).status_code == 400
    assert at_the_second_factor(alice).post(PAGE, {"code": cast.totp_code(alice, steps=3)}).status_code == 400


@pytest.mark.parametrize(
    "typed",
    ["", "12345", "1234567", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16", "+12345", "1_2_3_4_5_6", "-1"],
)
def test_what_is_no_code_is_refused_in_the_same_words(alice: User, typed: str) -> None:
    response = at_the_second_factor(alice).post(PAGE, {"code": typed})
    assert response.status_code == 400
    if typed:
        assert "This code is not right, or has been used" in response.text


def guess_in_unknown_browsers(user: User, tries: int) -> list[int]:
    """Whoever has the password and no cookie, each time from another place."""
    answers = []
    for number in range(tries):
        where = {"REMOTE_ADDR": f"203.0.113.{number}"}
        client = at_the_second_factor(user, known=False, **where)
        answers.append(client.post(PAGE, {"code": "000000"}, **where).status_code)
    return answers


@pytest.mark.asvs("6.3.1")
def test_guesses_are_limited_per_person_also_across_browsers_and_places(alice: User) -> None:
    assert guess_in_unknown_browsers(alice, 7) == [400] * 5 + [429] * 2
    new = at_the_second_factor(alice, known=False)
    assert new.post(PAGE, {"code": cast.totp_code(alice)}).status_code == 429
    with time_machine.travel(timedelta(minutes=6), tick=True):
        new = at_the_second_factor(alice, known=False)
        assert new.post(PAGE, {"code": cast.totp_code(alice)}).status_code == 302
    assert people.events(alice).count("factor.failed") == 5


def test_whoever_has_the_password_does_not_shut_out_the_owners_browser(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, inside = at_the_second_factor(alice), people.browser(alice)
    people.forget_last_code(alice)
    guess_in_unknown_browsers(alice, 6)
    with monkeypatch.context() as patch:
        patch.setattr(challenge, "known_device", lambda *facts: None)
        assert owner.post(PAGE, {"code": cast.totp_code(alice)}).status_code == 429  # the attack works
    assert owner.post(PAGE, {"code": cast.totp_code(alice)}).status_code == 302
    # Nor out of confirming, and setting up, where the owner is signed in.
    people.forget_last_code(alice)
    assert inside.post(PAGE, {"code": cast.totp_code(alice)}).status_code == 302
    page = "/account/security/codes/"
    plain = inside.post(page, {"act": "generate"}).context["plain"]
    assert inside.post(page, {"act": "prove", "code": plain[0]}).status_code == 302
    # It is told, once.
    subjects = people.subjects(people.letters_to("alice@example.org"))
    assert subjects.count("Somebody who knows your password failed at your second factor") == 1


def test_a_thief_behind_the_owners_own_address_shuts_nobody_out(alice: User, bob: User) -> None:
    owner = at_the_second_factor(alice)
    for number in range(8):
        victim = cast.person(f"judy{number}")
        for _ in range(4):
            at_the_second_factor(victim, known=False).post(PAGE, {"code": "000000"})
    assert at_the_second_factor(bob, known=False).post(PAGE, {"code": cast.totp_code(bob)}).status_code == 429
    assert owner.post(PAGE, {"code": cast.totp_code(alice)}).status_code == 302


def test_a_known_browser_has_no_more_guesses_than_strangers(alice: User) -> None:
    clients = [at_the_second_factor(alice)]
    answers = [clients[0].post(PAGE, {"code": "000000"}).status_code for _ in range(7)]
    assert answers == [400] * 5 + [429] * 2
    # A cookie somebody made up is none.
    stranger = people.browser()
    stranger.cookies[known_devices.cookie_name("alice")] = "made up"
    stranger.post("/account/login/", {"username": "alice", "password": cast.PASSWORD})
    assert [stranger.post(PAGE, {"code": "000000"}).status_code for _ in range(6)] == [400] * 5 + [429]
    assert guess_in_unknown_browsers(alice, 1) == [429]


def test_guesses_are_limited_per_network_address_over_many_people() -> None:
    guessers = [at_the_second_factor(cast.person(f"judy{number}"), known=False) for number in range(32)]
    answers = [client.post(PAGE, {"code": "000000"}).status_code for client in guessers]
    assert answers == [400] * 30 + [429] * 2


def test_nobody_is_locked_out_for_days_by_somebody_elses_guesses(alice: User) -> None:
    device = TOTPDevice.objects.get(user=alice)
    with override_settings(OTP_TOTP_THROTTLE_FACTOR=1):  # django-otp's default, and the attack
        throttled = TOTPDevice.objects.get(pk=device.pk)
        for _ in range(20):
            throttled.throttle_increment()
        with time_machine.travel(timedelta(days=5), tick=True):
            assert verify_token(alice, device.persistent_id, cast.totp_code(alice)) is None
    with time_machine.travel(timedelta(minutes=6), tick=True):
        assert at_the_second_factor(alice).post(PAGE, {"code": cast.totp_code(alice)}).status_code == 302


def test_the_page_without_a_sign_in_leads_to_the_front_door() -> None:
    assert people.browser().get(PAGE)["Location"] == "/account/login/"


def test_a_sign_in_left_waiting_runs_out(alice: User) -> None:
    client = at_the_second_factor(alice)
    with time_machine.travel(timedelta(minutes=20), tick=True):
        assert client.post(PAGE, {"code": cast.totp_code(alice)})["Location"] == "/account/login/"
    assert people.signed_in_as(client) == ""


def test_somebody_elses_code_does_not_pass(alice: User, bob: User) -> None:
    assert at_the_second_factor(alice).post(PAGE, {"code": cast.totp_code(bob)}).status_code == 400


def test_the_proof_of_an_earlier_sign_in_does_not_pass_for_the_next(alice: User) -> None:
    client = people.browser(alice)
    kept = {key: client.session[key] for key in client.session.keys() if key.startswith("account_")}  # noqa: SIM118
    client.post("/account/logout/")
    session = client.session
    session.update(kept)  # the records of proof, left behind in the browser's session
    session.save()
    client.cookies["sessionid"] = session.session_key
    response = client.post("/account/login/", {"username": "alice", "password": cast.PASSWORD})
    assert response["Location"] == PAGE
    assert people.signed_in_as(client) == ""


def test_six_digits_are_found_in_what_people_type() -> None:
    assert totp.plain(" 123 456 ") == "123456"
    assert totp.plain("123-456") == "123456"
    assert totp.plain("12345a") == ""


@pytest.mark.asvs("6.3.5")
def test_the_owner_hears_of_somebody_who_has_the_password(alice: User) -> None:
    client = at_the_second_factor(alice)
    for _ in range(4):
        client.post(PAGE, {"code": "000000"})
    assert people.letters() == []
    for _ in range(4):
        client.post(PAGE, {"code": "000000"})
    warned = people.letters_to("alice@example.org")
    assert people.subjects(warned) == ["Somebody who knows your password failed at your second factor"]


def test_a_pasted_text_that_cannot_be_a_code_is_harmless(alice: User) -> None:
    assert at_the_second_factor(alice).post(PAGE, {"code": "\x00" * 3 + "123456"}).status_code == 400
    assert at_the_second_factor(alice).post(PAGE, {"code": "x" * 5000}).status_code == 400
