"""Addresses of the console's pages for acts of moderation, below /admin/moderation/."""

from __future__ import annotations

from django.urls import path

from releases import views_moderation, views_policy_staff

urlpatterns = [
    path("", views_moderation.overview, name="moderation"),
    path("names/", views_moderation.names, name="moderate_names"),
    path("reports/", views_moderation.reports, name="moderate_reports"),
    path("report/<int:pk>/", views_moderation.report, name="moderate_report"),
    path("policy-changes/", views_policy_staff.policy_changes, name="moderate_policy_changes"),
    path("policy-change/<int:pk>/", views_policy_staff.policy_change, name="moderate_policy_change"),
    path("limits/", views_moderation.limits, name="moderate_limits"),
    path("leaks/", views_moderation.leaks, name="moderate_leaks"),
    path("project/<str:name>/", views_moderation.project, name="moderate_project"),
    path("account/<str:username>/", views_moderation.account, name="moderate_account"),
]
