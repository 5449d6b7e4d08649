"""The invitations a person has: looking changes nothing, answering takes a button."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from accounts.pages import show
from accounts.queries import organization_invitations_for
from indexsite import clock
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, require
from mfa.models import has_factor
from releases import queries_people
from releases.actions.people import answering
from releases.models import RoleKind, holds_role, kinds_that_include


@require_safe
@enforces(Action.ACCOUNT_VIEW)
def invitations(request: HttpRequest) -> HttpResponse:
    """What waits for an answer."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    found = queries_people.invitations_for(actor.person, at=clock.now())
    to_organizations = organization_invitations_for(actor.person, clock.now())
    return show(
        request,
        "account/invitations.html",
        invitations=found,
        organization_invitations=to_organizations,
        offered_transfers=queries_people.transfers_for(actor.person, at=clock.now()),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.INVITATION_ANSWER)
def invitation(request: HttpRequest, pk: int) -> HttpResponse:
    """One invitation: who asks for what, and the two answers."""
    actor, at = actor_of(request), clock.now()
    require(actor, Action.ACCOUNT_VIEW)
    match request.POST.get("act"):
        case "accept":
            accepted = answering.accept(actor=actor, pk=pk, at=at)
            messages.success(request, f"You are {accepted.kind} of {accepted.project.name} now.")
            return redirect("manage_project", accepted.project.normalized_name)
        case "decline":
            declined = answering.decline(actor=actor, pk=pk, at=at)
            messages.success(request, f"You declined; {declined.invited_by.username} has been told.")
            return redirect("account_invitations")
    found = answering.mine(actor, pk)
    kinds = kinds_that_include(RoleKind(found.kind))
    return show(
        request,
        "account/invitation.html",
        invitation=found,
        is_live=found.is_live(at),
        is_needless=holds_role(actor.person, found.project, kinds),
        needs_factor=not has_factor(actor.person),
    )
