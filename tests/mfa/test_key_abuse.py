"""What an attacker could do with answers of keys: replay, swap, downgrade, copy, confuse; and garbage."""

from __future__ import annotations

import functools
import json
import random
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django_otp_webauthn.helpers import WebAuthnHelper

from accounts.models import User
from mfa.ceremonies import MAX_ANSWER
from mfa.models import SecurityKey, has_factor
from tests.mfa.test_enrolment import keep_codes
from tests.mfa.test_keys import (
    ADD,
    FACTOR,
    KEYS,
    LATER,
    at_the_second_factor,
    options,
    prove,
    register,
    sign_in_by_passkey,
)
from tests.support import cast, people
from tests.support.at_once import at_once
from tests.support.authenticators import SoftKey, b64, unb64
from tests.support.races import meet

pytestmark = pytest.mark.django_db

PASSKEY = "/account/login/passkey/"


def passkey_options(client: Client) -> dict:
    return options(client, f"{PASSKEY}options/")


def refused(client: Client, answer: str) -> None:
    """The passkey's answer opens nothing, and the page says so."""
    assert client.post(PASSKEY, {"credential": answer})["Location"] == "/account/login/"
    assert people.signed_in_as(client) == ""


# -- the downgrade: a challenge given out where no PIN is needed, answered where one is --------------------


def test_the_library_by_itself_takes_a_second_factor_for_a_whole_sign_in(mallory: User, dave: User) -> None:
    """The attack: begun after Mallory's own password, finished with Dave's stolen key, without Dave's PIN."""
    helper = WebAuthnHelper(None)
    stolen = cast.add_key(dave)
    stolen.verifies = False  # whoever found it does not know the PIN
    begun, state = helper.authenticate_begin(mallory, require_user_verification=False)
    assert helper.authenticate_complete(None, state, json.loads(stolen.get(begun))).user == dave


def test_a_challenge_of_the_second_factor_signs_nobody_in_by_itself(mallory: User, dave: User) -> None:
    stolen = cast.add_key(dave)
    stolen.verifies = False
    client = at_the_second_factor(mallory)
    begun = options(client, f"{FACTOR}options/")
    assert begun["userVerification"] == "discouraged"
    with time_machine.travel(timedelta(minutes=20), tick=True):  # Mallory's own sign-in has run out
        assert client.get(FACTOR)["Location"] == "/account/login/"
        refused(client, stolen.get(begun))
    client = at_the_second_factor(mallory)
    refused(client, stolen.get(options(client, f"{FACTOR}options/")))


@pytest.mark.asvs("6.5.7")
def test_a_passkey_without_its_pin_signs_nobody_in(dave: User) -> None:
    key = cast.add_key(dave)
    client = people.browser()
    begun = passkey_options(client)
    assert (begun["userVerification"], begun["allowCredentials"]) == ("required", [])
    key.verifies = False
    refused(client, key.get(begun))
    key.verifies = True
    refused(client, key.get(begun))  # the challenge is spent by the failure
    assert sign_in_by_passkey(client, key).status_code == 302
    assert people.signed_in_as(client) == "dave"


# -- answers out of place ---------------------------------------------------------------------------------


@pytest.mark.asvs("6.5.1")
def test_an_answer_is_good_once(dave: User) -> None:
    key = cast.add_key(dave, counts=False)
    client = people.browser()
    answer = key.get(passkey_options(client))
    assert client.post(PASSKEY, {"credential": answer})["Location"] == "/account/"
    client.post("/account/logout/")
    refused(client, answer)
    other = people.browser()
    passkey_options(other)
    refused(other, answer)


@pytest.mark.asvs("6.7.2")
def test_challenges_are_long_and_never_come_twice(dave: User) -> None:
    client = people.browser()
    found = {options(client, "/account/login/passkey/options/")["challenge"] for _ in range(20)}
    assert len(found) == 20
    assert all(len(unb64(challenge)) * 8 >= 64 for challenge in found)


def test_an_answer_in_another_session_is_worth_nothing(dave: User) -> None:
    key = cast.add_key(dave)
    client, thief = people.browser(), people.browser()
    answer = key.get(passkey_options(client))
    refused(thief, answer)  # has no challenge
    passkey_options(thief)
    refused(thief, answer)  # has another one


