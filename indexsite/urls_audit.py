"""Addresses of the console's pages about the audit trail, below /admin/audit/."""

from __future__ import annotations

from django.urls import path

from indexsite import views_audit

urlpatterns = [
    path("", views_audit.trail, name="audit_trail"),
    path("seals/", views_audit.seals, name="audit_seals"),
    path("event/<int:number>/", views_audit.event, name="audit_event"),
]
