"""Secrets of authenticator apps are stored sealed, in django-otp's own table."""

import base64
from typing import Any


from django.db import migrations

from indexsite import sealing

SEALED = "sealed:"


def place(device: Any) -> str:
    return f"authenticator app of user {device.user_id}"


def seal(apps: Any, schema_editor: Any) -> None:
    devices = apps.get_model("otp_totp", "TOTPDevice").objects
    for device in devices.iterator():
        if not device.key.startswith(SEALED):
            sealed = sealing.seal(bytes.fromhex(device.key), place=place(device))
            devices.filter(pk=device.pk).update(key=SEALED + base64.b64encode(sealed).decode())


def unseal(apps: Any, schema_editor: Any) -> None:
    devices = apps.get_model("otp_totp", "TOTPDevice").objects
    for device in devices.iterator():
        sealed = base64.b64decode(device.key.removeprefix(SEALED))
        devices.filter(pk=device.pk).update(key=sealing.unseal(sealed, place=place(device)).hex())


class Migration(migrations.Migration):
    dependencies = [
        ("mfa", "0002_one_authenticator_app"),
        ("otp_totp", "0003_add_timestamps"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuthenticatorApp",
            fields=[],
            options={"proxy": True, "indexes": [], "constraints": []},
            bases=("otp_totp.totpdevice",),
        ),
        migrations.RunPython(seal, unseal),
    ]
