"""Pages on which owners decide how releases become public, and stop or agree to what would weaken that."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.pages import show_form
from indexsite import clock
from indexsite.errors import Conflict, InvalidInput
from indexsite.http import actor_of
from indexsite.policies import Action
from releases.actions import policy_changes
from releases.forms_policy import PolicyForm
from releases.models import Project, Publishing, PublishingPolicy, RoleKind, described, people_with
from releases.views_people.opening import people_page


def policy_url(project: Project) -> str:
    return reverse("manage_policy", args=[project.normalized_name])


@people_page(Action.PROJECT_POLICY)
def policy(request: HttpRequest, project: Project) -> HttpResponse:
    """What holds, and the form that changes it."""
    form = PolicyForm(request.POST or None, initial=_as_form(project.publishing_policy))
    if form.is_valid():
        try:
            waits = policy_changes.change_policy(
                actor=actor_of(request), project=project, wanted=_wanted(form), at=clock.now()
            )
        except (InvalidInput, Conflict) as error:
            form.refuse(error)
        else:
            until = clock.written(waits.due_at) if waits is not None else ""
            messages.success(
                request,
                f"This makes protection weaker, so it waits until {until}; all owners are told, and can stop it."
                if waits is not None
                else "The publishing policy is changed; all owners are told.",
            )
            return redirect(policy_url(project))
    return show_form(
        request,
        "releases/policy/policy.html",
        form,
        project=project,
        described=described(project.publishing_policy),
        approvers=people_with(project, RoleKind.APPROVER),
    )


def _as_form(policy: PublishingPolicy) -> dict[str, object]:
    return {
        "publishing": policy.mode,
        "approvals": policy.approvals,
        "four_eyes": policy.four_eyes,
        "approve_by_code": policy.approve_by_code,
    }


def _wanted(form: PolicyForm) -> PublishingPolicy:
    data = form.cleaned_data
    return PublishingPolicy(
        mode=Publishing(data["publishing"]),
        approvals=data["approvals"],
        four_eyes=data["four_eyes"],
        approve_by_code=data["approve_by_code"],
        version=0,
    )


@people_page(Action.POLICY_CHANGE_STOP, methods=("POST",))
def stop(request: HttpRequest, project: Project) -> HttpResponse:
    """One button, for any owner."""
    try:
        stopped = policy_changes.stop_change(actor=actor_of(request), project=project, at=clock.now())
    except policy_changes.PolicyChangeClosed as error:
        messages.error(request, error.sentence)
    else:
        messages.success(request, f"Stopped; nothing changes. Asked for was: {stopped.what}.")
    return redirect("manage_settings", project.normalized_name)


@people_page(Action.PROJECT_POLICY, methods=("POST",))
def agree(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    """One button, for another owner than the one who asked."""
    try:
        agreed = policy_changes.agree_to_change(actor=actor_of(request), project=project, pk=pk, at=clock.now())
    except policy_changes.PolicyChangeClosed as error:
        messages.error(request, error.sentence)
    else:
        messages.success(request, f"You agreed. It happens after {clock.written(agreed.due_at)}: {agreed.what}.")
    return redirect(policy_url(project))
