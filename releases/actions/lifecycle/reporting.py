"""Reports of malware: anybody with a verified address makes one, a moderator answers it, the reporter is told."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from indexsite import audit, limits, reasons
from indexsite.actors import Actor
from indexsite.audit import safety as events
from indexsite.errors import Conflict, InvalidInput, NotFound
from indexsite.limits import Limit
from indexsite.policies import Action, require, require_now
from releases.actions.lifecycle.status import quarantine_project
from releases.models import MAX_REPORT, MalwareReport, Project, ProjectStatus, Verdict
from releases.notices import reports as notices


class ReportEmpty(InvalidInput):
    """It says nothing, or too much."""

    code = "report-empty"
    field = "text"

    def __init__(self) -> None:
        super().__init__(f"Say what you saw, and where, in at most {MAX_REPORT} characters.")


def report_malware(*, actor: Actor, project: Project, version: str, text: str, at: datetime) -> MalwareReport:
    """Tell the moderators. The project's people hear nothing of it.

    Raises:
        PermissionRefused: the actor has no verified address.
        ReportEmpty: no text, or too long a one.
        LimitReached: too many reports by this account.
        Conflict: the actor's report of this project waits already.
    """
    require(actor, Action.MALWARE_REPORT)
    text = "\n".join(line.rstrip() for line in text.replace("\x00", "").strip().splitlines())
    if not text or len(text) > MAX_REPORT:
        raise ReportEmpty
    limits.consume(Limit.MALWARE_REPORT_USER, str(actor.person.pk), at=at)
    with transaction.atomic():
        report, is_new = MalwareReport.objects.get_or_create(
            project=project,
            reporter=actor.person,
            verdict="",
            defaults={"version": version[:200], "text": text, "reported_at": at},
        )
        if not is_new:
            raise Conflict(
                "Your report of this project is waiting already; nobody has forgotten it.", code="reported"
            )
        audit.record(actor, events.MalwareReported(about=actor.person, label=project.normalized_name))
    return report


@transaction.atomic
def judge(*, actor: Actor, pk: int, verdict: Verdict, reason: str, at: datetime) -> MalwareReport:
    """Answer a report. Malware goes into quarantine with it, unless it is there.

    Args:
        reason: the reporter reads it, and of malware everybody.

    Raises:
        NotFound: there is no such report.
        PermissionRefused: the actor may not, made the report, or has a role on the project.
        InvalidInput: no reason.
        Conflict: it is answered already.
    """
    require(actor, Action.MALWARE_JUDGE)
    reason = reasons.clean(reason, is_needed=True)
    report = MalwareReport.objects.select_for_update(of=("self",)).select_related("reporter").filter(pk=pk).first()
    if report is None:
        raise NotFound("There is no such report.")
    require_now(actor, Action.MALWARE_JUDGE, report)
    if report.verdict:
        raise Conflict("A colleague has answered this report.", code="report-answered")
    report.verdict, report.reason, report.judged_by, report.judged_at = verdict, reason, actor.person, at
    report.save(update_fields=["verdict", "reason", "judged_by", "judged_at"])
    project = Project.with_deleted.get(pk=report.project_id)
    if verdict is Verdict.MALWARE and project.status != ProjectStatus.QUARANTINED:
        quarantine_project(actor=actor, project=project, reason=reason, at=at)
    event = events.MalwareJudged(
        about=report.reporter, label=project.normalized_name, verdict=verdict.label.lower(), reason=reason
    )
    audit.record(actor, event)
    notices.report_judged(report, project, at=at)
    return report
