"""Addresses of this app."""

from __future__ import annotations

from django.urls import path

from tokens import api, views

urlpatterns = [
    path("account/tokens/", views.token_list, name="account_tokens"),
    path("account/tokens/create/", views.token_create, name="token_create"),
    path("account/tokens/revoke-all/", views.token_revoke_all, name="token_revoke_all"),
    path("account/tokens/<uuid:pk>/revoke/", views.token_revoke, name="token_revoke"),
    path("api/v1/token/", api.token, name="api_token"),
    # Not a redirect: `curl -f` takes a 301 for success, and a pipeline would believe that its token works.
    path("api/v1/token", api.token),
]
