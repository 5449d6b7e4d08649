"""Addresses of the second factor."""

from __future__ import annotations

from django.urls import path

from mfa.views import challenge, security

urlpatterns = [
    path("account/second-factor/", challenge.second_factor, name="second_factor"),
    path("account/security/", security.overview, name="account_security"),
    path("account/security/codes/", security.recovery, name="recovery_codes"),
    path("account/security/totp/", security.authenticator_app, name="totp"),
]
