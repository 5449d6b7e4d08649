"""Addresses of the second factor."""

from __future__ import annotations

from django.urls import path

from mfa.views import challenge, keys, mailbox, passkey, security

urlpatterns = [
    path(".well-known/webauthn", passkey.related_origins, name="related_origins"),
    path("account/login/passkey/", passkey.sign_in, name="passkey_sign_in"),
    path("account/login/passkey/options/", passkey.options, name="passkey_options"),
    path("account/second-factor/", challenge.second_factor, name="second_factor"),
    path("account/second-factor/resume/", challenge.pending_form, name="pending_form"),
    path("account/second-factor/options/", challenge.second_factor_options, name="second_factor_options"),
    path("account/security/", security.overview, name="account_security"),
    path("account/security/add/", security.add, name="security_add"),
    path("account/security/codes/", security.recovery, name="recovery_codes"),
    path("account/security/totp/", security.authenticator_app, name="totp"),
    path("account/security/mailbox/", mailbox.mailbox_check, name="mailbox_check"),
    path("account/security/keys/", keys.overview, name="security_keys"),
    path("account/security/keys/add/", keys.add, name="security_key_add"),
    path("account/security/keys/add/options/", keys.add_options, name="security_key_options"),
    path("account/security/keys/<int:pk>/", keys.one, name="security_key"),
]
