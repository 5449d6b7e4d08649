"""What a policy may ask of whoever says yes to what another began, or answers it: to have no part in it."""

from __future__ import annotations

from indexsite import clock
from indexsite.actors import Actor
from indexsite.verdicts import Denied
from releases.models import (
    POLICY_DELAY,
    ListProposal,
    MalwareReport,
    PolicyChange,
    Project,
    find_project,
    holds_role,
    owner_since,
)


def second_curator(actor: Actor, subject: ListProposal | None) -> Denied | None:
    """The actor has not said yes to the proposal before, and has nothing to do with the project it is about."""
    if subject is None or actor.user is None:
        return None
    if subject.first_id == actor.user.pk:
        return Denied(
            "second-curator-needed", "You said yes to this proposal already; another curator has to agree to it."
        )
    project = find_project(subject.name)
    if project is not None and holds_role(actor.user, project):
        return Denied(
            "curator-involved", "You have a role on this project; curators who have none decide about it."
        )
    return None


def uninvolved(actor: Actor, subject: MalwareReport | None) -> Denied | None:
    """The actor neither made the report nor has a role on the project it is about."""
    user = actor.user
    if user is None or subject is None:
        return None
    if subject.reporter_id != user.pk and not holds_role(user, Project.with_deleted.get(pk=subject.project_id)):
        return None
    return Denied(
        "report-involved", "This report is yours, or about a project of yours; a colleague has to answer it."
    )


def second_owner(actor: Actor, subject: PolicyChange | Project) -> Denied | None:
    """The actor did not ask for the change, and has been an owner for longer than it waits (`POLICY_DELAY`)."""
    if not isinstance(subject, PolicyChange) or actor.user is None:
        return None
    if subject.asked_by_id == actor.user.pk:
        return Denied("second-owner-needed", "You asked for this change; another owner has to agree to it.")
    since = owner_since(actor.user, subject.project)
    if since is None or since + POLICY_DELAY > clock.now():
        return Denied(
            "role-too-new", f"User '{actor.label}' became owner a short while ago, and cannot agree to this yet."
        )
    return None


def no_part_in_it(actor: Actor, subject: PolicyChange | None) -> Denied | None:
    """The actor has no role on the project whose protection would change."""
    if not isinstance(subject, PolicyChange) or actor.user is None or not holds_role(actor.user, subject.project):
        return None
    return Denied("project-involved", "You have a role on this project; a colleague has to decide about it.")
