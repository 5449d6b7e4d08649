"""Letters about drafts: to those who decide when one is handed in, to its author when it comes back or ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accounts import programs
from accounts.notices import tell_all
from indexsite import clock, mail
from indexsite.actors import Actor
from releases.models import Draft, DraftFile, people_with
from releases.notices.people import primary_addresses
from releases.queries_approvals import Approvals

_LISTED = 20


def submitted(
    draft: Draft, *, files: Sequence[DraftFile], by: Actor, address: str, event_id: int, at: datetime
) -> None:
    """Ask everybody who can decide to look at it.

    Args:
        address: the page of the draft.
        event_id: the record of it.
    """
    assert draft.project is not None  # noqa: S101 - a draft in review has one
    people = people_with(draft.project)
    context = _facts(draft, by, address, at) | {
        "digest": draft.digest,
        "files": [{"filename": file.filename, "sha256": file.sha256} for file in files[:_LISTED]],
        "more_files": max(0, len(files) - _LISTED),
    }
    tell_all("draft-submitted", to=primary_addresses(people), context=context, by=by.user, event_id=event_id)


def returned(draft: Draft, *, by: Actor, reason: str, address: str, event_id: int, at: datetime) -> None:
    """Tell whoever gathered it why it comes back.

    Args: as for `submitted`.
    """
    context = _facts(draft, by, address, at) | {"reason": reason}
    tell_all(
        "draft-returned", to=primary_addresses([draft.created_by]), context=context, by=by.user, event_id=event_id
    )


def expires_soon(draft: Draft, *, address: str) -> None:
    """Tell whoever began it that its time is nearly over.

    Args: as for `submitted`.
    """
    context = {
        "project": draft.name,
        "version": draft.version,
        "review_url": address,
        "expires": clock.written(draft.expires_at),
        "reserves_name": draft.reserves_name,
    }
    mail.queue("draft-expires", to=primary_addresses([draft.created_by]), context=context)


def approved(draft: Draft, *, approvals: Approvals, by: Actor, address: str, event_id: int, at: datetime) -> None:
    """Tell everybody with a role who has agreed, and that it can be released once enough have.

    Args: as for `submitted`; `approvals`: this one among them.
    """
    assert draft.project is not None  # noqa: S101 - a draft in review has one
    context = _facts(draft, by, address, at) | {
        "digest": draft.digest,
        "given": approvals.given,
        "needed": approvals.needed,
        "are_enough": approvals.are_enough,
    }
    to = primary_addresses(people_with(draft.project))
    tell_all("draft-approved", to=to, context=context, by=by.user, event_id=event_id)


def scheduled(draft: Draft, *, publish_at: datetime, by: Actor, address: str, event_id: int, at: datetime) -> None:
    """Tell everybody with a role when it will be public.

    Args: as for `submitted`.
    """
    assert draft.project is not None  # noqa: S101 - a draft in review has one
    context = _facts(draft, by, address, at) | {"digest": draft.digest, "publish_at": clock.written(publish_at)}
    to = primary_addresses(people_with(draft.project))
    tell_all("draft-scheduled", to=to, context=context, by=by.user, event_id=event_id)


def _facts(draft: Draft, by: Actor, address: str, at: datetime) -> dict[str, Any]:
    return {
        "project": draft.name,
        "normalized_name": draft.normalized_name,
        "version": draft.version,
        "review_url": address,
        "by": by.label,
        "credential": by.credential.label,
        "address": by.address,
        "client": programs.recognised(by.client),
        "at": clock.written(at),
    }