def test_a_challenge_swapped_for_another_is_refused(dave: User) -> None:
    key = cast.add_key(dave)
    client = people.browser()
    begun = passkey_options(client)
    refused(client, key.get({**begun, "challenge": b64(b"chosen by the attacker")}))


@pytest.mark.parametrize("minutes", [-1, 7])
def test_a_challenge_runs_out(dave: User, minutes: int) -> None:
    key = cast.add_key(dave)
    client = people.browser()
    answer = key.get(passkey_options(client))
    with time_machine.travel(timedelta(minutes=minutes), tick=True):
        refused(client, answer)


def test_a_challenge_serves_the_purpose_it_was_given_out_for(dave: User) -> None:
    """All nine ways to carry an answer from one form to another."""
    key = cast.add_key(dave)
    client = people.browser()
    sign_in_by_passkey(client, key)
    keep_codes(client)
    new = SoftKey()
    to_add = options(client, f"{ADD}options/", kind="passkey")
    to_prove = options(client, f"{FACTOR}options/")
    # Registering with a challenge of a proof, and proving with one of a registration.
    assert client.post(ADD, {"name": "x", "credential": new.create({**to_add, **to_prove})}).status_code == 400
    to_add = options(client, f"{ADD}options/", kind="passkey")
    assert client.post(FACTOR, {"credential": key.get(to_add)}).status_code == 400
    # An answer of one kind in the form of the other, under the right challenge.
    to_add = options(client, f"{ADD}options/", kind="passkey")
    assert client.post(ADD, {"name": "x", "credential": key.get(to_add)}).status_code == 400
    to_prove = options(client, f"{FACTOR}options/")
    as_new = new.create({**to_prove, "user": to_add["user"]})
    assert client.post(FACTOR, {"credential": as_new}).status_code == 400
    assert SecurityKey.objects.count() == 1
    # A step-up's challenge at the door of a later sign-in, in the same browser.
    to_prove = options(client, f"{FACTOR}options/")
    client.post("/account/logout/")
    refused(client, key.get(to_prove))
    client = at_the_second_factor(dave)
    assert client.post(FACTOR, {"credential": key.get(to_prove)}).status_code == 400
    # And that of a sign-in at the second factor.
    assert client.post(FACTOR, {"credential": key.get(passkey_options(client))}).status_code == 400
    assert prove(client, key).status_code == 302


# -- keys of others ---------------------------------------------------------------------------------------


def test_somebody_elses_key_is_no_second_factor(dave: User, mallory: User) -> None:
    own = cast.add_key(mallory, "own")
    cast.add_key(dave, "blue")
    client = at_the_second_factor(dave)
    response = prove(client, own)
    assert response.status_code == 400
    assert "This key is not registered here for you" in response.text
    assert people.signed_in_as(client) == ""
    assert people.events(dave)[-1] == "factor.failed"


def test_somebody_elses_key_is_no_step_up(dave: User, mallory: User) -> None:
    key, own = cast.add_key(dave), cast.add_key(mallory, "own")
    client = people.browser()
    sign_in_by_passkey(client, key)
    with time_machine.travel(LATER, tick=True):
        assert prove(client, own).status_code == 400
        assert client.get("/account/email/").status_code == 302


def test_a_passkey_that_names_another_owner_is_refused(dave: User, mallory: User) -> None:
    """The key is Mallory's and signs rightly; the handle in its answer is Dave's."""
    own, victim = cast.add_key(mallory, "own"), cast.add_key(dave)
    client = people.browser()
    refused(client, own.get(passkey_options(client), userHandle=b64(victim.handle)))
    refused(client, own.get(passkey_options(client), userHandle=None))
    assert sign_in_by_passkey(client, own).status_code == 302
    assert people.signed_in_as(client) == "mallory"


@pytest.mark.asvs("6.7.1")
def test_a_key_is_registered_with_one_account(dave: User, carol: User) -> None:
    key = cast.add_key(dave)
    client = people.browser(carol)
    keep_codes(client)
    again = SoftKey(credential_id=key.credential_id)  # the same name tag on another key
    response = register(client, again)
    assert response.status_code == 409
    assert "registered already" in response.text
    assert not has_factor(carol)


