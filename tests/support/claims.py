"""Claimants: somebody in a browser of their own who asks for an account through the real acts."""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress

from accounts.models import User
from indexsite import audit, clock
from indexsite.actors import Actor
from indexsite.models import AuditEvent
from recovery.actions import requests
from recovery.actions.evidence.receiving import Claim
from recovery.assurance import EvidenceClass, points_of
from recovery.assurance_policy import POLICY
from recovery.facts import facts_of
from recovery.models import CaseReason, Evidence, RecoveryCase
from tests.support.people import mailed_link
from tests.support.worker import run_queued

HOME = "198.51.100.7"
ELSEWHERE = "203.0.113.9"


def visitor(address: str = HOME) -> Actor:
    return Actor(user=None, address=address, client="Browser/1.0")


def claimant(
    name: str, mailbox: str, *, address: str = HOME, device: str = "", at: datetime | None = None
) -> Claim:
    """Asks for the account, reads the letter, opens its link: from here on evidence is taken."""
    at = at or clock.now()
    actor = visitor(address)
    asked = requests.submit(
        actor=actor, username=name, mailbox=mailbox, reason=CaseReason.LOST_FACTOR, device=device, at=at
    )
    run_queued()
    token = mailed_link(mailbox).strip("/").rpartition("/")[2]
    requests.open_link(actor=actor, pk=asked.case_id, secret=asked.secret, token=token, at=at)
    return Claim(actor, asked.case_id, asked.secret, at)


def case_of(claim: Claim) -> RecoveryCase:
    return RecoveryCase.objects.get(pk=claim.case_id)


def offered(claim: Claim) -> list[Evidence]:
    """What was offered beyond the mailbox that the case was opened with."""
    case = case_of(claim)
    return [row for row in case.evidence.order_by("pk") if row.reference != case.mailbox]


def aged(user: User, days: int = 400) -> User:
    """As if the account had been made so long ago, with everything in it."""
    then = clock.now() - timedelta(days=days)
    User.objects.filter(pk=user.pk).update(date_joined=then)
    user.roles.update(granted_at=then)
    user.memberships.update(joined_at=then)
    user.refresh_from_db()
    return user


def past_event(user: User, event: audit.Event, at: datetime, *, address: str = "") -> None:
    """An event that was recorded then."""
    AuditEvent.objects.create(
        at=at,
        name=event.name,
        actor=user,
        actor_label=user.username,
        credential_label="web session",
        about=user,
        about_label=user.username,
        address=address,
        project=event.project,
        data=event.data(),
    )


def add_address(user: User, email: str) -> EmailAddress:
    return EmailAddress.objects.create(user=user, email=email, verified=True, primary=False)


def points(claim: Claim) -> dict[EvidenceClass, int]:
    """What the evidence is worth now."""
    return points_of(facts_of(case_of(claim), at=clock.now()).evidence, POLICY)


def the_row(claim: Claim) -> Evidence:
    """The one piece of evidence in it."""
    (row,) = offered(claim)
    return row
