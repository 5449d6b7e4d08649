"""Django's handle on the floor."""

from django.apps import AppConfig


class IndexsiteConfig(AppConfig):
    name = "indexsite"
    default_auto_field = "django.db.models.BigAutoField"
