"""Holding an answer back until a draft changes, so that pipelines need not ask every second (PEP 694 has no way).

A request that waits keeps a thread of the server. So few may wait at once in a process, and none for long; whoever
finds no place is answered at once and told when to ask again (docs/decisions/0054).
"""

from __future__ import annotations

import threading
import time

from releases.models import Draft, DraftState

# Below `graceful_timeout` of the server: a restart never cuts an answer off.
MAX_SECONDS = 15
# Of the eight threads that a process has.
PLACES = 2
LOOK_EVERY = 1.0
# What is waited in: others are answers in themselves.
_UNDECIDED = (DraftState.OPEN, DraftState.REVIEW)

_places = threading.BoundedSemaphore(PLACES)


def wait_for_change(draft: Draft, *, seconds: int) -> bool:
    """Return when the draft is in another state, at the latest after `seconds`; whether it waited at all."""
    if seconds <= 0 or draft.state not in _UNDECIDED or not _places.acquire(blocking=False):
        return False
    try:
        end = time.monotonic() + min(seconds, MAX_SECONDS)
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(LOOK_EVERY, left))
            if not Draft.objects.filter(pk=draft.pk, state=draft.state).exists():
                break
        return True
    finally:
        _places.release()
