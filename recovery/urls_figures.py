"""The console's page of figures."""

from __future__ import annotations

from django.urls import path

from recovery import views_figures

urlpatterns = [path("", views_figures.figures, name="recovery_figures")]
