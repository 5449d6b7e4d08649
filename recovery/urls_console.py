"""Addresses of the recovery desk in the console, below /admin/recovery/. None of them carries a case out."""

from __future__ import annotations

from django.urls import path

from recovery import case_acts, views_case, views_case_acts, views_console

urlpatterns = [
    path("queue/", views_console.queue, name="desk_queue"),
    path("queue/next/", views_console.take_next, name="desk_next"),
    path("queue/view/<int:pk>/drop/", views_console.drop_view, name="desk_view_drop"),
    path("case/<uuid:pk>/", views_case.case, name="desk_case"),
    path("case/<uuid:pk>/heartbeat/", views_case.heartbeat, name="desk_heartbeat"),
    *(
        path(f"case/<uuid:pk>/{act.code}/", views_case_acts.page_of(act), name=f"desk_{act.code}")
        for act in case_acts.ACTS
    ),
]
