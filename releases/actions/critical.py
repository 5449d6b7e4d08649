"""The critical list: curators propose what gets on and off it, a second curator agrees, owners are told.

Proposals wait in one queue, whoever they come from. Saying no takes one person; nothing changes by it.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from packaging.utils import InvalidName, canonicalize_name

from indexsite import audit, reasons
from indexsite.actors import Actor
from indexsite.audit import critical as events
from indexsite.errors import Conflict, InvalidInput, NotFound
from indexsite.policies import Action, require, require_now
from releases.models import (
    Designation,
    ListChange,
    ListProposal,
    ListProposalState,
    ListSource,
    designation_of,
)
from releases.notices import critical as notices


class NoSuchName(InvalidInput):
    """No project can be called so."""

    code = "name-malformed"
    field = "name"

    def __init__(self) -> None:
        super().__init__("Use letters, digits, dots, dashes, underscores; begin and end with a letter or digit.")


class ListProposalClosed(Conflict):
    """It was carried out or declined."""

    code = "list-proposal-closed"

    def __init__(self) -> None:
        super().__init__("This proposal is over; make a new one if the list still should change.")


@transaction.atomic
def propose(*, actor: Actor, name: str, change: ListChange, reason: str, at: datetime) -> ListProposal:
    """Say the first yes to a change of the list. Nothing changes before a second curator agrees.

    Args:
        name: of a project, in any spelling; there need not be one.
        reason: the project's owners read it once the change is made.

    Raises:
        PermissionRefused: the actor may not.
        InvalidInput: this cannot be a project's name, or no reason.
        Conflict: the list is so already, or somebody has proposed something for this name.
    """
    require(actor, Action.CRITICAL_PROPOSE)
    reason = reasons.clean(reason, is_needed=True)
    name = _normalized(name)
    _insist_on_change(name, change)
    proposal, is_new = ListProposal.objects.get_or_create(
        name=name,
        state=ListProposalState.OPEN,
        defaults={
            "change": change,
            "source": ListSource.BY_HAND,
            "reason": reason,
            "proposed_at": at,
            "first": actor.person,
            "first_at": at,
        },
    )
    if not is_new:
        raise Conflict(f"There is a proposal for {name} already; agree to it or decline it.", code="list-proposed")
    audit.record(actor, events.ListChangeProposed(label=name, change=change.value, reason=reason))
    return proposal


@transaction.atomic
def agree(*, actor: Actor, pk: int, at: datetime) -> ListProposal:
    """Say yes. The second yes changes the list and tells the owners; one that was computed has no first one yet.

    Raises:
        NotFound: there is no such proposal.
        PermissionRefused: the actor is no curator, has said yes already, or has a role on the project.
        ListProposalClosed: it is over.
        Conflict: the list is so already.
    """
    proposal = _locked(actor, Action.CRITICAL_AGREE, pk)
    change = ListChange(proposal.change)
    _insist_on_change(proposal.name, change)
    if proposal.first is None:
        proposal.first, proposal.first_at = actor.person, at
        proposal.save(update_fields=["first", "first_at"])
        audit.record(actor, events.ListChangeSeconded(label=proposal.name, change=change.value))
        return proposal
    proposal.second, proposal.second_at = actor.person, at
    proposal.end(ListProposalState.DONE, at)
    if change is ListChange.JOIN:
        Designation.objects.create(name=proposal.name, reason=proposal.reason, began_at=at, began_with=proposal)
        audit.record(actor, events.CriticalListed(project=proposal.name, reason=proposal.reason))
    else:
        Designation.objects.standing().filter(name=proposal.name).update(ended_at=at, ended_with=proposal)
        audit.record(actor, events.CriticalUnlisted(project=proposal.name, reason=proposal.reason))
    notices.list_changed(proposal, at=at)
    return proposal


@transaction.atomic
def decline(*, actor: Actor, pk: int, reason: str, at: datetime) -> ListProposal:
    """Say no, also to one's own proposal. Raises as `agree`; InvalidInput without a reason."""
    reason = reasons.clean(reason, is_needed=True)
    proposal = _locked(actor, Action.CRITICAL_PROPOSE, pk)
    proposal.declined_by, proposal.declined_why = actor.person, reason
    proposal.end(ListProposalState.DECLINED, at)
    event = events.ListChangeDeclined(label=proposal.name, change=proposal.change, reason=reason)
    audit.record(actor, event)
    return proposal


def _locked(actor: Actor, action: Action, pk: int) -> ListProposal:
    require(actor, action)
    proposal = ListProposal.objects.select_for_update().filter(pk=pk).first()
    if proposal is None:
        raise NotFound("There is no such proposal.")
    require_now(actor, action, proposal)
    if proposal.state != ListProposalState.OPEN:
        raise ListProposalClosed
    return proposal


def _insist_on_change(name: str, change: ListChange) -> None:
    is_listed = designation_of(name) is not None
    if is_listed and change is ListChange.JOIN:
        raise Conflict(f"{name} is on the list already.", code="listed-already")
    if not is_listed and change is ListChange.LEAVE:
        raise Conflict(f"{name} is not on the list.", code="not-listed")


def _normalized(name: str) -> str:
    try:
        normalized = canonicalize_name(name.strip(), validate=True)
    except InvalidName:
        raise NoSuchName from None
    if len(normalized) > 200:
        raise NoSuchName
    return normalized
