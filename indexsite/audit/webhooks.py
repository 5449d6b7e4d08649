"""The audit vocabulary, continued: addresses that are told about drafts. Paths may be secrets and are left out."""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class WebhookAdded(Event):
    name = "webhook.added"
    sentence = "{host} is told about drafts of {project} from now on."
    host: str


@dataclass(frozen=True, kw_only=True)
class WebhookRemoved(Event):
    name = "webhook.removed"
    sentence = "{host} is no longer told about drafts of {project}."
    host: str
