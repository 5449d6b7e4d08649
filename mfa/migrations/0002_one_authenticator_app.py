"""A person has one authenticator app: the table is django-otp's, the rule ours, and the database keeps it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("mfa", "0001_initial"),
        ("otp_totp", "0003_add_timestamps"),
    ]

    operations = [
        migrations.RunSQL(
            "CREATE UNIQUE INDEX mfa_one_authenticator_app ON otp_totp_totpdevice (user_id)",
            "DROP INDEX mfa_one_authenticator_app",
        ),
    ]
