"""Addresses of the owner's side of recoveries, and of what everybody may read about them."""

from __future__ import annotations

from django.urls import path

from recovery import views_figures, views_owner

urlpatterns = [
    path("recovery/cancel/<str:token>/", views_owner.by_link, name="recovery_owner_link"),
    path("recovery/policy/", views_figures.policy, name="recovery_policy"),
    path("recovery/policy.json", views_figures.policy_json, name="recovery_policy_json"),
    path("account/recovery/", views_owner.own, name="account_recovery"),
    path("account/vouch/", views_owner.vouch, name="account_vouch"),
]
