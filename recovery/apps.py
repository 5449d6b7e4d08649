"""Django's handle on this app."""

from django.apps import AppConfig


class RecoveryConfig(AppConfig):
    name = "recovery"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the kinds of evidence that are our own be offered; other apps add theirs in the same way."""
        from recovery import evidence_now, kinds

        for kind in evidence_now.KINDS:
            kinds.register(kind)
