"""Every address, app by app."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from indexsite import site_pages
from indexsite.styleguide import styleguide

urlpatterns: list[URLPattern | URLResolver] = [
    path("help/", site_pages.help_page, name="help"),
    path("help/problems/", site_pages.help_problems, name="help_problems"),
    path("security/", site_pages.security_page, name="security"),
    path(".well-known/security.txt", site_pages.security_txt, name="security_txt"),
    path("", include("accounts.urls")),
    path("", include("mfa.urls")),
]

if settings.DEBUG:
    urlpatterns += [path("styleguide/", styleguide, name="styleguide")]
