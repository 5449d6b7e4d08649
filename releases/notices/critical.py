"""Letters to owners about the critical list."""

from __future__ import annotations

from datetime import datetime

from accounts.queries import verified_addresses
from indexsite import clock, mail
from releases.models import ListChange, ListProposal, Project, RoleKind, find_project, people_with


def list_changed(proposal: ListProposal, *, at: datetime) -> None:
    """Tell every owner of the project, if there is one, at every address. Of curators it is not said who."""
    project = find_project(proposal.name)
    if project is None:
        return
    mail.queue(
        "critical-list",
        to=_of_owners(project),
        context={
            "project": project.name,
            "normalized_name": project.normalized_name,
            "is_on": proposal.change == ListChange.JOIN,
            "reason": proposal.reason,
            "at": clock.written(at),
        },
    )


def _of_owners(project: Project) -> list[str]:
    found = (verified_addresses(owner) for owner in people_with(project, RoleKind.OWNER))
    return sorted({email for addresses in found for email in addresses})
