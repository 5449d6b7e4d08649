"""Letters to whoever reported a project."""

from __future__ import annotations

from datetime import datetime

from accounts.queries import verified_addresses
from indexsite import clock, mail
from releases.models import MalwareReport, Project, Verdict


def report_judged(report: MalwareReport, project: Project, *, at: datetime) -> None:
    """What was found, and why. Of moderators it is not said who."""
    mail.queue(
        "report-judged",
        to=verified_addresses(report.reporter)[:1],
        context={
            "username": report.reporter.username,
            "project": project.name,
            "verdict": Verdict(report.verdict).label.lower(),
            "reason": report.reason,
            "at": clock.written(at),
        },
    )
