"""Archiving and deprecating a project, and the way back."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.pages import answer
from indexsite import clock
from indexsite.http import actor_of
from indexsite.policies import Action
from releases.actions.lifecycle import status
from releases.forms_lifecycle import StatusForm
from releases.models import Project, ProjectStatus
from releases.views_lifecycle.opening import act_page


@act_page(Action.PROJECT_STATUS)
def change_status(request: HttpRequest, project: Project) -> HttpResponse:
    def act(data: dict[str, Any]) -> None:
        status.change_status(
            actor=actor_of(request),
            project=project,
            status=ProjectStatus(data["status"]),
            reason=data["reason"],
            at=clock.now(),
        )

    present = {"status": project.status, "reason": project.status_reason}
    return answer(
        request,
        "releases/manage/status.html",
        StatusForm(request.POST if request.method == "POST" else None, initial=present),
        act=act,
        done="The status is saved.",
        onward=reverse("manage_settings", args=[project.normalized_name]),
        project=project,
    )
