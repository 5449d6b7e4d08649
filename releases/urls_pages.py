"""Addresses that visitors read: home, search, projects, people."""

from django.urls import path

from releases import views

urlpatterns = [
    path("", views.home, name="home"),
    path("search/", views.search, name="search"),
    path("project/<str:name>/", views.project, name="project"),
    path("project/<str:name>/<str:version>/", views.project_release, name="project_release"),
    path("user/<str:username>/", views.user, name="user"),
]