@pytest.mark.asvs("6.7.1")
def test_a_forged_signature_is_refused_and_does_not_make_the_key_look_copied(dave: User) -> None:
    key = cast.add_key(dave, counter=40)
    client = at_the_second_factor(dave)
    forged = SoftKey(credential_id=key.credential_id, handle=key.handle, counter=1)
    response = prove(client, forged)
    assert response.status_code == 400
    assert "could not be verified" in response.text
    assert SecurityKey.objects.get().set_aside_at is None
    assert prove(client, key).status_code == 302


# -- copies -----------------------------------------------------------------------------------------------


def test_a_copied_key_is_found_out_by_its_counter_and_set_aside(dave: User) -> None:
    key = cast.add_key(dave, counter=5)
    copy = key.copy()
    client = people.browser()
    sign_in_by_passkey(client, key)
    sign_in_by_passkey(people.browser(), key)
    thief = people.browser()
    assert sign_in_by_passkey(thief, copy)["Location"] == "/account/login/"
    assert people.signed_in_as(thief) == ""
    assert "a copied key does" in thief.get("/account/login/").text
    assert SecurityKey.objects.get().set_aside_at is not None
    assert people.events(dave)[-1] == "factor.clone-suspected"
    assert people.subjects(people.letters_to("dave@example.org"))[-1] == "A security key may have been copied"
    # Neither opens anything now, and the account does not fall back to the password.
    assert sign_in_by_passkey(people.browser(), key)["Location"] == "/account/login/"
    assert has_factor(dave)
    waiting = at_the_second_factor(dave)
    assert not waiting.get(FACTOR).context["ways"].key
    assert "Set aside" in client.get(KEYS).text


def test_a_counter_that_stands_still_looks_copied_too_and_one_of_zero_does_not(dave: User) -> None:
    passkey = cast.add_key(dave, "passkey", counts=False)
    for _ in range(3):
        assert sign_in_by_passkey(people.browser(), passkey)["Location"] == "/account/"
    stuck = cast.add_key(dave, "stuck", counts=False, counter=7)
    assert sign_in_by_passkey(people.browser(), stuck)["Location"] == "/account/login/"
    assert SecurityKey.objects.get(name="stuck").set_aside_at is not None
    assert SecurityKey.objects.get(name="passkey").set_aside_at is None


