"""Roles of teams of the organisation that owns a project."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.pages import show, show_form
from indexsite import clock
from indexsite.errors import Conflict, NotFound
from indexsite.http import actor_of, status_of
from indexsite.policies import Action
from releases import queries_people
from releases.actions.people import teams as actions
from releases.forms_people import TeamRoleForm
from releases.models import Project, RoleKind
from releases.views_people.opening import people_page, people_url


@people_page(Action.ROLE_GRANT)
def grant(request: HttpRequest, project: Project) -> HttpResponse:
    """Give a team a role."""
    teams = queries_people.teams_of(project)
    if not teams:
        raise NotFound(f"No organization with teams owns {project.name}.")
    initial = {name: request.GET.get(name, "") for name in ("team", "kind")}
    form = TeamRoleForm(request.POST or None, teams=teams, initial=initial)
    if form.is_valid():
        kind = RoleKind(form.cleaned_data["kind"])
        try:
            role = actions.grant_team(
                actor=actor_of(request),
                project=project,
                team_pk=int(form.cleaned_data["team"]),
                kind=kind,
                at=clock.now(),
            )
        except Conflict as error:
            form.refuse(error)
        else:
            messages.success(request, f"Team {role.team} is {kind} of {project.name} now.")
            return redirect(people_url(project))
    return show_form(request, "releases/people/team_grant.html", form, project=project, cancel=people_url(project))


@people_page(Action.ROLE_GRANT)
def take(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    """Take a role from a team, after showing whom that concerns."""
    status = 200
    if request.method == "POST":
        try:
            actions.take_from_team(actor=actor_of(request), project=project, role_pk=pk, at=clock.now())
        except Conflict as error:
            messages.error(request, error.sentence)
            status = status_of(error)
        else:
            messages.success(request, "The team's role is taken away.")
            return redirect(people_url(project))
    found = next((row for row in queries_people.team_roles(project) if row.role.pk == pk), None)
    if found is None:
        raise NotFound("No team has this role on the project.")
    context = {"project": project, "found": found, "cancel": people_url(project)}
    return show(request, "releases/people/team_take.html", status=status, **context)
