"""What every step of a transfer shares: finding it under the locks, what stands in its way, and its end."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from accounts.models import Organization, User
from indexsite import audit
from indexsite.actors import SITE
from indexsite.audit import transfers as events
from indexsite.errors import Conflict, NotFound
from indexsite.policies import edits_frozen
from mfa.models import has_factor
from releases.models import Project, ProjectStatus, RoleKind, Transfer, TransferState, holds_role
from releases.notices import transfers as notices


class TransferClosed(Conflict):
    """It is no longer open: it was answered, stopped or carried out, or its time is over."""

    code = "transfer-closed"

    def __init__(self) -> None:
        super().__init__("This transfer is no longer open; ask for a new one.")


def no_such_transfer() -> NotFound:
    """The one answer to whoever it does not concern."""
    return NotFound("There is no such transfer.")


def locked(pk: int, *, person: User | None = None) -> tuple[Transfer, Project]:
    """The transfer and its project, which may be deleted, as they are under the locks.

    The person first, then the project, as everywhere: an account that is being closed must not gain a project.

    Raises:
        NotFound: there is no such transfer.
    """
    project_pk = Transfer.objects.filter(pk=pk).values_list("project_id", flat=True).first()
    if project_pk is None:
        raise no_such_transfer()
    if person is not None:
        person.refresh_from_db(from_queryset=User.objects.select_for_update(no_key=True))
    project = Project.with_deleted.locked(project_pk)
    transfer = Transfer.objects.select_related("to_user", "to_organization", "offered_by").get(pk=pk)
    transfer.project = project
    return transfer, project


def obstacle(transfer: Transfer, at: datetime) -> str:
    """Why the transfer can no longer happen, as the end of a sentence, or "". Ask under the project's lock."""
    project = transfer.project
    if project.deletion_id is not None:
        return "the project was deleted"
    if project.status == ProjectStatus.QUARANTINED:
        return "the project was quarantined"
    offerer = transfer.offered_by
    if not offerer.is_active or not holds_role(offerer, project, [RoleKind.OWNER]):
        return f"{offerer.username}, who offered it, is no longer an owner"
    if edits_frozen(offerer) is not None:
        return f"{offerer.username}, who offered it, has reported a stranger in their account"
    if transfer.state == TransferState.OFFERED and transfer.expires_at <= at:
        return "nobody accepted it in time"
    return _unfit(transfer, at)


def _unfit(transfer: Transfer, at: datetime) -> str:
    """Why the receiver cannot have it."""
    person, organization = transfer.to_user, transfer.to_organization
    if person is not None:
        if not person.is_active:
            return f"{person.username} has no open account"
        is_due = transfer.due_at is not None and transfer.due_at <= at
        if is_due and not has_factor(person):
            return f"{person.username} has no second factor"
    elif organization is not None and not organization.managers().exists():
        return f"organization {organization.name} has no manager"
    return ""


def lapse(transfer: Transfer, reason: str, *, at: datetime) -> None:
    """End what can no longer happen, and tell everybody. To be called under the project's lock."""
    transfer.end(TransferState.LAPSED, at)
    event = events.TransferLapsed(
        about=transfer.to_user,
        project=transfer.project.normalized_name,
        to=transfer.receiver,
        reason=reason,
    )
    audit.record(SITE, event)
    notices.lapsed(transfer, reason=reason, at=at)


def projects_on_the_way_to(organization: Organization) -> QuerySet[Transfer, int]:
    """Primary keys of projects with an open transfer to it."""
    return Transfer.objects.open().filter(to_organization=organization).values_list("project_id", flat=True)


def end_those_to(organization: Organization, *, at: datetime) -> None:
    """Before an organisation goes, what is on its way to it comes to nothing; the audit trail keeps the rest."""
    mine = Transfer.objects.filter(to_organization=organization)
    for transfer in mine.open().select_related("project", "to_organization", "offered_by"):
        lapse(transfer, f"organization {organization.name} was deleted", at=at)
    mine.delete()
