"""Who may do what on a project."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from accounts.pages import show
from indexsite import clock
from indexsite.http import actor_of
from indexsite.policies import Action
from releases import queries_people
from releases.models import Project, ProjectStatus, RoleKind, holds_role
from releases.views_people.opening import people_page


@people_page(Action.MEMBERS_VIEW, methods=("GET", "HEAD"))
def people(request: HttpRequest, project: Project) -> HttpResponse:
    """Everybody, how they came here, what is suspended; for owners also who is invited."""
    user = actor_of(request).person
    members = queries_people.people_of(project, seen_by=user)
    is_owner = holds_role(user, project, [RoleKind.OWNER])
    owners = [person for person in members if RoleKind.OWNER in person.kinds]
    return show(
        request,
        "releases/people/people.html",
        project=project,
        members=members,
        you=next((person for person in members if person.is_you), None),
        is_owner=is_owner,
        # Leaving stays possible: it gives rights away.
        may_change=is_owner and project.status != ProjectStatus.QUARANTINED,
        is_alone=len(owners) == 1,
        suspended=[person for person in members if person.is_suspended],
        pending=queries_people.pending_invitations(project, at=clock.now()) if is_owner else [],
        team_roles=queries_people.team_roles(project),
        teams=queries_people.teams_of(project),
    )