def test_a_counter_may_be_as_large_as_the_specification_lets_it(dave: User) -> None:
    key = cast.add_key(dave, counter=2**32 - 2)
    assert sign_in_by_passkey(people.browser(), key)["Location"] == "/account/"
    assert SecurityKey.objects.get().sign_count == 2**32 - 1


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.django_db(transaction=True)
def test_one_answer_sent_four_times_at_once_is_accepted_once(
    counts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From one session, all having read its challenge before the first forgot it.

    A passkey does not count; a key that does must not be taken for a copy of itself: somebody has clicked twice.
    """
    dave = cast.person("dave", totp=False)
    key = cast.add_key(dave, counts=counts)
    client = people.browser()
    answer = key.get(passkey_options(client))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    clients = []
    for _ in range(4):
        twin = people.browser()
        twin.cookies[settings.SESSION_COOKIE_NAME] = cookie
        clients.append(twin)
    meet(monkeypatch, "mfa.actions.key_proof._accept", parties=4, patience=10)
    answers = at_once([functools.partial(twin.post, PASSKEY, {"credential": answer}) for twin in clients])
    assert Counter(response.headers.get("Location") for response in answers)["/account/"] == 1
    assert all(response.status_code < 500 for response in answers)
    assert people.events(dave).count("account.signed-in") == 1
    assert not SecurityKey.objects.exclude(set_aside_at=None).exists()


# -- other sites ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ({"origin": "https://index.example.evil"}, "a page that is not ours"),
        ({"origin": "http://localhost.evil"}, "a page that is not ours"),
        ({"cross_origin": True}, "a page that is not ours"),
        ({"rp_id": "evil.example"}, "could not be verified"),
    ],
)
def test_what_was_signed_for_another_site_is_refused(dave: User, part: dict, sentence: str) -> None:
    key = cast.add_key(dave)
    client = at_the_second_factor(dave)
    for name, value in part.items():
        setattr(key, name, value)
    response = prove(client, key)
    assert response.status_code == 400
    assert sentence in response.text
    refused(client, key.get(passkey_options(client)))


def test_a_key_is_not_registered_from_another_site(carol: User) -> None:
    client = people.browser(carol)
    keep_codes(client)
    assert register(client, SoftKey(origin="https://evil.example")).status_code == 400
    assert register(client, SoftKey(rp_id="evil.example")).status_code == 400
    assert not has_factor(carol)


# -- garbage ----------------------------------------------------------------------------------------------

GARBAGE = [
    "",
    "null",
    "[]",
    "{}",
    "{",
    '"text"',
    "1e999",
    "[" * (MAX_ANSWER - 1),
    '{"id":' * 2000,
    "x" * (MAX_ANSWER + 1),
    "\x00",
    '{"id": "\ud83d", "rawId": "&", "type": "public-key", "response": {"clientDataJSON": "AAAA"}}'.encode(
        errors="surrogatepass"
    ).decode(errors="replace"),
    '{"id": 1, "rawId": [], "type": {}, "response": "x"}',
]


@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_refused_everywhere_and_breaks_nothing(dave: User, text: str) -> None:
    key = cast.add_key(dave)
    client = people.browser()
    passkey_options(client)
    refused(client, text)
    waiting = at_the_second_factor(dave)
    options(waiting, f"{FACTOR}options/")
    assert waiting.post(FACTOR, {"credential": text}).status_code == 400
    sign_in_by_passkey(client, key)
    keep_codes(client)
    options(client, f"{ADD}options/")
    assert client.post(ADD, {"name": "x", "credential": text}).status_code == 400


def test_any_part_of_an_answer_may_be_anything(dave: User, carol: User) -> None:
    """Every leaf of a good answer, replaced by what does not belong there: refused, never an error of ours."""
    key = cast.add_key(dave)
    waiting = at_the_second_factor(dave)
    adding = people.browser(carol)
    keep_codes(adding)
    draw = random.Random(20261121)
    junk = [None, True, 0, -1, 1e300, [], {}, "", "=", "é", "A", "\x00", "A" * 5000, ["x"], {"rk": {"rk": 1}}]
    for _ in range(150):
        answer = json.loads(key.get(options(waiting, f"{FACTOR}options/")))
        _spoil(answer, draw, junk)
        answered = waiting.post(FACTOR, {"credential": json.dumps(answer)})
        assert answered.status_code in {302, 400, 429}
        new = json.loads(SoftKey().create(options(adding, f"{ADD}options/")))
        _spoil(new, draw, junk)
        assert adding.post(ADD, {"name": draw.choice("abcdef"), "credential": json.dumps(new)}).status_code < 500
        people.forget_limits()
        if answered.status_code == 302 and people.signed_in_as(waiting):
            waiting = at_the_second_factor(dave)
        for name in "abcdef":
            cast.lose_factors(carol, name=name)


def _spoil(answer: dict, draw: random.Random, junk: list) -> None:
    holder = answer["response"] if draw.random() < 0.7 else answer
    holder[draw.choice(sorted(holder))] = draw.choice(junk)


def test_signed_bytes_may_be_anything_too(dave: User) -> None:
    draw = random.Random(4)
    key = cast.add_key(dave)
    client = at_the_second_factor(dave)
    for _ in range(60):
        answer = json.loads(key.get(options(client, f"{FACTOR}options/")))
        part = draw.choice(["clientDataJSON", "authenticatorData", "signature"])
        answer["response"][part] = b64(draw.randbytes(draw.choice([0, 1, 36, 37, 200])))
        assert client.post(FACTOR, {"credential": json.dumps(answer)}).status_code == 400
        people.forget_limits()


def test_uses_of_keys_are_limited_per_network_address(dave: User) -> None:
    client = people.browser()
    answers = [client.post(PASSKEY, {"credential": "{}"}) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {302}
    codes = [client.post(f"{PASSKEY}options/").status_code for _ in range(305)]
    assert codes.count(200) == 300
    assert codes[-1] == 429
