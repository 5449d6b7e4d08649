"""django.tasks over django-q2's ORM broker: a task queued in a transaction rolls back with it."""

from __future__ import annotations

from django.tasks.backends.immediate import ImmediateBackend


class QueueBackend(ImmediateBackend):
    """Placeholder until the queue is wired: runs at once."""
