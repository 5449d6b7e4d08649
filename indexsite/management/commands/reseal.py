"""`manage.py reseal`: after a change of SECRET_KEY."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from indexsite import sealing
from mfa.models import AuthenticatorApp, sealed_key
from releases.models import Webhook
from tokens.models import Token


class Command(BaseCommand):
    """Seals under the present SECRET_KEY what is sealed under one in SECRET_KEY_FALLBACKS. Safe to repeat."""

    help = "Seal tokens and authenticator apps with the present SECRET_KEY, as after it was changed."

    def handle(self, *args: Any, **options: Any) -> None:
        tokens = sum(_reseal_token(pk) for pk in Token.objects.values_list("pk", flat=True))
        apps = sum(_reseal_app(pk) for pk in AuthenticatorApp.objects.values_list("pk", flat=True))
        hooks = sum(_reseal_webhook(pk) for pk in Webhook.objects.values_list("pk", flat=True))
        self.stdout.write(f"Sealed anew: {tokens} token(s), {apps} authenticator app(s), {hooks} webhook(s).")


@transaction.atomic
def _reseal_token(pk: Any) -> bool:
    token = Token.objects.select_for_update().filter(pk=pk).first()
    if token is None or sealing.is_current(bytes(token.key), place=token.place):
        return False
    sealed = sealing.seal(token.root_key, place=token.place)
    return bool(Token.objects.filter(pk=pk).update(key=sealed))


@transaction.atomic
def _reseal_webhook(pk: int) -> bool:
    webhook = Webhook.objects.select_for_update().filter(pk=pk).first()
    if webhook is None or sealing.is_current(bytes(webhook.sealed), place=webhook.place):
        return False
    webhook.seal(webhook.secret)
    return bool(Webhook.objects.filter(pk=pk).update(sealed=webhook.sealed))


@transaction.atomic
def _reseal_app(pk: int) -> bool:
    app = AuthenticatorApp.objects.select_for_update().filter(pk=pk).first()
    if app is None or sealing.is_current(app.sealed, place=app.place):
        return False
    return bool(AuthenticatorApp.objects.filter(pk=pk).update(key=sealed_key(app.bin_key, app.place)))
