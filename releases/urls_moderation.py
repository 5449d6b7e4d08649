"""Addresses of the console's pages for acts of moderation, below /admin/moderation/."""

from __future__ import annotations

from django.urls import path

from releases import views_moderation

urlpatterns = [
    path("", views_moderation.overview, name="moderation"),
    path("names/", views_moderation.names, name="moderate_names"),
    path("project/<str:name>/", views_moderation.project, name="moderate_project"),
    path("account/<str:username>/", views_moderation.account, name="moderate_account"),
]
