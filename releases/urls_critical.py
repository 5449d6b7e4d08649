"""Addresses of the console's pages about the critical list, below /admin/critical/."""

from __future__ import annotations

from django.urls import path

from releases import views_critical

urlpatterns = [
    path("", views_critical.overview, name="critical"),
    path("queue/", views_critical.queue, name="critical_queue"),
    path("propose/", views_critical.propose, name="critical_propose"),
    path("proposal/<int:pk>/", views_critical.proposal, name="critical_proposal"),
]
