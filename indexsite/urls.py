"""Every address, app by app."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from indexsite import admin_site, api, site_pages, views_health
from indexsite.styleguide import styleguide

urlpatterns: list[URLPattern | URLResolver] = [
    # Before the console's own addresses, the last of which takes whatever is left below /admin/.
    path("admin/staff/", include("accounts.urls_staff")),
    path("admin/audit/", include("indexsite.urls_audit")),
    path("admin/critical/", include("releases.urls_critical")),
    path("admin/look-up/", include("recovery.urls_lookup")),
    path("admin/moderation/", include("releases.urls_moderation")),
    path("admin/recovery/figures/", include("recovery.urls_figures")),
    path("admin/recovery/", include("recovery.urls_console")),
    path("admin/", admin_site.site.urls),
    path("help/", site_pages.help_page, name="help"),
    path("help/problems/", site_pages.help_problems, name="help_problems"),
    path("security/", site_pages.security_page, name="security"),
    path(".well-known/security.txt", site_pages.security_txt, name="security_txt"),
    path("", include("accounts.urls")),
    path("", include("mfa.urls")),
    path("", include("recovery.urls")),
    path("healthz", views_health.healthz, name="healthz"),
    path("readyz", views_health.readyz, name="readyz"),
    path("metrics", views_health.metrics, name="metrics"),
    path("", include("releases.urls")),
    path("", include("tokens.urls")),
    path("", include("recovery.urls_owner")),
    path("api/v1/", api.root, name="api_root"),
    path("api/v1/schema/", api.schema, name="api_schema"),
    path("api/v1/docs/", api.docs, name="api_docs"),
    # Last below /api/: programs get a problem, not a page.
    path("api/v1/<path:rest>", api.nothing),
]

handler400 = "indexsite.http.bad_request"
handler403 = "indexsite.http.permission_denied"
handler404 = "indexsite.http.page_not_found"
handler500 = "indexsite.http.server_error"

if settings.DEBUG:
    urlpatterns += [path("styleguide/", styleguide, name="styleguide")]
