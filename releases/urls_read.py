"""Addresses that machines read: the JSON API and the feeds."""

from django.urls import path

from releases import api_json, views_feeds

urlpatterns = [
    path("pypi/<str:name>/json", api_json.project_json, name="project_json"),
    path("pypi/<str:name>/json/", api_json.project_json),
    path("pypi/<str:name>/<str:version>/json", api_json.release_json, name="release_json"),
    path("pypi/<str:name>/<str:version>/json/", api_json.release_json),
    path("rss/updates.xml", views_feeds.updates, name="rss_updates"),
    path("rss/packages.xml", views_feeds.packages, name="rss_packages"),
    path("rss/project/<str:name>/releases.xml", views_feeds.project_releases, name="rss_project"),
]
