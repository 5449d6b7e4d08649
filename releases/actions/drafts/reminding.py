"""Telling people in time that a draft will expire: what was gathered should not go because nobody looked."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from releases.actions.drafts.standing import review_address
from releases.models import Draft
from releases.models.drafts import REMINDED_BEFORE
from releases.notices import drafts as notices

BATCH = 500


def remind_of_ends(*, at: datetime) -> int:
    """Write once about each draft that expires soon; how many letters that made."""
    due = list(Draft.objects.to_remind(at).order_by("expires_at", "pk").values_list("pk", flat=True)[:BATCH])
    return sum(_remind(pk, at) for pk in due)


@transaction.atomic
def _remind(pk: int, at: datetime) -> bool:
    draft = Draft.objects.select_related("project", "created_by").get(pk=pk)
    # Whoever takes the row out of the list writes: two workers write one letter. One that was extended at this
    # moment is no longer in it.
    mine = Draft.objects.to_remind(at).filter(pk=pk, expires_at=draft.expires_at)
    if not mine.update(remind_until=draft.expires_at + REMINDED_BEFORE):
        return False
    notices.expires_soon(draft, address=review_address(draft))
    return True
