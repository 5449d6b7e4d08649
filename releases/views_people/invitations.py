"""Inviting somebody to a project, sending an invitation again, taking it back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import INVITATION_LIFE
from accounts.pages import show_form
from indexsite import clock
from indexsite.errors import Conflict, InvalidInput, LimitReached
from indexsite.http import actor_of
from indexsite.policies import Action
from releases.actions.people import inviting
from releases.forms_people import InviteForm
from releases.models import Project, RoleKind
from releases.views_people.opening import people_page, people_url


@people_page(Action.ROLE_INVITE)
def invite(request: HttpRequest, project: Project) -> HttpResponse:
    """Ask somebody to take a role."""
    form = InviteForm(request.POST or None)
    if form.is_valid():
        try:
            made = inviting.invite(
                actor=actor_of(request),
                project=project,
                invitee=form.cleaned_data["invitee"],
                kind=RoleKind(form.cleaned_data["kind"]),
                at=clock.now(),
            )
        except (InvalidInput, Conflict, LimitReached) as error:
            form.refuse(error)
        else:
            messages.success(request, f"{made.invitee} is invited and has {INVITATION_LIFE.days} days to answer.")
            return redirect(people_url(project))
    return show_form(request, "releases/people/invite.html", form, project=project, cancel=people_url(project))


@people_page(Action.ROLE_INVITE, methods=("POST",))
def change(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    """Send it again, or take it back."""
    actor, at = actor_of(request), clock.now()
    try:
        match request.POST.get("act"):
            case "resend":
                sent = inviting.send_again(actor=actor, project=project, pk=pk, at=at)
                messages.success(request, f"The invitation of {sent.invitee} is on its way again.")
            case "revoke":
                revoked = inviting.take_back(actor=actor, project=project, pk=pk, at=at)
                messages.success(request, f"The invitation of {revoked.invitee} is taken back.")
    except (Conflict, LimitReached) as error:
        messages.error(request, error.sentence)
    return redirect(people_url(project))
