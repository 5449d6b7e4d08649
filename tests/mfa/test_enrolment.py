"""Setting up an authenticator app: first the address, then codes that were kept, then the app; on page and act."""

import base64
import re
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django_otp.oath import TOTP

from accounts.models import User
from indexsite.errors import Conflict, PermissionRefused
from mfa import totp
from mfa.actions import authenticator, codes
from mfa.models import AuthenticatorApp, FactorRemoval, RecoveryCode, has_factor
from tests.support import cast, people

pytestmark = pytest.mark.django_db

PAGE = "/account/security/totp/"
CODES = "/account/security/codes/"


def code_for(secret: str, steps: int = 0) -> str:
    generator = TOTP(base64.b32decode(secret.replace(" ", "")))
    generator.time = generator.time + steps * 30
    return f"{generator.token():06d}"


def keep_codes(client) -> list[str]:
    plain = client.post(CODES, {"act": "generate"}).context["plain"]
    assert client.post(CODES, {"act": "prove", "code": plain[0]}).status_code == 302
    return plain


def enrol(client) -> str:
    """Walk the whole way; returns the secret."""
    keep_codes(client)
    secret = client.get(PAGE).context["secret"]
    assert client.post(PAGE, {"code": code_for(secret)}).status_code == 302
    return secret


def test_without_kept_codes_neither_page_nor_act_goes_on(carol: User) -> None:
    client = people.browser(carol)
    assert client.get(PAGE)["Location"] == CODES
    # The order is asked for on the form's way too: a planted secret does not get past it.
    session = client.session
    secret = totp.new_secret()
    session["mfa_new_app"] = {"secret": secret, "at": cast.clock.now().timestamp()}
    session.save()
    right = {"code": code_for(totp.base32(secret))}
    assert client.post(PAGE, right)["Location"] == CODES
    client.post(CODES, {"act": "generate"})  # made, but not shown to be kept
    assert client.get(PAGE)["Location"] == CODES
    assert client.post(PAGE, right)["Location"] == CODES
    with pytest.raises(Conflict):
        authenticator.enrol(
            actor=cast.actor(carol), secret=secret, code=right["code"], keep_session="", at=cast.clock.now()
        )
    assert not has_factor(carol)


def test_without_a_verified_address_there_is_neither_code_nor_factor(carol: User) -> None:
    EmailAddress.objects.filter(user=carol).update(verified=False)
    with pytest.raises(PermissionRefused, match="no verified e-mail"):
        codes.generate_codes(actor=cast.actor(carol), at=cast.clock.now())
    with pytest.raises(PermissionRefused, match="no verified e-mail"):
        authenticator.require_prepared(cast.actor(carol))


def test_used_up_codes_count_as_none(carol: User) -> None:
    client = people.browser(carol)
    keep_codes(client)
    RecoveryCode.objects.update(used_at=cast.clock.now())
    assert client.get(PAGE)["Location"] == CODES


def test_enrolment_ends_other_sessions_renews_this_one_and_tells_every_address(carol: User) -> None:
    EmailAddress.objects.create(user=carol, email="second@example.org", verified=True)
    client, other = people.browser(carol), people.browser(carol)
    key = client.session.session_key
    secret = enrol(client)
    assert client.session.session_key != key
    assert people.signed_in_as(client) == "carol"
    assert people.signed_in_as(other) == ""
    assert client.get("/account/").wsgi_request.actor.factor_at is not None
    told = [letter.to[0] for letter in people.letters() if letter.subject == "A second factor was added"]
    assert sorted(told) == ["carol@example.org", "second@example.org"]
    assert people.events(carol)[-1] == "factor.added"
    assert "mfa_new_app" not in client.session
    # Neither secret nor key in what is told or kept about it.
    key_hex = AuthenticatorApp.objects.get(user=carol).bin_key.hex()
    words = [str(letter.body) for letter in people.letters()] + [str(e.data) for e in carol.audit_events.all()]
    assert not any(part in text for text in words for part in (secret, secret.replace(" ", ""), key_hex))


def test_the_code_of_the_enrolment_does_not_sign_in(carol: User) -> None:
    client = people.browser(carol)
    secret = enrol(client)
    thief = people.browser()
    thief.post("/account/login/", {"username": "carol", "password": cast.PASSWORD})
    assert thief.post("/account/second-factor/", {"code": code_for(secret)}).status_code == 400


@pytest.mark.parametrize("steps", [-10, -5, -2, 2, 7, 10])
def test_a_phone_with_a_wrong_clock_is_told_so(carol: User, steps: int) -> None:
    with time_machine.travel(1_800_000_000, tick=False):  # the middle of nowhere, but still
        client = people.browser(carol)
        keep_codes(client)
        secret = client.get(PAGE).context["secret"]
        response = client.post(PAGE, {"code": code_for(secret, steps)})
        assert response.status_code == 400
        assert "clock of your phone is off" in response.text
        assert "clock of your phone" not in client.post(PAGE, {"code": code_for(secret, 12)}).text
        failures = carol.audit_events.filter(name="factor.set-up-failed").order_by("pk")
        assert [row.data["reason"] for row in failures] == ["the code was of another minute", "the code was wrong"]
        assert not has_factor(carol)
        assert client.post(PAGE, {"code": code_for(secret, 1)}).status_code == 302


