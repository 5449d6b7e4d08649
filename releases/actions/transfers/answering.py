"""The receiver's side of a transfer."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from indexsite import audit, clock
from indexsite.actors import Actor
from indexsite.audit import transfers as events
from indexsite.errors import Conflict
from indexsite.policies import Action, require
from releases.actions.transfers import standing
from releases.models import OPEN_TRANSFER, TRANSFER_DELAY, Transfer, TransferState
from releases.notices import transfers as notices


def mine(actor: Actor, pk: int) -> Transfer:
    """The transfer, for the person it goes to or a manager of the organisation.

    Raises:
        NotFound: also for others': nobody learns which there are.
    """
    found = Transfer.objects.for_receiver(actor.person).filter(pk=pk, project__deletion=None)
    related = found.select_related("project", "to_user", "to_organization", "offered_by", "accepted_by")
    if (transfer := related.first()) is None:
        raise standing.no_such_transfer()
    return transfer


def accept(*, actor: Actor, pk: int, at: datetime) -> Transfer:
    """Say yes; it is carried out after `TRANSFER_DELAY`, unless an owner or the receiver stops it.

    An owner of the project who manages the receiving organisation may accept too: the delay is for the others.

    Raises:
        PermissionRefused: no factor, no verified address, or no recent proof.
        NotFound: it does not go to the actor.
        TransferClosed: answered or stopped before.
        Conflict: it can no longer happen; it has lapsed, and everybody is told.
    """
    transfer, reason = _accept(actor, pk, at)
    if reason:
        raise Conflict(
            f"The transfer of '{transfer.project.name}' can no longer happen: {reason}.", code="transfer-lapsed"
        )
    return transfer


@transaction.atomic
def _accept(actor: Actor, pk: int, at: datetime) -> tuple[Transfer, str]:
    transfer = _locked(actor, Action.TRANSFER_ANSWER, pk)
    if transfer.state != TransferState.OFFERED:
        raise standing.TransferClosed
    if reason := standing.obstacle(transfer, at):
        standing.lapse(transfer, reason, at=at)
        return transfer, reason
    transfer.state, transfer.accepted_by, transfer.accepted_at = TransferState.ACCEPTED, actor.person, at
    transfer.due_at = at + TRANSFER_DELAY
    transfer.save(update_fields=["state", "accepted_by", "accepted_at", "due_at"])
    event = events.TransferAccepted(
        about=transfer.to_user,
        project=transfer.project.normalized_name,
        to=transfer.receiver,
        due=clock.written(transfer.due_at),
    )
    audit.record(actor, event)
    notices.accepted(transfer, by=actor, at=at)
    return transfer, ""


@transaction.atomic
def decline(*, actor: Actor, pk: int, at: datetime) -> Transfer:
    """Say no, also after a yes, until it is carried out.

    Raises:
        NotFound: it does not go to the actor.
        TransferClosed: it is over.
    """
    transfer = _locked(actor, Action.TRANSFER_DECLINE, pk)
    if transfer.state not in OPEN_TRANSFER:
        raise standing.TransferClosed
    transfer.end(TransferState.DECLINED, at)
    event = events.TransferDeclined(
        about=transfer.to_user, project=transfer.project.normalized_name, to=transfer.receiver
    )
    audit.record(actor, event)
    notices.declined(transfer, by=actor, at=at)
    return transfer


def _locked(actor: Actor, action: Action, pk: int) -> Transfer:
    require(actor, action)
    mine(actor, pk)
    transfer, _ = standing.locked(pk, person=actor.person)
    require(actor, action)
    mine(actor, pk)  # again: the actor may no longer manage the organisation
    return transfer
