"""Signing up: which names and passwords are taken, and that nothing tells who is here already."""

import re
from datetime import timedelta

import allauth.account.forms
import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.core import context
from django.test import RequestFactory
from django_q.models import OrmQ

from accounts import usernames
from accounts.models import ProhibitedUsername, User, has_verified_email
from indexsite import limits
from indexsite.limits import Limit
from tests.support import cast, people

pytestmark = pytest.mark.django_db


def sign_up(client=None, **changes: str):
    fields = {"username": "judy", "email": "judy@example.org", "password1": people.NEW_PASSWORD, **changes}
    return (client or people.browser()).post("/account/signup/", fields)


@pytest.mark.parametrize("name", ["judy", "j", "j.u-d_y", "9lives", "a" * 50])
def test_names_in_the_rules_are_taken(name: str) -> None:
    assert sign_up(username=name)["Location"] == "/account/verify/"
    assert User.objects.filter(username=name).exists()


@pytest.mark.parametrize(
    "name",
    ["-judy", "judy.", "_", "ju dy", "jüdy", "judy\n.", "a" * 51, "\u212aelvin", "judy/../x", "judy@example"],
)
def test_names_outside_the_rules_are_refused_at_the_field(name: str) -> None:
    response = sign_up(username=name)
    assert response.status_code == 400
    assert response.context["form"].errors["username"]
    assert not User.objects.exists()


def test_case_makes_no_second_name(alice: User) -> None:
    assert sign_up(username="ALICE").status_code == 400
    assert sign_up(username="Judy")["Location"] == "/account/verify/"
    assert User.objects.get(username="judy")


def test_taken_reserved_and_prohibited_names_share_one_sentence(alice: User) -> None:
    ProhibitedUsername.objects.create(name="numpy", reason="a project of that name")
    sentences = {
        sign_up(username=name).context["form"].errors["username"].as_text() for name in ("alice", "Admin", "NumPy")
    }
    assert len(sentences) == 1
    assert {"admin", "root", "security", "support"} <= usernames.RESERVED


@pytest.mark.asvs("6.2.1", "6.2.4", "6.2.11")
@pytest.mark.parametrize(
    ("password", "part"),
    [
        ("short", "at least 8"),
        ("judyjudy", "easy to guess"),
        ("judy@example.org", "easy to guess"),
        ("password123", "easy to guess"),
        ("qwertyuiop1234", "easy to guess"),
        ("x" * 5000, "at most 4096"),
    ],
)
def test_weak_passwords_are_refused_with_a_reason(password: str, part: str) -> None:
    response = sign_up(password1=password)
    assert response.status_code == 400
    assert part in response.context["form"].errors["password1"].as_text()


@pytest.mark.asvs("6.2.9")
def test_a_long_password_with_spaces_at_its_ends_is_kept_as_typed() -> None:
    password = "  nine tin boats and " + "a rhyme " * 40
    assert sign_up(password1=password).status_code == 302
    assert User.objects.get(username="judy").check_password(password)


