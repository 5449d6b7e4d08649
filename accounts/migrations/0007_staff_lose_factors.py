from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_recovery"),
    ]

    operations = [
        migrations.AlterField(
            model_name="staffchange",
            name="role",
            field=models.CharField(
                choices=[
                    ("viewer", "Viewer"),
                    ("support-1", "Support, tier 1"),
                    ("support-2", "Support, tier 2"),
                    ("security", "Security"),
                    ("curator", "List curator"),
                    ("auditor", "Auditor"),
                    ("moderator", "Moderator"),
                    ("factors", "New second factors"),
                ],
                max_length=16,
            ),
        ),
    ]
