"""Addresses of people who publish: the upload, and pages for members of projects."""

from django.urls import path

from releases import api_legacy, views_manage

urlpatterns = [
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
