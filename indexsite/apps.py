"""Django's handle on the floor."""

from django.apps import AppConfig


class IndexsiteConfig(AppConfig):
    name = "indexsite"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from indexsite import checks  # noqa: F401 - registers itself; needs every app's models
