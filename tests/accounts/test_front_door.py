"""From nothing to signed in with a second factor, as a person does it."""

import base64
import re

import pytest
from django_otp.oath import TOTP

from accounts.models import User, has_verified_email
from mfa.models import AuthenticatorApp, has_factor
from tests.support import people

pytestmark = pytest.mark.django_db

SIGN_UP = {"username": "Judy", "email": "judy@example.org", "password1": people.NEW_PASSWORD}


def app_code(base32_groups: str) -> str:
    return f"{TOTP(base64.b32decode(base32_groups.replace(' ', ''))).token():06d}"


def test_judy_signs_up_verifies_enrols_and_comes_back() -> None:
    browser = people.browser()
    response = browser.post("/account/signup/", SIGN_UP)
    assert response["Location"] == "/account/verify/"
    judy = User.objects.get(username="judy")
    assert not has_verified_email(judy)
    assert people.signed_in_as(browser) == ""

    response = browser.post("/account/verify/", {"code": people.mailed_code("judy@example.org")})
    assert response["Location"] == "/account/"
    assert has_verified_email(judy)
    assert people.signed_in_as(browser) == "judy"

    page = browser.get("/account/security/totp/?next=/account/history/")
    assert page["Location"] == "/account/security/codes/?next=%2Faccount%2Fhistory%2F"
    page = browser.post(page["Location"], {"act": "generate", "next": "/account/history/"})
    codes = page.context["plain"]
    assert len(codes) == 8
    typed_back = {"act": "prove", "code": codes[3], "next": "/account/history/"}
    page = browser.post("/account/security/codes/", typed_back)
    assert page["Location"] == "/account/security/add/?next=%2Faccount%2Fhistory%2F"

    assert "/account/security/totp/?next=/account/history/" in browser.get(page["Location"]).text
    page = browser.get("/account/security/totp/?next=/account/history/")
    assert "<svg" in page.text
    secret = page.context["secret"]
    page = browser.post("/account/security/totp/", {"code": app_code(secret), "next": "/account/history/"})
    assert page["Location"] == "/account/security/?next=%2Faccount%2Fhistory%2F"
    page = browser.get(page["Location"])
    assert "Add another factor" in page.text
    assert '<a class="btn btn--primary" href="/account/history/">Go on where you were</a>' in page.text
    assert has_factor(judy)
    assert people.signed_in_as(browser) == "judy"

    browser.post("/account/logout/")
    assert people.signed_in_as(browser) == ""
    people.sign_in(browser, judy, password=people.NEW_PASSWORD)
    assert people.events(judy) == [
        "account.created",
        "email.verified",
        "account.signed-in",
        "recovery-codes.generated",
        "recovery-codes.proved",
        "factor.added",
        "account.signed-out",
        "account.signed-in",
    ]
    shown = browser.get("/account/history/").text
    assert "Signed in with password and authenticator app." in re.sub(r"\s+", " ", shown)
    assert AuthenticatorApp.objects.get(user=judy).bin_key.hex() not in shown
