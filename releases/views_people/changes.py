"""Taking roles from a member, or giving up one's own: each shows what would happen, then asks."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.pages import show
from indexsite import clock
from indexsite.errors import NotFound
from indexsite.http import actor_of, status_of
from indexsite.policies import Action
from releases import queries_people
from releases.actions.people import removing
from releases.actions.policy_changes import PolicyChangeWaits, TooFewApprovers
from releases.models import LastOwner, Project, RoleKind
from releases.queries_people import Loss, Person
from releases.views_people.opening import people_page, people_url


@people_page(Action.ROLE_REMOVE)
def member(request: HttpRequest, project: Project, username: str) -> HttpResponse:
    """One person: what they have, what taking it away would do, and the buttons that do it."""
    actor = actor_of(request)
    person = queries_people.find_person(project, username=username.lower(), seen_by=actor.person)
    if person is None:
        raise NotFound(f"Nobody called '{username}' has a role on {project.name}.")
    if request.method == "POST" and (done := _change(request, project, person)) is not None:
        return done
    context = {"project": project, "person": person, "cancel": people_url(project), **_losses(project, person)}
    return show(request, "releases/people/member.html", status=409 if request.method == "POST" else 200, **context)


def _losses(project: Project, person: Person) -> dict[str, object]:
    """What removing would do, and what becoming a maintainer would; None where that is not possible."""
    at = clock.now()
    may_step_down = RoleKind.OWNER in person.own_kinds
    as_owner: Loss | None = (
        queries_people.loss_of(project, person, [RoleKind.OWNER], at=at) if may_step_down else None
    )
    return {
        "loss": queries_people.loss_of(project, person, RoleKind, at=at),
        "as_owner": as_owner,
        "single": len(person.own_kinds) > 1,
    }


def _change(request: HttpRequest, project: Project, person: Person) -> HttpResponse | None:
    actor, at, who = actor_of(request), clock.now(), person.user
    waits = None
    act, _, kind = request.POST.get("act", "").partition(":")
    try:
        if act == "remove":
            waits = removing.remove_member(actor=actor, project=project, member=who, at=at)
            said = f"{who.username} has no role of their own on {project.name} any more."
        elif act == "step-down":
            removing.step_down(actor=actor, project=project, member=who, at=at)
            said = f"{who.username} is a maintainer of {project.name} now."
        elif act == "take" and kind in RoleKind:
            waits = removing.take_role(actor=actor, project=project, member=who, kind=RoleKind(kind), at=at)
            said = f"{who.username} is no longer {kind} of {project.name}."
        else:
            return None
    except (LastOwner, removing.NoSuchRole, TooFewApprovers, PolicyChangeWaits) as error:
        messages.error(request, error.sentence)
        return None
    if waits is not None:
        until = clock.written(waits.due_at)
        said = f"{who.username} stays approver until {until}; all owners are told, and can stop it."
    messages.success(request, said)
    return redirect(people_url(project) if actor.person != who else "manage_projects")


@people_page(Action.ROLE_LEAVE)
def leave(request: HttpRequest, project: Project) -> HttpResponse:
    """Give up one's own roles; also open to those whose rights are suspended."""
    actor, status = actor_of(request), 200
    if request.method == "POST":
        try:
            removing.leave(actor=actor, project=project, at=clock.now())
        except (LastOwner, removing.NoSuchRole) as error:
            messages.error(request, error.sentence)
            status = status_of(error)
        else:
            messages.success(request, f"You have left {project.name}.")
            return redirect("manage_projects")
    person = queries_people.find_person(project, username=actor.person.username, seen_by=actor.person)
    if person is None:
        raise NotFound(f"There is no project '{project.name}' among yours.")
    context = {"project": project, "person": person, **_losses(project, person)}
    return show(request, "releases/people/leave.html", status=status, **context)
