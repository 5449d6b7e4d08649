"""Pages of a project's webhooks, for its owners."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache

from accounts.forms import PageForm
from accounts.pages import answer, show, show_form
from indexsite import clock
from indexsite.errors import Conflict, InvalidInput
from indexsite.http import actor_of
from indexsite.policies import Action
from releases.actions.webhooks import add_webhook, find_webhook, remove_webhook
from releases.forms_drafts import WebhookForm
from releases.models import Project
from releases.models.webhooks import MAX_PER_PROJECT
from releases.queries_webhooks import deliveries_of, webhooks_of
from releases.views_lifecycle.opening import act_page


@never_cache
@act_page(Action.WEBHOOK_CHANGE)
def webhooks(request: HttpRequest, project: Project) -> HttpResponse:
    """All of them, and the form for another; its answer is the one page that ever shows the secret."""
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        url = form.cleaned_data["url"]
        try:
            webhook, secret = add_webhook(actor=actor_of(request), project=project, url=url, at=clock.now())
        except (InvalidInput, Conflict) as error:
            form.refuse(error)
        else:
            return show(request, "releases/webhooks/added.html", project=project, webhook=webhook, secret=secret)
    return show_form(
        request,
        "releases/webhooks/webhooks.html",
        form,
        project=project,
        webhooks=webhooks_of(project),
        most=MAX_PER_PROJECT,
    )


@never_cache
@act_page(Action.WEBHOOK_CHANGE)
def webhook(request: HttpRequest, project: Project, public_id: uuid.UUID) -> HttpResponse:
    """What was sent to one, and the button that removes it."""
    found = find_webhook(project, public_id)

    def act(data: dict[str, Any]) -> None:
        remove_webhook(actor=actor_of(request), webhook=found, at=clock.now())

    return answer(
        request,
        "releases/webhooks/webhook.html",
        PageForm(request.POST if request.method == "POST" else None),
        act=act,
        done=f"{found.host} is told nothing more.",
        onward=reverse("manage_webhooks", args=[project.normalized_name]),
        project=project,
        webhook=found,
        deliveries=deliveries_of(found),
    )