def test_the_page_works_without_scripts_and_shows_the_secret_in_three_ways(carol: User) -> None:
    client = people.browser(carol)
    keep_codes(client)
    response = client.get(PAGE)
    page = response.text
    secret = response.context["secret"]
    assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", secret)
    assert secret in page
    link = f'href="otpauth://totp/indexsite:carol?secret={secret.replace(" ", "")}&amp;issuer=indexsite'
    assert link in page
    assert "<svg" in page
    assert "style=" not in page.partition("<svg")[2].partition("</svg>")[0]
    assert 'autocomplete="one-time-code"' in page
    assert 'inputmode="numeric"' in page
    assert "data:text/plain" in client.post(CODES, {"act": "generate"}).text


def test_reloading_keeps_the_secret_that_was_scanned(carol: User) -> None:
    client = people.browser(carol)
    keep_codes(client)
    assert client.get(PAGE).context["secret"] == client.get(PAGE).context["secret"]


def test_a_secret_that_was_shown_long_ago_is_not_the_one_that_is_set_up(alice: User) -> None:
    """Whoever was in the session for a moment could note it down, and wait for its owner to scan it."""
    client = people.browser(alice)
    keep_codes(client)
    seen = client.get(PAGE).context["secret"]
    with time_machine.travel(timedelta(hours=1), tick=True):
        people.prove_factor(client, alice)
        assert client.get(PAGE).context["secret"] != seen
        assert client.post(PAGE, {"code": code_for(seen)}).status_code == 400


def test_a_person_has_one_app_and_a_new_one_takes_its_place(carol: User) -> None:
    client = people.browser(carol)
    enrol(client)
    first = AuthenticatorApp.objects.get(user=carol)
    secret = client.get(PAGE).context["secret"]
    assert client.post(PAGE, {"code": code_for(secret)}).status_code == 302
    second = AuthenticatorApp.objects.get(user=carol)
    assert second.key != first.key
    removal = FactorRemoval.objects.get(device=first.persistent_id)
    assert (removal.ground, removal.event.name) == ("replaced", "factor.added")
    assert people.signed_in_as(client) == "carol"
    assert "A second factor was replaced" in people.subjects(people.letters_to("carol@example.org"))
    with pytest.raises(IntegrityError), transaction.atomic():
        cast.add_totp(carol)


@pytest.mark.asvs("6.5.6", "6.3.7")
def test_the_app_is_removed_with_its_codes_and_every_address_is_told(carol: User) -> None:
    client = people.browser(carol)
    enrol(client)
    assert client.post(PAGE, {"act": "remove"})["Location"] == "/account/security/"
    assert not has_factor(carol)
    assert not RecoveryCode.objects.good().filter(device__user=carol).exists()
    removed = FactorRemoval.objects.filter(user=carol).values_list("kind", "ground", "event__name")
    assert set(removed) == {("app", "removed", "factor.removed"), ("codes", "removed", "factor.removed")}
    assert people.subjects(people.letters_to("carol@example.org"))[-1] == "A second factor was removed"
    assert people.events(carol)[-1] == "factor.removed"
    assert client.post(PAGE, {"act": "remove"}).status_code == 409
    people.sign_in(people.browser(), carol)


def test_whoever_has_a_role_keeps_a_factor(alice: User) -> None:
    cast.ProjectFactory(name="sampleproject", owner=alice)
    client = people.browser(alice)
    response = client.post(PAGE, {"act": "remove"})
    assert response.status_code == 403
    assert "You have a role in a project" in response.text
    assert has_factor(alice)
    keep_codes(client)
    assert "Remove the app" not in client.get(PAGE).text
    assert client.get(PAGE).context["form"]  # replacing stays open


@pytest.mark.asvs("7.5.1")
@pytest.mark.parametrize("data", [{"act": "remove"}, {"code": "123456"}])
def test_every_change_needs_a_recent_proof(alice: User, data: dict[str, str]) -> None:
    client = people.browser(alice)
    with time_machine.travel(timedelta(minutes=31), tick=True):
        assert client.post(PAGE, data)["Location"].startswith("/account/second-factor/?next=")
        assert client.post(CODES, {"act": "generate"})["Location"].startswith("/account/second-factor/?next=")
    stale = cast.actor(alice, fresh=False)
    for change in (
        lambda: authenticator.remove(actor=stale, keep_session="", at=cast.clock.now()),
        lambda: codes.generate_codes(actor=stale, at=cast.clock.now()),
        lambda: authenticator.enrol(
            actor=stale, secret=totp.new_secret(), code="1", keep_session="", at=cast.clock.now()
        ),
    ):
        with pytest.raises(PermissionRefused, match="Confirm that it is you"):
            change()
    assert has_factor(alice)


def test_the_security_page_leads_step_by_step_and_back_to_the_interrupted_act(carol: User) -> None:
    client = people.browser(carol)
    page = client.get("/account/security/?next=/account/history/")
    assert (page.context["done"], len(page.context["items"])) == (1, 4)
    assert page.context["todo_url"] == f"{CODES}?next=%2Faccount%2Fhistory%2F"
    assert page.text.count("btn--primary") == 1
    client.post(CODES, {"act": "generate"})
    assert client.get("/account/security/").context["todo"].act == "Check your codes"
    enrol(client)
    page = client.get("/account/security/?next=/account/history/")
    assert page.context["done"] == 3
    assert 'href="/account/history/">Go on where you were' in page.text


@pytest.mark.asvs("6.3.3")
def test_whoever_needs_a_factor_is_sent_to_get_one_and_back(dave: User, rf) -> None:
    from indexsite.http import detour

    request = people.browser(dave).get("/account/?x=1").wsgi_request
    refusal = PermissionRefused("User 'dave' must set up a second factor.", code="second-factor-required")
    response = detour(request, refusal)
    assert response is not None
    assert response["Location"] == "/account/security/?next=%2Faccount%2F%3Fx%3D1"
    assert detour(request, PermissionRefused("No.", code="no-role")) is None
