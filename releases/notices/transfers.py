"""Letters about transfers: every step is told to all owners and to the receiver, at every verified address."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from accounts.models import User
from accounts.notices import tell_all
from accounts.queries import verified_addresses_of_all
from indexsite import clock
from indexsite.actors import SITE, Actor
from releases.models import RoleKind, Transfer, people_with


def offered(transfer: Transfer, *, by: Actor, at: datetime) -> None:
    """Ask the receiver; tell the owners."""
    until = clock.written(transfer.expires_at)
    request = {**_facts(transfer, by.label, at), "until": until, "transfer_id": transfer.pk}
    asked = _receivers(transfer)
    tell_all("transfer-request", to=verified_addresses_of_all(asked), context=request, by=by.user)
    owners = [user for user in _owners(transfer) if user not in asked]
    sentence = (
        f"{by.label} offered it to {_receiver(transfer)}. Nothing changes unless they accept by {until}; "
        "then 72 hours pass in which any owner can cancel."
    )
    _tell(transfer, f"offered to {transfer.receiver}", sentence, at, by=by, people=owners, can_cancel=True)


def accepted(transfer: Transfer, *, by: Actor, at: datetime) -> None:
    due = clock.written(transfer.due_at) if transfer.due_at is not None else ""
    sentence = (
        f"{by.label} accepted for {_receiver(transfer)}. It happens after {due}; any owner can cancel until then."
    )
    _tell(transfer, f"goes to {transfer.receiver} in 72 hours", sentence, at, by=by, can_cancel=True)


def declined(transfer: Transfer, *, by: Actor, at: datetime) -> None:
    sentence = f"{by.label} declined for {_receiver(transfer)}. Nothing changes."
    _tell(transfer, f"transfer to {transfer.receiver} declined", sentence, at, by=by)


def cancelled(transfer: Transfer, *, by: Actor, at: datetime) -> None:
    sentence = f"{by.label} cancelled the transfer to {_receiver(transfer)}. Nothing changes."
    _tell(transfer, f"transfer to {transfer.receiver} cancelled", sentence, at, by=by)


def lapsed(transfer: Transfer, *, reason: str, at: datetime) -> None:
    sentence = f"The transfer to {_receiver(transfer)} came to nothing: {reason}. Nothing changes."
    _tell(transfer, f"transfer to {transfer.receiver} came to nothing", sentence, at)


def done(transfer: Transfer, *, former: Iterable[User], at: datetime) -> None:
    """`former`: who owned it until now."""
    sentence = (
        f"It belongs to {_receiver(transfer)} now. Earlier owners are no longer owners, and teams of a former "
        "organization have no role any more; maintainers and approvers stay."
    )
    _tell(transfer, f"now belongs to {transfer.receiver}", sentence, at, people=[*former, *_all(transfer)])


def _tell(
    transfer: Transfer,
    headline: str,
    sentence: str,
    at: datetime,
    *,
    by: Actor = SITE,
    people: Iterable[User] | None = None,
    can_cancel: bool = False,
) -> None:
    to = verified_addresses_of_all(_all(transfer) if people is None else people)
    context = {
        **_facts(transfer, by.label if by.user is not None else "", at),
        "headline": headline,
        "sentence": sentence,
        "can_cancel": can_cancel,
    }
    tell_all("transfer-news", to=to, context=context, by=by.user)


def _facts(transfer: Transfer, by: str, at: datetime) -> dict[str, object]:
    return {
        "project": transfer.project.name,
        "normalized_name": transfer.project.normalized_name,
        "receiver": _receiver(transfer),
        "by": by,
        "at": clock.written(at),
    }


def _receiver(transfer: Transfer) -> str:
    return transfer.receiver if transfer.to_user is not None else f"the organization {transfer.receiver}"


def _all(transfer: Transfer) -> list[User]:
    return [*_owners(transfer), *_receivers(transfer)]


def _owners(transfer: Transfer) -> list[User]:
    return list(people_with(transfer.project, RoleKind.OWNER))


def _receivers(transfer: Transfer) -> list[User]:
    if transfer.to_user is not None:
        return [transfer.to_user]
    assert transfer.to_organization is not None  # noqa: S101 - a constraint of the table
    return list(transfer.to_organization.managers())
