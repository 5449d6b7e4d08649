"""Addresses of the console's pages about the staff itself, below /admin/staff/."""

from __future__ import annotations

from django.urls import path

from accounts.views import staff

urlpatterns = [
    path("", staff.overview, name="staff"),
    path("propose/", staff.propose, name="staff_propose"),
    path("proposal/<int:pk>/", staff.proposal, name="staff_proposal"),
    path("factors/<str:username>/", staff.factors, name="staff_factors"),
    path("member/<str:username>/<str:role>/", staff.member, name="staff_member"),
]
