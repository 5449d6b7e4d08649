"""Pages on which a project is handed over: the owners' and the receiver's."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from packaging.utils import canonicalize_name

from accounts.pages import show, show_form
from indexsite import clock
from indexsite.errors import InvalidInput, LimitReached
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, require
from mfa.models import has_factor
from releases.actions.projects import open_project
from releases.actions.transfers import answering, offering
from releases.forms_people import TransferForm
from releases.models import OPEN_TRANSFER, Project, RoleKind, TransferState, people_with


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.PROJECT_TRANSFER)
def transfer(request: HttpRequest, name: str) -> HttpResponse:
    """Says what would happen and offers; while a transfer is open, the banner above says how it stands."""
    actor = actor_of(request)
    project = open_project(actor=actor, name=canonicalize_name(name))
    if request.method != "POST" and project.transfers.open().exists():
        return show(request, "releases/transfers/open.html", project=project)
    require(actor, Action.PROJECT_TRANSFER, project)
    form = TransferForm(request.POST if request.method == "POST" else None, name=project.name)
    if form.is_valid():
        try:
            offered = offering.offer(
                actor=actor, project=project, receiver=form.cleaned_data["receiver"], at=clock.now()
            )
        except (InvalidInput, LimitReached) as error:
            form.refuse(error)
        else:
            messages.success(request, f"{project.name} is offered to {offered.receiver}; all owners are told.")
            return redirect("manage_transfer", project.normalized_name)
    return show_form(request, "releases/transfers/offer.html", form, project=project, **_consequences(project))


def _consequences(project: Project) -> dict[str, Any]:
    others = project.roles.filter(user__isnull=False).exclude(kind=RoleKind.OWNER).select_related("user")
    return {
        "owners": people_with(project, RoleKind.OWNER),
        "staying": others.order_by("user__username"),
        "teams": project.roles.filter(team__organization=project.organization_id).select_related("team"),
    }


@require_POST
@enforces(Action.TRANSFER_CANCEL)
def cancel(request: HttpRequest, name: str) -> HttpResponse:
    """One button, for any owner."""
    actor = actor_of(request)
    project = open_project(actor=actor, name=canonicalize_name(name))
    stopped = offering.cancel(actor=actor, project=project, at=clock.now())
    messages.success(request, f"The transfer to {stopped.receiver} is cancelled; everybody is told.")
    return redirect("manage_project", project.normalized_name)


@require_safe
@enforces(Action.ACCOUNT_VIEW)
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """What the receiver would take over, and the two answers."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    found = answering.mine(actor, pk)
    at = clock.now()
    return show(
        request,
        "releases/transfers/answer.html",
        transfer=found,
        project=found.project,
        is_open=found.state in OPEN_TRANSFER,
        is_waiting=found.state == TransferState.OFFERED and found.expires_at > at,
        needs_factor=not has_factor(actor.person),
        now=at,
        **_consequences(found.project),
    )


@require_POST
@enforces(Action.TRANSFER_ANSWER)
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Yes."""
    accepted = answering.accept(actor=actor_of(request), pk=pk, at=clock.now())
    messages.success(request, f"Accepted. {accepted.project.name} goes to {accepted.receiver} in 72 hours.")
    return redirect("transfer_answer", pk)


@require_POST
@enforces(Action.TRANSFER_DECLINE)
def decline(request: HttpRequest, pk: int) -> HttpResponse:
    """No."""
    declined = answering.decline(actor=actor_of(request), pk=pk, at=clock.now())
    messages.success(request, f"Declined. {declined.project.name} stays where it is; its owners are told.")
    return redirect("account_invitations")
