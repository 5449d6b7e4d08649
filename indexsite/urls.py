"""Every address, app by app."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, URLResolver, path

from indexsite.styleguide import styleguide

urlpatterns: list[URLPattern | URLResolver] = []

if settings.DEBUG:
    urlpatterns += [path("styleguide/", styleguide, name="styleguide")]