@pytest.mark.asvs("6.3.8")
def test_a_known_address_gets_the_same_answer_the_same_work_and_another_letter(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = people.HashCounter(monkeypatch)
    seen = {}
    for name, address in (("judy", "judy@example.org"), ("eve", "alice@example.org")):
        client, queued = people.browser(), OrmQ.objects.count()
        cost = hashes.during(lambda: seen.update({name: sign_up(client, username=name, email=address)}))  # noqa: B023
        page = client.get("/account/verify/").text.replace(address, "")
        seen[name] = (
            seen[name]["Location"],
            cost,
            OrmQ.objects.count() - queued,
            people.without_secrets_of_the_form(page),
        )
    assert seen["judy"] == seen["eve"]
    assert seen["judy"][:3] == ("/account/verify/", 1, 1)
    assert people.subjects(people.letters_to("judy@example.org")) == ["Your code for indexsite"]
    assert people.subjects(people.letters_to("alice@example.org")) == ["Your address was entered at indexsite"]


def test_allauths_own_form_would_tell_by_the_free_name_who_is_here(alice: User, rf: RequestFactory) -> None:
    request = rf.post("/")
    request.session = {}
    with context.request_context(request):
        fields = {"username": "probe", "email": alice.email, "password1": people.NEW_PASSWORD}
        form = allauth.account.forms.SignupForm(fields)
        assert form.is_valid()
        assert form.account_already_exists  # no account is made: the name stays free, and that shows
    # Ours makes the account; whether the name is free afterwards says nothing.
    for name, address in (("probe1", alice.email), ("probe2", "nobody@example.org")):
        sign_up(username=name, email=address)
        assert sign_up(username=name, email="third@example.org").status_code == 400


def test_whoever_entered_a_known_address_never_gets_past_verification(alice: User) -> None:
    client = people.browser()
    sign_up(client, email=alice.email)
    for letter in people.letters():
        assert not people.MAILED_CODE.search(letter.body)
    code = client.session["account_email_verification_code"]["code"]  # even with the code itself
    response = client.post("/account/verify/", {"code": code})
    assert response.status_code == 409
    assert not has_verified_email(User.objects.get(username="judy"))


def test_an_unverified_account_can_do_nothing_but_verify() -> None:
    client = people.browser()
    sign_up(client)
    paths = ("", "security/", "security/codes/", "security/totp/", "email/", "password/", "sessions/", "history/")
    for path in paths:
        response = client.get(f"/account/{path}")
        assert response["Location"].startswith("/account/login/?next="), path
    judy = User.objects.get(username="judy")
    again = people.browser()
    response = again.post("/account/login/", {"username": "judy", "password": people.NEW_PASSWORD})
    assert response["Location"] == "/account/verify/"
    assert not has_verified_email(judy)


@pytest.mark.asvs("6.4.1")
def test_a_new_code_makes_the_one_before_void() -> None:
    client = people.browser()
    sign_up(client)
    first = people.mailed_code("judy@example.org")
    client.post("/account/verify/", {"act": "resend"})
    second = people.mailed_code("judy@example.org")
    assert first != second
    assert client.post("/account/verify/", {"code": first}).status_code == 400
    assert client.post("/account/verify/", {"code": second.lower().replace("-", " ")}).status_code == 302


def test_resending_ends_some_time() -> None:
    client = people.browser()
    sign_up(client)
    answers = [client.post("/account/verify/", {"act": "resend"}).status_code for _ in range(6)]
    assert answers == [302] * 4 + [302] * 2
    assert len(people.letters_to("judy@example.org")) == 5


def test_a_mistyped_address_is_corrected_before_it_is_verified() -> None:
    client = people.browser()
    sign_up(client, email="jduy@example.org")
    client.post("/account/verify/", {"act": "change", "email": "judy@example.org"})
    judy = User.objects.get(username="judy")
    assert judy.email == "judy@example.org"
    assert list(EmailAddress.objects.filter(user=judy).values_list("email", "primary")) == [
        ("judy@example.org", True)
    ]
    assert client.post("/account/verify/", {"code": people.mailed_code("jduy@example.org")}).status_code == 400
    assert client.post("/account/verify/", {"code": people.mailed_code("judy@example.org")}).status_code == 302
    assert people.signed_in_as(client) == "judy"


def test_a_correction_is_refused_in_place_when_it_is_no_address() -> None:
    client = people.browser()
    sign_up(client)
    response = client.post("/account/verify/", {"act": "change", "email": "nonsense"})
    assert response.status_code == 400
    assert response.context["beside"].errors["email"]


@pytest.mark.asvs("6.4.1", "6.6.3")
def test_wrong_codes_void_the_code() -> None:
    client = people.browser()
    sign_up(client)
    code = people.mailed_code("judy@example.org")
    answers = [client.post("/account/verify/", {"code": "BBBB-BBBB"}).status_code for _ in range(5)]
    assert answers == [400] * 4 + [302]
    assert client.post("/account/verify/", {"code": code})["Location"] == "/account/login/"
    assert not has_verified_email(User.objects.get(username="judy"))


@pytest.mark.asvs("6.6.3")
def test_guesses_sent_side_by_side_are_counted_all_the_same() -> None:
    """The count in the session is the attack: requests that start together all read the same one."""
    client = people.browser()
    sign_up(client)
    before = dict(client.session)
    answers = []
    for _ in range(12):
        session = client.session
        session.update(before)  # as it was when all of them started
        session.save()
        answers.append(client.post("/account/verify/", {"code": "BBBB-BBBB"}).status_code)
    assert answers[:10] == [400] * 10  # allauth alone would let this go on for ever
    assert answers[10:] == [429] * 2


@pytest.mark.asvs("6.4.1", "6.5.4", "6.5.5")
def test_a_mailed_code_is_random_and_good_for_ten_minutes() -> None:
    client = people.browser()
    sign_up(client)
    codes = {people.mailed_code("judy@example.org")}
    for _ in range(3):
        client.post("/account/verify/", {"act": "resend"})
        codes.add(people.mailed_code("judy@example.org"))
    assert len(codes) == 4
    assert all(re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", code) for code in codes)
    assert 20**8 > 2**20  # of twenty letters, at least
    with time_machine.travel(timedelta(minutes=10, seconds=1), tick=True):
        late = client.post("/account/verify/", {"code": people.mailed_code("judy@example.org")})
        assert late["Location"] == "/account/login/"
    assert not has_verified_email(User.objects.get(username="judy"))


def test_an_empty_code_is_asked_for_again() -> None:
    client = people.browser()
    sign_up(client)
    assert client.post("/account/verify/", {"code": ""}).status_code == 400


def test_the_verification_page_without_a_sign_in_leads_to_the_front_door() -> None:
    assert people.browser().get("/account/verify/")["Location"] == "/account/login/"


def test_sign_ups_from_one_address_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    rate = limits.Rate(2, 3600, "Too many new accounts from your network address")
    monkeypatch.setitem(limits.LIMITS, Limit.SIGN_UP_ADDRESS, rate)
    for number in range(2):
        assert sign_up(username=f"judy{number}", email=f"judy{number}@example.org").status_code == 302
    response = sign_up(username="judy9")
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 3000
    assert "Too many new accounts" in response.text


def test_letters_to_one_address_are_limited() -> None:
    """Nobody's mailbox is flooded through our form."""
    answers = [sign_up(username=f"judy{number}").status_code for number in range(7)]
    assert answers == [302] * 5 + [429] * 2


def test_the_form_shows_at_once_where_to_go_for_whoever_is_signed_in(carol: User) -> None:
    client = people.browser(carol)
    assert client.get("/account/signup/")["Location"] == "/account/"
    assert client.get("/account/login/?next=/account/email/")["Location"] == "/account/email/"
    assert cast.PASSWORD not in client.get("/account/history/").text
