"""Addresses of people's accounts; `mfa.urls` has those of the second factor."""

from __future__ import annotations

from django.urls import path

from accounts.views import emails, entrance, overview, password

urlpatterns = [
    path("account/", overview.home, name="account_home"),
    path("account/history/", overview.history, name="account_history"),
    path("account/sessions/", overview.sessions, name="account_sessions"),
    path("account/login/", entrance.login, name="account_login"),
    path("account/signup/", entrance.signup, name="account_signup"),
    path("account/logout/", entrance.logout, name="account_logout"),
    path("account/verify/", entrance.verify_email, name="account_verify_email"),
    path("account/email/", emails.addresses, name="account_email"),
    path("account/password/", password.change, name="account_password"),
    path("account/password/reset/", password.ask_for_reset, name="account_reset_password"),
    path("account/password/reset/new/", password.set_new, name="account_reset_new"),
    path("account/password/reset/<str:uid>/<str:token>/", password.open_reset_link, name="account_reset_link"),
]
