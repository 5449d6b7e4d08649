"""The owners' side of a transfer: offering and stopping."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts import usernames
from accounts.models import Organization, User
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.audit import transfers as events
from indexsite.errors import Conflict, InvalidInput
from indexsite.limits import Limit
from indexsite.policies import Action, require
from releases.actions.people.standing import locked_for
from releases.actions.transfers import standing
from releases.models import TRANSFER_OFFER_LIFE, Project, RoleKind, Transfer, TransferState, people_with
from releases.notices import transfers as notices


def offer(*, actor: Actor, project: Project, receiver: str, at: datetime) -> Transfer:
    """Offer the project to a person or an organisation, by name. Nothing changes before they accept.

    Raises:
        PermissionRefused: the actor is no owner, or the project is quarantined.
        InvalidInput: nobody has this name, or it is theirs already.
        Conflict: another transfer is open.
        LimitReached: the actor has offered too many today, or the receiver was asked too often.
    """
    require(actor, Action.PROJECT_TRANSFER, project)
    person, organization = _find_receiver(receiver)
    limits.consume(Limit.TRANSFER_OFFER_USER, str(actor.person.pk), at=at)
    limits.consume(Limit.INVITE_TO, usernames.canonical(receiver), at=at)
    with transaction.atomic():
        project = locked_for(actor, Action.PROJECT_TRANSFER, project)
        if project.transfers.open().exists():
            raise Conflict(
                f"A transfer of '{project.name}' is open already; cancel it first.", code="transfer-open"
            )
        _insist_on_change(project, person, organization)
        transfer = Transfer.objects.create(
            project=project,
            to_user=person,
            to_organization=organization,
            offered_by=actor.person,
            offered_at=at,
            expires_at=at + TRANSFER_OFFER_LIFE,
        )
        event = events.TransferOffered(about=person, project=project.normalized_name, to=transfer.receiver)
        audit.record(actor, event)
        notices.offered(transfer, by=actor, at=at)
    return transfer


def _find_receiver(name: str) -> tuple[User | None, Organization | None]:
    # People and organisations share one space of names, so there is nothing to choose.
    name = usernames.canonical(name)
    if (person := User.objects.filter(username=name, is_active=True).first()) is not None:
        return person, None
    if (organization := Organization.objects.filter(name=name).first()) is not None:
        return None, organization
    raise InvalidInput(
        "There is no person and no organization of this name; check the spelling.", code="receiver-unknown"
    )


def _insist_on_change(project: Project, person: User | None, organization: Organization | None) -> None:
    if person is None:
        is_theirs = project.organization == organization
    else:
        is_theirs = project.organization is None and list(people_with(project, RoleKind.OWNER)) == [person]
    if is_theirs:
        raise InvalidInput("The project is theirs already.", code="receiver-owns-it")


@transaction.atomic
def cancel(*, actor: Actor, project: Project, at: datetime) -> Transfer:
    """Stop the project's open transfer, at any time before it is carried out.

    Raises:
        PermissionRefused: the actor is no owner.
        TransferClosed: there is none, or no longer.
    """
    project = locked_for(actor, Action.TRANSFER_CANCEL, project)
    transfer = project.transfers.open().select_related("to_user", "to_organization").first()
    if transfer is None:
        raise standing.TransferClosed
    transfer.project = project
    transfer.end(TransferState.CANCELLED, at)
    event = events.TransferCancelled(about=transfer.to_user, project=project.normalized_name, to=transfer.receiver)
    audit.record(actor, event)
    notices.cancelled(transfer, by=actor, at=at)
    return transfer
