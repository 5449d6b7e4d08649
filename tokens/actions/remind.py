"""Telling people in time that a token of theirs will end: a pipeline should not be the first to notice."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from tokens import notices
from tokens.models import Token

BATCH = 500


def remind_of_ends(*, at: datetime) -> int:
    """Write once about each token that ends soon (ASVS 6.4.5); how many letters that made.

    Revoked tokens, and those that ended while no worker ran, are left alone.
    """
    due = list(Token.objects.to_remind(at).order_by("remind_at").values_list("pk", flat=True)[:BATCH])
    return sum(_remind(pk, at) for pk in due)


@transaction.atomic
def _remind(pk: UUID, at: datetime) -> bool:
    # Whoever takes the row out of the list writes: two workers write one letter.
    if not Token.objects.to_remind(at).filter(pk=pk).update(remind_at=None):
        return False
    notices.token_ends_soon(Token.objects.select_related("user", "project").get(pk=pk))
    return True
