"""Addresses that machines read: the simple API, files, the JSON API and the feeds."""

from django.urls import path, re_path

from releases import api_json, views_feeds, views_files, views_simple

urlpatterns = [
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
]
