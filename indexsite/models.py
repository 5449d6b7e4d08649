"""The floor's own tables: for `audit*`, `limits`, `counters`, `clock`, `task_backend` and the admin site only."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.db import models


class AppendOnlyError(RuntimeError):
    """Someone tried to change or delete an audit row through the ORM."""


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """Only inserts and reads."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("Audit events are append-only.")

    def delete(self) -> NoReturn:
        raise AppendOnlyError("Audit events are append-only.")


class AuditEvent(models.Model):
    """One act. Labels are copied, so that a row stays readable when what it names is gone."""

    at = models.DateTimeField()
    name = models.CharField(max_length=64)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="acts")
    actor_label = models.CharField(max_length=100)
    credential_label = models.CharField(max_length=200)
    factor = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=64, blank=True)
    client = models.CharField(max_length=200, blank=True)
    about = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="audit_events"
    )
    about_label = models.CharField(max_length=100, blank=True)
    project = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["about", "-id"], name="audit_about"),
            models.Index(fields=["project", "-id"], name="audit_project"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor_label} {self.name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise AppendOnlyError("Audit events are append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("Audit events are append-only.")


class AuditSeal(models.Model):
    """One sealed batch of audit events: a link of the keyed hash chain (see `indexsite.audit_seal`)."""

    number = models.PositiveBigIntegerField(primary_key=True)
    previous_head = models.CharField(max_length=64)
    head = models.CharField(max_length=64, unique=True)
    count = models.PositiveIntegerField()
    sealed_at = models.DateTimeField()

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"batch {self.number}: {self.count} events, {self.head[:12]}"


class AuditSealEntry(models.Model):
    """One event's place in a batch. No foreign key to the event: the entry has to outlive a removed row."""

    event_id = models.BigIntegerField(primary_key=True)
    seal = models.ForeignKey(AuditSeal, on_delete=models.PROTECT, related_name="entries")
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["event_id"]

    def __str__(self) -> str:
        return f"event {self.event_id} in batch {self.seal_id}"


class TaskAttempt(models.Model):
    """How often a queued task was started and how it ended; written before each start."""

    id = models.UUIDField(primary_key=True)
    path = models.CharField(max_length=200)
    started = models.PositiveSmallIntegerField(default=0)
    failed = models.PositiveSmallIntegerField(default=0)
    last_at = models.DateTimeField(db_index=True)
    done_at = models.DateTimeField(null=True)
    gave_up_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.path}: started {self.started}, failed {self.failed}"


class PeriodicRun(models.Model):
    """When a periodic job was last put on the queue."""

    name = models.CharField(max_length=64, primary_key=True)
    last_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.last_at:%Y-%m-%d %H:%M:%S}"


class RateBucket(models.Model):
    """Attempts counted under one key in one window; used where no Redis answers. Keys are keyed hashes."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key}: {self.count} until {self.expires_at:%H:%M:%S}"


class CounterTotal(models.Model):
    """How often something happened since the site began (see `indexsite.counters`)."""

    name = models.CharField(max_length=64, primary_key=True)
    value = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


class SiteFact(models.Model):
    """A few facts about this database, such as the demo marker and the demo clock's offset."""

    name = models.CharField(max_length=64, primary_key=True)
    value = models.JSONField()

    def __str__(self) -> str:
        return self.name
