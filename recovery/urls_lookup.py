"""Addresses of the console's pages for looking somebody or something up, below /admin/look-up/."""

from __future__ import annotations

from django.urls import path

from recovery import views_lookup

urlpatterns = [
    path("", views_lookup.search, name="look_up"),
    path("account/<str:username>/", views_lookup.account, name="look_up_account"),
    path("project/<str:name>/", views_lookup.project, name="look_up_project"),
]
