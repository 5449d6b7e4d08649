"""Pages of organisations for their members; strangers are told that there is nothing here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actions import organization_invitations, organizations
from accounts.forms import OrganizationForm, OrganizationInvitationForm, TypedNameForm
from accounts.models import MembershipKind, Organization
from accounts.pages import show, show_form
from indexsite import clock, history_pages, limits
from indexsite.errors import InvalidInput, LimitReached
from indexsite.http import View, actor_of, enforces
from indexsite.limits import Limit
from indexsite.policies import Action, require
from mfa.stepup import step_up_required
from releases import queries_manage
from releases import queries_organizations as queries
from releases.actions import organizations as acts

_READ_AND_SEND = ["GET", "HEAD", "POST"]


def member_page[**P](
    view: Callable[Concatenate[HttpRequest, Organization, P], HttpResponseBase],
) -> View:
    """The view's organisation, opened for the member who asks."""

    @wraps(view)
    def opened(request: HttpRequest, name: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        organization = organizations.open_organization(actor=actor_of(request), name=name)
        return view(request, organization, *args, **kwargs)

    return enforces(Action.ORGANIZATION_VIEW)(opened)


def manager_page[**P](
    view: Callable[Concatenate[HttpRequest, Organization, P], HttpResponseBase],
) -> View:
    """The same for managers, who have proved that it is them before they see a form."""

    @wraps(view)
    def opened(request: HttpRequest, name: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        organization = organizations.open_organization(actor=actor_of(request), name=name)
        require(actor_of(request), Action.ORGANIZATION_MANAGE, organization)
        if request.method == "POST":
            limits.consume(Limit.CHANGE_USER, str(actor_of(request).person.pk), at=clock.now())
        return view(request, organization, *args, **kwargs)

    return enforces(Action.ORGANIZATION_MANAGE)(opened)


@require_safe
@enforces(Action.ACCOUNT_VIEW)
def mine(request: HttpRequest) -> HttpResponse:
    """All organisations of the person."""
    actor = actor_of(request)
    require(actor, Action.ACCOUNT_VIEW)
    memberships = queries.organizations_of(actor.person)
    is_suspended = queries_manage.is_suspended(actor.person)
    return show(request, "organizations/mine.html", memberships=memberships, is_suspended=is_suspended)


@require_http_methods(_READ_AND_SEND)
@enforces(Action.ORGANIZATION_CREATE)
@step_up_required
def create(request: HttpRequest) -> HttpResponse:
    """The form for a new one."""
    actor = actor_of(request)
    require(actor, Action.ORGANIZATION_CREATE)
    form = OrganizationForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = organizations.create_organization(actor=actor, at=clock.now(), **form.cleaned_data)
        except (InvalidInput, LimitReached) as error:
            form.refuse(error)
        else:
            messages.success(request, f"{made.display_name} exists. Invite a second manager next.")
            return redirect("organization", made.name)
    return show_form(request, "organizations/create.html", form)


@require_safe
@member_page
def overview(request: HttpRequest, organization: Organization) -> HttpResponse:
    """People, teams, projects, and for managers the open invitations."""
    managing = queries.is_manager(organization, actor_of(request).person)
    return show(
        request,
        "organizations/overview.html",
        organization=organization,
        managing=managing,
        members=queries.members(organization, seen_by=actor_of(request).person),
        teams=queries.teams(organization),
        projects=queries.projects(organization),
        invitations=queries.pending_invitations(organization) if managing else [],
        now=clock.now(),
    )


@require_http_methods(_READ_AND_SEND)
@manager_page
def invite(request: HttpRequest, organization: Organization) -> HttpResponse:
    """Ask somebody to join."""
    form = OrganizationInvitationForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            invitation = organization_invitations.invite_to_organization(
                actor=actor_of(request),
                organization=organization,
                whom=form.cleaned_data["whom"],
                kind=MembershipKind(form.cleaned_data["kind"]),
                at=clock.now(),
            )
        except (InvalidInput, LimitReached) as error:
            form.refuse(error)
        else:
            messages.success(request, f"{invitation.invitee} is invited; the letter is on its way.")
            return redirect("organization", organization.name)
    return show_form(request, "organizations/invite.html", form, organization=organization)


@require_POST
@manager_page
def invitation(request: HttpRequest, organization: Organization, pk: int) -> HttpResponse:
    """Send an invitation again, or take it back."""
    about: dict[str, Any] = {
        "actor": actor_of(request),
        "organization": organization,
        "invitation_id": pk,
        "at": clock.now(),
    }
    match request.POST.get("act"):
        case "resend":
            organization_invitations.resend_organization_invitation(**about)
            messages.success(request, "The letter is on its way again; the time to answer begins anew.")
        case "revoke":
            organization_invitations.revoke_organization_invitation(**about)
            messages.success(request, "The invitation is taken back.")
    return redirect("organization", organization.name)


@require_http_methods(_READ_AND_SEND)
@manager_page
def member(request: HttpRequest, organization: Organization, username: str) -> HttpResponse:
    """One member: what they are, and what would happen if that changed."""
    membership = organizations.get_membership(organization, username)
    if request.method != "POST":
        return show(
            request,
            "organizations/member.html",
            organization=organization,
            membership=membership,
            seats=membership.seats.select_related("team"),
            is_last_manager=organization.would_lose_last_manager(membership),
            projects=queries.projects(organization),
            is_self=membership.user == actor_of(request).person,
        )
    about: dict[str, Any] = {
        "actor": actor_of(request),
        "organization": organization,
        "username": username,
        "at": clock.now(),
    }
    match request.POST.get("act"):
        case "manager" | "member" as kind:
            acts.change_kind(kind=MembershipKind(kind), **about)
            messages.success(request, f"{username} is now a {kind}.")
        case "remove":
            acts.remove_member(**about)
            messages.success(request, f"{username} is no longer in {organization.display_name}.")
    return redirect("organization", organization.name)


@require_http_methods(_READ_AND_SEND)
@enforces(Action.ORGANIZATION_LEAVE)
def leave(request: HttpRequest, name: str) -> HttpResponse:
    """Says what one loses, then lets go; also open to those whose rights are suspended."""
    organization = organizations.find_organization(actor=actor_of(request), name=name)
    require(actor_of(request), Action.ORGANIZATION_LEAVE, organization)
    membership = organizations.get_membership(organization, actor_of(request).person.username)
    if request.method != "POST":
        return show(
            request,
            "organizations/leave.html",
            organization=organization,
            membership=membership,
            seats=membership.seats.select_related("team"),
            is_last_manager=organization.would_lose_last_manager(membership),
        )
    acts.leave_organization(actor=actor_of(request), organization=organization, at=clock.now())
    messages.success(request, f"You left {organization.display_name}.")
    return redirect("organizations")


@require_http_methods(_READ_AND_SEND)
@manager_page
def delete(request: HttpRequest, organization: Organization) -> HttpResponse:
    """Says what goes, asks for the name, and deletes what owns nothing."""
    form = TypedNameForm(request.POST if request.method == "POST" else None, name=organization.name)
    if form.is_valid():
        acts.delete_organization(actor=actor_of(request), organization=organization, at=clock.now())
        messages.success(request, f"{organization.display_name} is deleted.")
        return redirect("organizations")
    projects = queries.projects(organization)
    return show_form(request, "organizations/delete.html", form, organization=organization, projects=projects)


@require_safe
@member_page
def history(request: HttpRequest, organization: Organization) -> HttpResponseBase:
    """What happened in it, and who did it."""
    return history_pages.respond(
        request,
        "organizations/history.html",
        queries.history(organization, seen_by=actor_of(request).person),
        to_entry=queries.history_entry,
        filename=f"{organization.name}-history",
        organization=organization,
    )


@require_POST
@enforces(Action.INVITATION_ANSWER)
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept or decline an invitation; `/account/invitations/` shows them."""
    actor = actor_of(request)
    match request.POST.get("act"):
        case "accept":
            membership = organization_invitations.accept_organization_invitation(
                actor=actor, invitation_id=pk, at=clock.now()
            )
            messages.success(request, f"You are in {membership.organization.display_name} now.")
            return redirect("organization", membership.organization.name)
        case "decline":
            organization_invitations.decline_organization_invitation(actor=actor, invitation_id=pk, at=clock.now())
            messages.success(request, "You declined; the managers are told.")
    return redirect("account_invitations")
