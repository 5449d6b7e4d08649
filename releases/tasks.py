"""Background work on the index, one line each."""

from __future__ import annotations

from datetime import UTC, datetime

from django.tasks import task

from releases import sweeping
from releases.actions import pages


@task()
def refresh_root() -> None:
    pages.refresh_root_if_behind()


@task()
def sweep_blobs() -> None:
    # The machine's time, not the site's: blobs carry the store's time stamps, also when a demo clock runs ahead.
    sweeping.sweep_blobs(at=datetime.now(UTC))
