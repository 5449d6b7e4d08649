"""The simple pages as rendered at write time."""

from __future__ import annotations

from django.db import models


class SimplePage(models.Model):
    """The simple pages of one project, rendered at write time; `name` is normalised, "" is the root.

    A project that must not be seen has no row. `etag_*` are strong validators without quotes.
    """

    name = models.CharField(max_length=200, primary_key=True)
    serial = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField()
    # Before the bodies: SQLite walks through a large value to reach the columns behind it.
    html_etag = models.CharField(max_length=64)
    json_etag = models.CharField(max_length=64)
    html = models.BinaryField()
    html_gzip = models.BinaryField()
    json = models.BinaryField()
    json_gzip = models.BinaryField()

    def __str__(self) -> str:
        return f"/simple/{self.name}/"
