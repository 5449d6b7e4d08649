"""The queue is read in the order of an index: with fifty thousand cases sorting them took longer than all else."""

from django.db import migrations, models
from django.db.models.functions import Coalesce


class Migration(migrations.Migration):
    dependencies = [("recovery", "0007_only_moves_that_are_made")]

    operations = [
        migrations.AddIndex(
            "recoverycase",
            models.Index(
                Coalesce("queued_at", "opened_at", "submitted_at"), "submitted_at", "id", name="case_waits"
            ),
        ),
    ]
