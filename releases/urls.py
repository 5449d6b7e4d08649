"""Addresses of the index: what machines read, what visitors read, the upload, and pages for members."""

from __future__ import annotations

from django.urls import path, re_path

from releases import api_json, api_legacy, views, views_feeds, views_files, views_manage, views_simple

urlpatterns = [
    # -- for machines
    path("simple/", views_simple.simple_root, name="simple_root"),
    path("simple", views_simple.simple_slash),
    path("simple/<str:name>/", views_simple.simple_project, name="simple_project"),
    path("simple/<str:name>", views_simple.simple_slash),
    re_path(
        r"^files/(?P<aa>[0-9a-f]{2})/(?P<bb>[0-9a-f]{2})/(?P<rest>[0-9a-f]{60})/(?P<filename>[^/]+)$",
        views_files.file,
        name="file",
    ),
    path("pypi/<str:name>/json", api_json.project_json, name="project_json"),
    path("pypi/<str:name>/json/", api_json.project_json),
    path("pypi/<str:name>/<str:version>/json", api_json.release_json, name="release_json"),
    path("pypi/<str:name>/<str:version>/json/", api_json.release_json),
    path("rss/updates.xml", views_feeds.updates, name="rss_updates"),
    path("rss/packages.xml", views_feeds.packages, name="rss_packages"),
    path("rss/project/<str:name>/releases.xml", views_feeds.project_releases, name="rss_project"),
    # -- for visitors
    path("", views.home, name="home"),
    path("search/", views.search, name="search"),
    path("project/<str:name>/", views.project, name="project"),
    path("project/<str:name>/<str:version>/", views.project_release, name="project_release"),
    path("user/<str:username>/", views.user, name="user"),
    # -- for those who publish
    # Both spellings answer: clients do not follow a redirect with a body.
    path("legacy/", api_legacy.upload, name="legacy_upload"),
    path("legacy", api_legacy.upload),
    path("legacy/+simple/<str:name>/", api_legacy.simple_beside, name="legacy_simple"),
    path("manage/projects/", views_manage.projects, name="manage_projects"),
    path("manage/project/<str:name>/", views_manage.project, name="manage_project"),
    path("manage/project/<str:name>/releases/", views_manage.releases, name="manage_releases"),
    path("manage/project/<str:name>/people/", views_manage.people, name="manage_people"),
    path("manage/project/<str:name>/tokens/", views_manage.tokens, name="manage_tokens"),
    path("manage/project/<str:name>/settings/", views_manage.settings, name="manage_settings"),
    path("manage/project/<str:name>/history/", views_manage.history, name="manage_history"),
]
