"""Background work on the index, one line each."""

from __future__ import annotations

from datetime import UTC, datetime

from django.tasks import task

from indexsite import clock
from releases import downloads, sweeping
from releases.actions import pages, policy_changes, webhooks
from releases.actions.drafts import ending, pressing
from releases.actions.lifecycle import purging
from releases.actions.transfers import carrying_out


@task()
def refresh_root() -> None:
    pages.refresh_root_if_behind()


@task()
def sweep_blobs() -> None:
    # The machine's time, not the site's: blobs carry the store's time stamps, also when a demo clock runs ahead.
    sweeping.sweep_blobs(at=datetime.now(UTC))


@task()
def fold_downloads() -> None:
    downloads.fold(at=clock.now())


@task()
def purge_deleted() -> None:
    purging.purge_deleted(at=clock.now())


@task()
def tend_drafts() -> None:
    at = clock.now()
    pressing.publish_due(at=at)
    ending.tend(at=at)


@task()
def tend_webhooks() -> None:
    webhooks.tend(at=clock.now())


@task()
def tend_policy_changes() -> None:
    policy_changes.tend(at=clock.now())


@task()
def tend_transfers() -> None:
    carrying_out.tend(at=clock.now())
