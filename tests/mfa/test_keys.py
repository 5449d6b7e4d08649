"""Security keys: adding them, naming them, signing in and stepping up with them, removing them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import User
from indexsite.policies import STEP_UP_WINDOW
from mfa.models import RecoveryDevice, SecurityKey, count_factors, has_factor
from tests.mfa.test_enrolment import keep_codes
from tests.support import cast, people
from tests.support.authenticators import SoftKey

pytestmark = pytest.mark.django_db

KEYS = "/account/security/keys/"
ADD = "/account/security/keys/add/"
FACTOR = "/account/second-factor/"
LATER = STEP_UP_WINDOW + timedelta(minutes=1)


def options(client: Client, address: str, **data: str) -> dict:
    response = client.post(address, data, headers={"accept": "application/json"})
    assert response.status_code == 200, response.content
    return response.json()


def register(client: Client, key: SoftKey, name: str = "blue", kind: str = "key"):
    answer = key.create(options(client, f"{ADD}options/", kind=kind))
    return client.post(ADD, {"name": name, "credential": answer})


def at_the_second_factor(user: User) -> Client:
    client = people.browser()
    assert (
        client.post("/account/login/", {"username": user.username, "password": cast.PASSWORD}).status_code == 302
    )
    return client


def prove(client: Client, key: SoftKey, **data: str):
    answer = key.get(options(client, f"{FACTOR}options/"))
    return client.post(FACTOR, {"credential": answer, **data})


def sign_in_by_passkey(client: Client, key: SoftKey, **data: str):
    answer = key.get(options(client, "/account/login/passkey/options/"))
    return client.post("/account/login/passkey/", {"credential": answer, **data})


# -- adding -----------------------------------------------------------------------------------------------


def test_a_key_is_added_after_codes_were_kept_and_counts_as_a_factor(carol: User) -> None:
    EmailAddress.objects.create(user=carol, email="second@example.org", verified=True)
    client, other = people.browser(carol), people.browser(carol)
    assert client.get(ADD)["Location"] == "/account/security/codes/"
    refused = client.post(f"{ADD}options/", headers={"accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (409, "recovery-codes-first")
    keep_codes(client)
    session = client.session.session_key
    key = SoftKey()
    assert register(client, key, "the blue one").status_code == 302
    row = SecurityKey.objects.get(user=carol)
    assert (row.name, bytes(row.credential_id), row.transports) == ("the blue one", key.credential_id, ["usb"])
    assert has_factor(carol)
    assert client.session.session_key != session
    assert people.signed_in_as(client) == "carol"
    assert people.signed_in_as(other) == ""
    assert client.get("/account/").wsgi_request.actor.factor == row.persistent_id
    told = [letter.to[0] for letter in people.letters() if letter.subject == "A second factor was added"]
    assert sorted(told) == ["carol@example.org", "second@example.org"]
    assert 'security key "the blue one"' in str(people.letters()[-1].body)
    assert people.events(carol)[-1] == "factor.added"
    assert "the blue one" in client.get(KEYS).text


def test_no_attestation_is_asked_for_and_a_passkey_has_to_know_its_owner(carol: User) -> None:
    client = people.browser(carol)
    keep_codes(client)
    key = options(client, f"{ADD}options/", kind="key")
    assert key["attestation"] == "none"
    assert key["authenticatorSelection"]["userVerification"] == "discouraged"
    assert key["authenticatorSelection"]["residentKey"] == "discouraged"
    passkey = options(client, f"{ADD}options/", kind="passkey")
    assert passkey["attestation"] == "none"
    assert passkey["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    refused = client.post(ADD, {"name": "x", "credential": SoftKey(verifies=False).create(passkey)})
    assert refused.status_code == 400
    assert not has_factor(carol)


def test_a_person_has_several_keys_with_names_of_their_own(alice: User) -> None:
    client = people.browser(alice)
    keep_codes(client)
    first = SoftKey()
    assert register(client, first, "blue").status_code == 302
    assert [entry["id"] for entry in options(client, f"{ADD}options/")["excludeCredentials"]]
    refused = register(client, SoftKey(), " BLUE ")
    assert refused.status_code == 400
    assert "Another of your keys has this name." in refused.text
    assert register(client, SoftKey(), "red").status_code == 302
    assert register(client, SoftKey(), "").status_code == 400
    assert register(client, SoftKey(), "x" * 65).status_code == 400
    assert [key.name for key in SecurityKey.objects.filter(user=alice)] == ["blue", "red"]
    assert count_factors(alice) == 3


def test_the_database_keeps_names_apart_too(alice: User) -> None:
    from django.db import IntegrityError

    cast.add_key(alice, "blue")
    with pytest.raises(IntegrityError):
        cast.add_key(alice, "BLUE")


def test_a_key_is_renamed(alice: User) -> None:
    cast.add_key(alice, "blue")
    cast.add_key(alice, "red")
    client = people.browser(alice)
    page = f"{KEYS}{SecurityKey.objects.get(name='blue').pk}/"
    assert client.post(page, {"act": "rename", "name": "Red"}).status_code == 400
    assert client.post(page, {"act": "rename", "name": "green <b>"}).status_code == 302
    assert "green &lt;b&gt;" in client.get(KEYS).text
    assert people.events(alice)[-1] == "factor.renamed"
    assert people.subjects(people.letters_to("alice@example.org"))[-1] == "A security key was renamed"


@pytest.mark.asvs("6.5.6", "6.3.7", "7.4.3")
def test_a_key_is_removed_by_typing_its_name_and_other_sessions_end(alice: User) -> None:
    cast.add_key(alice, "blue")
    client, other = people.browser(alice), people.browser(alice)
    page = f"{KEYS}{SecurityKey.objects.get().pk}/"
    wrong = client.post(page, {"act": "remove", "typed": "blu"})
    assert wrong.status_code == 400
    assert "This is not blue; nothing has changed." in wrong.text
    assert SecurityKey.objects.exists()
    assert client.post(page, {"act": "remove", "typed": "blue"}).status_code == 302
    assert not SecurityKey.objects.exists()
    assert people.signed_in_as(client) == "alice"
    assert people.signed_in_as(other) == ""
    assert people.events(alice)[-1] == "factor.removed"
    assert people.subjects(people.letters_to("alice@example.org"))[-1] == "A second factor was removed"
    # The session stood on that key: it has to prove the app now.
    assert client.post(page, {"act": "remove", "typed": "blue"})["Location"].startswith(FACTOR)
    people.prove_factor(client, alice)
    assert client.post(page, {"act": "remove", "typed": "blue"}).status_code == 404


def test_the_last_factor_stays_while_a_role_needs_one(dave: User) -> None:
    cast.ProjectFactory(name="davelib", owner=dave)
    key = cast.add_key(dave, "blue")
    client = at_the_second_factor(dave)
    prove(client, key)
    page = f"{KEYS}{SecurityKey.objects.get().pk}/"
    assert "Remove this key" not in client.get(page).text
    assert client.post(page, {"act": "remove", "typed": "blue"}).status_code == 403
    assert has_factor(dave)
    cast.add_key(dave, "red")
    assert client.post(page, {"act": "remove", "typed": "blue"}).status_code == 302
    # And one key and one app are two.
    cast.add_totp(dave)
    assert count_factors(dave) == 2


def test_recovery_codes_go_with_the_last_factor_only(carol: User) -> None:
    client = people.browser(carol)
    keep_codes(client)
    register(client, SoftKey(), "blue")
    register(client, SoftKey(), "red")
    for name, left in (("blue", True), ("red", False)):
        page = f"{KEYS}{SecurityKey.objects.get(name=name).pk}/"
        client.post(page, {"act": "remove", "typed": name})
        assert RecoveryDevice.objects.filter(user=carol).exists() is left
        if left:  # the proof in this session went with the other key
            codes_client = client.get(KEYS)
            assert codes_client.status_code == 200
    assert not has_factor(carol)


@pytest.mark.asvs("6.7.1")
def test_nobody_sees_or_changes_somebody_elses_key(alice: User, mallory: User) -> None:
    cast.add_key(alice, "blue")
    page = f"{KEYS}{SecurityKey.objects.get().pk}/"
    client = people.browser(mallory)
    assert client.get(page).status_code == 404
    assert client.post(page, {"act": "remove", "typed": "blue"}).status_code == 404
    assert client.post(page, {"act": "rename", "name": "mine"}).status_code == 404
    assert SecurityKey.objects.get().name == "blue"


@pytest.mark.asvs("7.5.1", "7.5.3")
@pytest.mark.parametrize("address", [ADD, f"{ADD}options/", KEYS + "1/"])
def test_every_change_needs_a_recent_proof(alice: User, address: str) -> None:
    cast.add_key(alice)
    client = people.browser(alice)
    pk = SecurityKey.objects.get().pk
    with time_machine.travel(LATER, tick=True):
        response = client.post(address.replace("1/", f"{pk}/"), {"name": "x"})
        assert response["Location"].startswith(FACTOR)
        refused = client.post(f"{ADD}options/", headers={"accept": "application/json"})
        assert (refused.status_code, refused.json()["code"]) == (403, "step-up-needed")


# -- signing in -------------------------------------------------------------------------------------------


@pytest.mark.asvs("6.3.3")
def test_password_and_key_let_in(dave: User) -> None:
    key = cast.add_key(dave, verifies=False, discoverable=False)
    client = at_the_second_factor(dave)
    page = client.get(FACTOR)
    assert page.context["ways"].key
    assert not page.context["ways"].app
    assert people.signed_in_as(client) == ""
    assert prove(client, key)["Location"] == "/account/"
    row = SecurityKey.objects.get()
    assert people.signed_in_as(client) == "dave"
    assert row.sign_count == 1
    assert row.last_used_at is not None
    assert client.get("/account/").wsgi_request.actor.factor == row.persistent_id
    assert "password and security key" in client.get("/account/history/").text


def test_a_passkey_lets_in_by_itself(dave: User) -> None:
    key = cast.add_key(dave)
    client = people.browser()
    assert sign_in_by_passkey(client, key, next="/account/tokens/")["Location"] == "/account/tokens/"
    assert people.signed_in_as(client) == "dave"
    actor = client.get("/account/").wsgi_request.actor
    assert actor.factor == SecurityKey.objects.get().persistent_id
    assert actor.factor_at is not None
    assert "Signed in with passkey." in client.get("/account/history/").text
    assert client.get("/account/email/").status_code == 200  # fresh, as after any sign-in


def test_a_passkey_whose_owner_has_no_verified_address_stops_at_the_address() -> None:
    ivan = cast.person("ivan", verified=False, totp=False)
    client = people.browser()
    assert sign_in_by_passkey(client, cast.add_key(ivan))["Location"] == "/account/verify/"
    assert people.signed_in_as(client) == ""


def test_a_frozen_account_is_not_opened_by_a_passkey(dave: User) -> None:
    key = cast.add_key(dave)
    User.objects.filter(pk=dave.pk).update(is_active=False, frozen_at=cast.clock.now())
    client = people.browser()
    response = sign_in_by_passkey(client, key)
    assert response["Location"] == "/account/login/"
    assert "This account is frozen" in client.get("/account/login/").text
    assert people.signed_in_as(client) == ""


def test_a_passkey_opens_an_account_that_guesses_have_locked(alice: User) -> None:
    key = cast.add_key(alice)
    for _ in range(12):
        people.browser().post("/account/login/", {"username": "alice", "password": "wrong"})
    right = {"username": "alice", "password": cast.PASSWORD}
    assert people.browser().post("/account/login/", right).status_code == 429
    client = people.browser()
    assert sign_in_by_passkey(client, key).status_code == 302
    assert people.signed_in_as(client) == "alice"


def test_a_key_passes_where_guesses_at_codes_have_locked_the_second_factor(alice: User) -> None:
    key = cast.add_key(alice)
    client = at_the_second_factor(alice)
    for _ in range(6):
        client.post(FACTOR, {"code": "000000"})
    assert client.post(FACTOR, {"code": cast.totp_code(alice)}).status_code == 429
    assert prove(client, key).status_code == 302
    assert people.signed_in_as(client) == "alice"


def test_app_and_recovery_code_stay_ways_in_beside_a_key(alice: User) -> None:
    cast.add_key(alice)
    client = at_the_second_factor(alice)
    page = client.get(FACTOR)
    assert (page.context["ways"].key, page.context["ways"].app) == (True, True)
    assert page.text.index("Use your key") < page.text.index("six digits")
    assert client.post(FACTOR, {"code": cast.totp_code(alice)}).status_code == 302


# -- stepping up ------------------------------------------------------------------------------------------


@pytest.mark.asvs("7.2.4")
def test_a_key_renews_the_proof_and_the_session(dave: User) -> None:
    key = cast.add_key(dave)
    client = people.browser()
    sign_in_by_passkey(client, key)
    session = client.session.session_key
    with time_machine.travel(LATER, tick=True):
        assert client.get("/account/email/")["Location"].startswith(FACTOR)
        assert "password" not in client.get(FACTOR).context["form"].fields
        assert prove(client, key, next="/account/email/")["Location"] == "/account/email/"
        assert client.get("/account/email/").status_code == 200
        assert client.session.session_key != session


def test_the_proof_of_a_removed_key_counts_no_more(dave: User) -> None:
    key = cast.add_key(dave)
    cast.add_key(dave, "red")
    client = people.browser()
    sign_in_by_passkey(client, key)
    cast.lose_factors(dave, name="blue")
    actor = client.get("/account/").wsgi_request.actor
    assert (actor.factor, actor.factor_at) == ("", None)
    assert client.get("/account/email/")["Location"].startswith(FACTOR)


def test_related_origins_are_told() -> None:
    response = people.browser().get("/.well-known/webauthn")
    assert json.loads(response.content) == {"origins": ["http://testserver"]}
