"""What the worker does with transfers: carry out what is due, end what can no longer happen."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from accounts.models import InvitationState, User, note_rights
from indexsite import audit
from indexsite.actors import SITE
from indexsite.audit import transfers as events
from releases.actions import webhooks
from releases.actions.people import standing as people
from releases.actions.transfers import standing
from releases.models import (
    OPEN_TRANSFER,
    Project,
    ProjectInvitation,
    Role,
    RoleKind,
    Transfer,
    TransferState,
    insist_on_owner,
    people_with,
)
from releases.notices import transfers as notices

log = logging.getLogger(__name__)


def tend(*, at: datetime) -> None:
    """Look at every open transfer; one that fails does not keep the others waiting."""
    for pk in Transfer.objects.open().order_by("pk").values_list("pk", flat=True):
        try:
            carry_out(pk, at=at)
        except Exception:
            log.exception("Transfer %s could not be looked at; it stays open until the next time.", pk)


@transaction.atomic
def carry_out(pk: int, *, at: datetime) -> TransferState:
    """Carry the transfer out if it is due, end it if something stands in its way; returns where it stands.

    May be called any number of times: everything is asked anew under the project's lock.

    Raises:
        NotFound: there is no such transfer.
    """
    receiver = Transfer.objects.select_related("to_user").get(pk=pk).to_user
    transfer, project = standing.locked(pk, person=receiver)
    if transfer.state not in OPEN_TRANSFER:
        return TransferState(transfer.state)
    if reason := standing.obstacle(transfer, at):
        standing.lapse(transfer, reason, at=at)
    elif transfer.due_at is not None and transfer.due_at <= at:
        _hand_over(transfer, project, at)
    return TransferState(transfer.state)


def _hand_over(transfer: Transfer, project: Project, at: datetime) -> None:
    former = list(people_with(project, RoleKind.OWNER))
    _take_roles(project, keep=transfer.to_user)
    project.organization = transfer.to_organization
    project.save(update_fields=["organization"])
    if transfer.to_user is not None:
        _make_owner(project, transfer, transfer.to_user, at)
    insist_on_owner(project)
    note_rights((owner.pk for owner in people_with(project, RoleKind.OWNER)), at=at)
    _take_back_invitations(project, at)
    webhooks.remove_all(project, by=SITE, at=at)
    people.renew_previews(project, by=SITE)
    reason = f"because project {project.name} went to {transfer.receiver}"
    people.drop_orphaned_tokens(project, by=SITE, at=at, reason=reason)
    transfer.end(TransferState.DONE, at)
    event = events.TransferDone(about=transfer.to_user, project=project.normalized_name, to=transfer.receiver)
    audit.record(SITE, event)
    notices.done(transfer, former=former, at=at)


def _take_roles(project: Project, *, keep: User | None) -> None:
    """Owners other than the receiver stop being that, and every team loses its roles; others stay."""
    roles = project.roles.select_related("user", "team__organization")
    for role in roles.filter(kind=RoleKind.OWNER, user__isnull=False).exclude(user=keep):
        audit.record(
            SITE, audit.RoleRemoved(about=role.user, project=project.normalized_name, role=RoleKind.OWNER.value)
        )
        role.delete()
    # Also those that an earlier transfer might have left behind: no row of a team outlives one.
    for role in roles.filter(team__isnull=False):
        event = audit.TeamRoleRemoved(project=project.normalized_name, team=str(role.team), role=role.kind)
        audit.record(SITE, event)
        role.delete()


def _make_owner(project: Project, transfer: Transfer, receiver: User, at: datetime) -> None:
    _, made = Role.objects.get_or_create(
        project=project,
        user=receiver,
        kind=RoleKind.OWNER,
        defaults={"granted_at": at, "granted_by": transfer.offered_by},
    )
    if made:
        event = audit.RoleGranted(about=receiver, project=project.normalized_name, role=RoleKind.OWNER.value)
        audit.record(SITE, event)


def _take_back_invitations(project: Project, at: datetime) -> None:
    pending = ProjectInvitation.objects.filter(project=project, state=InvitationState.PENDING)
    for invitation in pending.select_related("project", "user"):
        people.revoke(invitation, by=SITE, at=at, reason="the project went to somebody else")
