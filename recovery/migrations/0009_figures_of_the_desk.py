"""The figures of the desk are counted by the worker and kept: counting them at each look took a second and more."""

from django.db import migrations, models

from recovery.models.figures import FiguresDecoder, FiguresEncoder


class Migration(migrations.Migration):
    dependencies = [("recovery", "0008_order_of_the_queue")]

    operations = [
        migrations.CreateModel(
            name="DeskFigures",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("figures", models.JSONField(decoder=FiguresDecoder, encoder=FiguresEncoder)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(id=1), name="figures_are_one_row")],
            },
        ),
    ]
