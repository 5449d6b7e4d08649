"""What auditors do with the audit trail: taking it along, unmasking, checking. All of it stands in the trail.

Every day the worker looks whether it is as it was sealed, and writes to those who have to act if it is not.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts import notices
from accounts.models import User
from indexsite import audit, audit_seal, clock, reasons
from indexsite.actors import SITE, Actor
from indexsite.audit import safety
from indexsite.audit_trail import Search, event_of
from indexsite.errors import NotFound
from indexsite.models import AuditEvent, SiteFact
from indexsite.policies import Action, require

VERIFIED_FACT = "audit-verified"
FINDINGS_KEPT = 20
# The daily look repeats the letter as long as nothing changes; an auditor who presses the button again does not.
TOLD_AGAIN = timedelta(hours=12)
log = logging.getLogger(__name__)


@transaction.atomic
def note_search(*, actor: Actor, search: Search) -> None:
    """Whoever is looked for by name reads in their history that somebody of the staff looked.

    Raises:
        PermissionRefused: the actor is no auditor.
    """
    require(actor, Action.AUDIT_VIEW)
    for name in {search.actor, search.about} - {""}:
        user = User.objects.filter(username=name).first()
        if user is not None and user != actor.user:
            audit.record(actor, safety.HistoryViewed(about=user, what="a search for the name"))


@transaction.atomic
def note_export(*, actor: Actor, search: Search, form: str, reason: str) -> None:
    """Before anything leaves: what, as what, and why.

    Raises:
        PermissionRefused: the actor is no auditor.
        InvalidInput: no reason.
    """
    require(actor, Action.AUDIT_EXPORT)
    reason = reasons.clean(reason, is_needed=True)
    about = User.objects.filter(username=search.about or search.actor).first()
    audit.record(actor, safety.TrailExported(about=about, what=str(search), format=form, reason=reason))


@transaction.atomic
def unmask(*, actor: Actor, number: int, reason: str) -> AuditEvent:
    """The event with the network address it came from; whom it is about reads that it was looked at, and why.

    Raises:
        PermissionRefused: the actor is no auditor.
        InvalidInput: no reason.
        NotFound: there is no such event.
    """
    require(actor, Action.AUDIT_VIEW)
    reason = reasons.clean(reason, is_needed=True)
    row = event_of(number)
    if row is None:
        raise NotFound("There is no such event.")
    about = row.about or row.actor
    audit.record(actor, safety.AddressUnmasked(about=about, number=number, event=row.name, reason=reason))
    return row


@transaction.atomic
def ask_for_check(*, actor: Actor) -> None:
    """Have the worker hold the trail against its seals. Raises PermissionRefused: the actor is no auditor."""
    require(actor, Action.AUDIT_VIEW)
    audit.record(actor, safety.TrailCheckAsked())


def check(*, at: datetime) -> list[str]:
    """Hold the trail against its seals and keep what came of it for the page; returns the first findings."""
    found: list[str] = []
    for sentence in audit_seal.findings():
        found.append(sentence)
        if len(found) >= FINDINGS_KEPT:
            break
    newest = audit_seal.newest_head()
    _keep(found, batches=newest.number if newest else 0, at=at)
    if found:
        log.error("The audit trail is not as it was sealed: %s", found[0])
    return found


@transaction.atomic
def _keep(found: list[str], *, batches: int, at: datetime) -> None:
    """What came of it; whoever has to act on it is written to, at most once in `TOLD_AGAIN` about the same."""
    fact = SiteFact.objects.select_for_update().filter(name=VERIFIED_FACT).first()
    before = fact.value if fact is not None else {}
    told_at = before.get("told_at", "") if found and before.get("findings") == found else ""
    if found and (not told_at or at - datetime.fromisoformat(told_at) >= TOLD_AGAIN):
        told_at = at.isoformat()
        audit.record(SITE, safety.TrailBroken(first=found[0]))
        notices.trail_broken(found)
    value = {"at": at.isoformat(), "batches": batches, "findings": found, "told_at": told_at}
    SiteFact.objects.update_or_create(name=VERIFIED_FACT, defaults={"value": value})


def last_check() -> dict[str, Any] | None:
    """When, over how many batches, with which findings."""
    fact = SiteFact.objects.filter(name=VERIFIED_FACT).first()
    if fact is None:
        return None
    return {**fact.value, "at": clock.written(datetime.fromisoformat(fact.value["at"]))}
