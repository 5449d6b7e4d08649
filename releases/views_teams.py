"""Pages of an organisation's teams."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actions import teams
from accounts.forms import TeamForm
from accounts.models import Organization, Team
from accounts.pages import show_form
from indexsite import clock
from indexsite.errors import InvalidInput
from indexsite.http import actor_of
from releases import queries_organizations as queries
from releases.actions import organizations as acts
from releases.views_organizations import manager_page, member_page


@require_http_methods(["GET", "HEAD", "POST"])
@manager_page
def create(request: HttpRequest, organization: Organization) -> HttpResponse:
    """The form for a new team."""
    form = TeamForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            team = teams.create_team(
                actor=actor_of(request), organization=organization, name=form.cleaned_data["name"], at=clock.now()
            )
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, f"Team {team.name} exists. Put members into it next.")
            return redirect("organization_team", organization.name, team.name)
    return show_form(request, "organizations/team_create.html", form, organization=organization)


@require_http_methods(["GET", "HEAD"])
@member_page
def team(request: HttpRequest, organization: Organization, team: str) -> HttpResponse:
    """Who sits in it and what it may do; managers change both."""
    found = teams.get_team(organization, team)
    return _page(request, organization, found)


def _page(
    request: HttpRequest, organization: Organization, team: Team, *, form: TeamForm | None = None
) -> HttpResponse:
    return show_form(
        request,
        "organizations/team.html",
        form or TeamForm(initial={"name": team.name}),
        organization=organization,
        team=team,
        managing=queries.is_manager(organization, actor_of(request).person),
        seats=queries.seats(team),
        roles=queries.roles_of_team(organization, team),
        outside=queries.members_outside(organization, team),
    )


@require_POST
@manager_page
def change(request: HttpRequest, organization: Organization, team: str) -> HttpResponse:
    """Seat or unseat a member, rename the team or delete it."""
    found = teams.get_team(organization, team)
    actor, at = actor_of(request), clock.now()
    username = request.POST.get("username", "")
    match request.POST.get("act"):
        case "seat":
            teams.seat_member(
                actor=actor, organization=organization, team_name=found.name, username=username, at=at
            )
            messages.success(request, f"{username} is in the team.")
        case "unseat":
            acts.unseat_member(
                actor=actor, organization=organization, team_name=found.name, username=username, at=at
            )
            messages.success(request, f"{username} is no longer in the team.")
        case "rename":
            return _rename(request, organization, found)
        case "delete":
            acts.delete_team(actor=actor, organization=organization, name=found.name, at=at)
            messages.success(request, f"Team {found.name} is deleted.")
            return redirect("organization", organization.name)
    return redirect("organization_team", organization.name, found.name)


def _rename(request: HttpRequest, organization: Organization, team: Team) -> HttpResponse:
    form = TeamForm(request.POST)
    if form.is_valid():
        try:
            renamed = teams.rename_team(
                actor=actor_of(request),
                organization=organization,
                name=team.name,
                new_name=form.cleaned_data["name"],
            )
        except InvalidInput as error:
            form.refuse(error)
        else:
            messages.success(request, f"The team is now called {renamed.name}.")
            return redirect("organization_team", organization.name, renamed.name)
    return _page(request, organization, team, form=form)
