"""Finding the blobs that no row names: what crashed and refused uploads leave behind."""

from __future__ import annotations

import itertools
import logging
from datetime import datetime, timedelta

from indexsite import storage
from releases.models import DraftFile, DraftFileState, DraftPart, File

log = logging.getLogger(__name__)

# An upload in progress has stored its bytes before its row exists.
MINIMUM_AGE = timedelta(days=1)
_BATCH = 1000


def sweep_blobs(*, at: datetime) -> int:
    """Delete blobs and temporary files that nothing has named for `MINIMUM_AGE`; how many blobs.

    `at` is the present by the store's clock.
    """
    before = at - MINIMUM_AGE
    storage.clear_incoming(before=before)
    old = (blob.sha256 for blob in storage.stored() if blob.stored_at < before)
    deleted = 0
    for batch in itertools.batched(old, _BATCH, strict=False):
        for sha256 in set(batch) - named(batch):
            # Renewed since, if an upload of the same bytes came by: then it stays.
            deleted += storage.delete_older(sha256, than=before)
    if deleted:
        log.info("Deleted %d blobs that no file names.", deleted)
    return deleted


def named(digests: tuple[str, ...]) -> set[str]:
    """Those of the digests that a row names: a file or its metadata, public, in a draft, or to be restored."""
    files = File.with_deleted.filter(sha256__in=digests).values_list("sha256", flat=True)
    metadata = File.with_deleted.filter(metadata_sha256__in=digests).values_list("metadata_sha256", flat=True)
    # Of drafts, what may still be published; what was, the files above name.
    drafts = DraftFile.objects.filter(draft__ended_at=None).exclude(state=DraftFileState.CANCELED)
    staged = drafts.filter(sha256__in=digests).values_list("sha256", flat=True)
    staged_metadata = drafts.filter(metadata_sha256__in=digests).values_list("metadata_sha256", flat=True)
    parts = DraftPart.objects.filter(sha256__in=digests, file__in=drafts).values_list("sha256", flat=True)
    return {*files, *metadata, *staged, *staged_metadata, *parts}
