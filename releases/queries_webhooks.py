"""Webhooks as owners see them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from releases.models import Delivery, Project, Webhook

SHOWN = 50


@dataclass(frozen=True)
class WebhookLine:
    """One webhook with its latest message, None before the first."""

    webhook: Webhook
    latest: Delivery | None


def webhooks_of(project: Project) -> list[WebhookLine]:
    """All of the project, the oldest first."""
    newest = Delivery.objects.filter(webhook=OuterRef("pk")).values("pk")[:1]
    webhooks = list(Webhook.objects.filter(project=project).annotate(latest=Subquery(newest)))
    latest = Delivery.objects.in_bulk([pk for webhook in webhooks if (pk := getattr(webhook, "latest", None))])
    return [WebhookLine(webhook, latest.get(getattr(webhook, "latest", 0))) for webhook in webhooks]


def deliveries_of(webhook: Webhook) -> list[Delivery]:
    """What was sent there last."""
    return list(webhook.deliveries.all()[:SHOWN])
