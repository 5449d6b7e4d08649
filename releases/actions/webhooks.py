"""Webhooks of a project: added and removed by owners, told about drafts, tried again until they answer."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.tasks import task
from django.urls import reverse

from indexsite import audit, clock, fetch, sealing
from indexsite.actors import Actor
from indexsite.audit import webhooks as events
from indexsite.errors import Conflict, InvalidInput, NotFound
from indexsite.policies import Action
from releases import signing
from releases.actions.drafts.standing import review_address
from releases.actions.people.standing import locked_for
from releases.models import Delivery, Draft, Project, Webhook, WebhookEvent
from releases.models.webhooks import KEPT, MAX_PER_PROJECT, MAX_URL, PAUSES
from releases.notices import webhooks as notices

TIMEOUT = 10.0  # seconds for one try; the worker has other work
BATCH = 200
# Tests put rules here that let them reach a server of their own.
OUTSIDE = fetch.INTERNET


@transaction.atomic
def add_webhook(*, actor: Actor, project: Project, url: str, at: datetime) -> tuple[Webhook, str]:
    """Have the address told about the project's drafts; the webhook, and its secret, which nothing shows again.

    Raises:
        InvalidInput: no https address that could be told.
        Conflict: it is there already, or there are enough.
        PermissionRefused: the actor may not.
    """
    _check(url)
    project = locked_for(actor, Action.WEBHOOK_CHANGE, project)
    there = Webhook.objects.filter(project=project)
    if there.filter(url=url).exists():
        raise Conflict("This address is told already.", code="webhook-exists")
    if there.count() >= MAX_PER_PROJECT:
        raise Conflict(
            f"A project has at most {MAX_PER_PROJECT} webhooks; remove one first.", code="too-many-webhooks"
        )
    secret = signing.new_secret()
    webhook = Webhook(project=project, url=url, created_at=at, created_by=actor.person)
    webhook.seal(secret)
    webhook.save()
    event = audit.record(actor, events.WebhookAdded(project=project.normalized_name, host=webhook.host))
    notices.changed(project, host=webhook.host, is_added=True, by=actor, event_id=event.pk, at=at)
    return webhook, signing.shown(secret)


@transaction.atomic
def remove_webhook(*, actor: Actor, webhook: Webhook, at: datetime) -> None:
    """Tell the address nothing more; what was not delivered is dropped.

    Raises:
        PermissionRefused: the actor may not.
    """
    _remove(actor, locked_for(actor, Action.WEBHOOK_CHANGE, webhook.project), webhook, at)


def remove_all(project: Project, *, by: Actor, at: datetime) -> None:
    """What the next owners prepare is not for whoever added them to hear. Under the project's lock."""
    for webhook in Webhook.objects.filter(project=project).order_by("pk"):
        _remove(by, project, webhook, at)


def _remove(actor: Actor, project: Project, webhook: Webhook, at: datetime) -> None:
    if not Webhook.objects.filter(pk=webhook.pk).delete()[0]:
        return
    event = audit.record(actor, events.WebhookRemoved(project=project.normalized_name, host=webhook.host))
    notices.changed(project, host=webhook.host, is_added=False, by=actor, event_id=event.pk, at=at)


def find_webhook(project: Project, public_id: UUID) -> Webhook:
    """Raises: NotFound: the project has none of this id."""
    webhook = Webhook.objects.filter(project=project, public_id=public_id).first()
    if webhook is None:
        raise NotFound("There is no such webhook.", code="no-such-webhook")
    webhook.project = project
    return webhook


def announce(draft: Draft, event: WebhookEvent, *, at: datetime) -> None:
    """Tell the project's webhooks, if the transaction commits."""
    webhooks = list(Webhook.objects.filter(project=draft.project_id))
    body = _body(draft, event, at) if webhooks else ""
    for webhook in webhooks:
        delivery = Delivery.objects.create(webhook=webhook, event=event, body=body, created_at=at, next_at=at)
        send_delivery.enqueue(delivery=delivery.pk)


@task()
def send_delivery(*, delivery: int) -> None:
    deliver(delivery, at=clock.now())


def tend(*, at: datetime) -> int:
    """Queue tries that are due, and forget old deliveries; how many were queued."""
    due = list(Delivery.objects.due(at).order_by("next_at", "pk").values_list("pk", flat=True)[:BATCH])
    for pk in due:
        send_delivery.enqueue(delivery=pk)
    Delivery.objects.filter(created_at__lt=at - KEPT).delete()
    return len(due)


def deliver(pk: int, *, at: datetime) -> bool:
    """One try; whether the receiver took it. The next one is planned before it begins, lest a crash lose it."""
    delivery = Delivery.objects.due(at).select_related("webhook").filter(pk=pk).first()
    if delivery is None or not _claim(delivery, at):
        return False
    notice = _send(delivery, at)
    outcome = {"notice": notice[:300]} if notice else {"notice": "", "done_at": at, "gave_up_at": None}
    Delivery.objects.filter(pk=pk).update(**outcome)
    return not notice


def _claim(delivery: Delivery, at: datetime) -> bool:
    """Of two workers one gets it."""
    is_last = delivery.tries >= len(PAUSES)
    next_at = at if is_last else at + PAUSES[delivery.tries]
    mine = Delivery.objects.due(at).filter(pk=delivery.pk, tries=delivery.tries)
    changed = mine.update(tries=delivery.tries + 1, next_at=next_at, gave_up_at=at if is_last else None)
    return changed == 1


def _send(delivery: Delivery, at: datetime) -> str:
    """Why it failed, or ""."""
    body = delivery.body.encode()
    try:
        headers = signing.signed_headers(delivery.webhook.secret, message_id=delivery.message_id, at=at, body=body)
        fetch.post(
            delivery.webhook.url,
            body,
            headers=headers | {"Content-Type": "application/json"},
            timeout=TIMEOUT,
            outside=OUTSIDE,
        )
    except fetch.FetchFailed as error:
        return error.sentence
    except sealing.SealBroken:
        return "Its secret cannot be read any more; remove the webhook and add it again."
    return ""


def _body(draft: Draft, event: WebhookEvent, at: datetime) -> str:
    data = {
        "project": draft.normalized_name,
        "version": draft.version,
        "draft": str(draft.public_id),
        "status": draft.wire_state,
        "digest": draft.digest,
        "notice": draft.notice,
        "review": review_address(draft),
        "session": settings.SITE_URL + reverse("upload2_session", args=[draft.public_id]),
    }
    return json.dumps({"type": event.value, "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}", "data": data})


def _check(url: str) -> None:
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidInput("Give an https address of at most 500 plain characters.", code="invalid-webhook")
    try:
        fetch.check(url, outside=OUTSIDE)
    except fetch.FetchFailed as error:
        raise InvalidInput(error.sentence, code="invalid-webhook") from None
