"""Root keys are stored sealed; a key that is not has 32 bytes."""

from typing import Any

from django.db import migrations

from indexsite import sealing

KEY_BYTES = 32


def place(token: Any) -> str:
    return f"token {token.pk}"


def seal(apps: Any, schema_editor: Any) -> None:
    tokens = apps.get_model("tokens", "Token").objects
    for token in tokens.only("key").iterator():
        if len(token.key) == KEY_BYTES:
            tokens.filter(pk=token.pk).update(key=sealing.seal(bytes(token.key), place=place(token)))


def unseal(apps: Any, schema_editor: Any) -> None:
    tokens = apps.get_model("tokens", "Token").objects
    for token in tokens.only("key").iterator():
        tokens.filter(pk=token.pk).update(key=sealing.unseal(bytes(token.key), place=place(token)))


class Migration(migrations.Migration):
    dependencies = [("tokens", "0001_initial")]

    operations = [migrations.RunPython(seal, unseal)]
