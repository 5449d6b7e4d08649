"""Addresses of people's accounts; `mfa.urls` has those of the second factor."""

from __future__ import annotations

from django.urls import path

from accounts.views import closing, emails, entrance, muting, new_place, not_me, overview, password, signing_keys

urlpatterns = [
    path("account/", overview.home, name="account_home"),
    path("account/history/", overview.history, name="account_history"),
    path("account/sessions/", overview.sessions, name="account_sessions"),
    path("account/login/", entrance.login, name="account_login"),
    path("account/signup/", entrance.signup, name="account_signup"),
    path("account/logout/", entrance.logout, name="account_logout"),
    path("account/confirm-sign-in/", new_place.wait, name="account_confirm_sign_in"),
    path("account/confirm-sign-in/<str:token>/", new_place.open_link, name="account_confirm_sign_in_link"),
    path("account/not-me/<str:token>/", not_me.not_me, name="account_not_me"),
    path("account/verify/", entrance.verify_email, name="account_verify_email"),
    path("account/close/", closing.close, name="account_close"),
    path("account/signing-keys/", signing_keys.keys, name="signing_keys"),
    path("account/signing-keys/<int:pk>/", signing_keys.prove, name="signing_key"),
    path("account/signing-keys/<int:pk>/remove/", signing_keys.remove, name="signing_key_remove"),
    path("account/letters/", muting.choose, name="account_letters"),
    path("account/freeze/", not_me.freeze, name="account_freeze"),
    path("account/email/", emails.addresses, name="account_email"),
    path("account/password/", password.change, name="account_password"),
    path("account/password/reset/", password.ask_for_reset, name="account_reset_password"),
    path("account/password/reset/new/", password.set_new, name="account_reset_new"),
    path("account/password/reset/<str:uid>/<str:token>/", password.open_reset_link, name="account_reset_link"),
]
