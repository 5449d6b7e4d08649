"""The page on which anybody reports that a project is malware."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.pages import answer
from indexsite import clock
from indexsite.errors import NotFound
from indexsite.http import actor_of, enforces
from indexsite.policies import Action, require
from releases import queries
from releases.actions.lifecycle import reporting
from releases.forms_lifecycle import MalwareReportForm
from releases.models import ProjectStatus


@require_http_methods(["GET", "HEAD", "POST"])
@enforces(Action.MALWARE_REPORT)
def report(request: HttpRequest, name: str) -> HttpResponse:
    """Says what will happen with it, and takes it."""
    actor = actor_of(request)
    require(actor, Action.MALWARE_REPORT)
    found = queries.get_project(name)
    if found is None or not queries.is_known(found) or found.status == ProjectStatus.QUARANTINED:
        raise NotFound(f"There is no project '{name}' here; check the spelling or search for it.")
    return answer(
        request,
        "releases/report.html",
        MalwareReportForm(request.POST or None, initial={"version": request.GET.get("version", "")[:200]}),
        act=lambda data: reporting.report_malware(
            actor=actor, project=found, version=data["version"], text=data["text"], at=clock.now()
        ),
        done="Thank you. The people who run this site look into it, and write to you what they found.",
        onward=reverse("project", args=[found.normalized_name]),
        project=found,
    )
