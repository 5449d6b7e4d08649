"""Reports that something "was not me": what a link stops, what takes a second factor to stop, the way back.

Without a factor the worst a report can do is a nuisance: sessions end, and for 72 hours nothing changes that
opens or hands on the account. Reports are rows that the recovery desk takes up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import Q

from accounts import not_me, notices
from accounts.actions import new_places, organization_invitations
from accounts.actions.sessions import drop_sessions
from accounts.models import (
    FREEZE_TIME,
    InvitationState,
    Organization,
    OrganizationInvitation,
    ReportSource,
    SecurityReport,
    User,
)
from accounts.not_me import Claim
from indexsite import audit, limits
from indexsite.actors import SITE, Actor
from indexsite.audit import safety
from indexsite.errors import Conflict, PermissionRefused
from indexsite.limits import Limit
from indexsite.policies import Action, may, require
from mfa.models import RecoveryDevice, SecurityKey, is_security_key, live_device
from releases.actions import policy_changes
from releases.actions.people import standing
from releases.actions.transfers import standing as transfers
from releases.models import OPEN_TRANSFER, Project, ProjectInvitation, Transfer
from releases.notices import people
from tokens.actions.revoke import drop_tokens
from tokens.models import Token

if TYPE_CHECKING:
    from indexsite.audit_history import Rows
    from indexsite.models import AuditEvent

# An act takes its time at its beginning and is recorded at its end.
_MEANWHILE = timedelta(minutes=1)
REASON = "its owner said that something was not them"


@dataclass(frozen=True)
class Reported:
    """What a link is about, and what has been said of it before.

    Attributes:
        event: the audit event, or None where it is about none any more.
        is_proved: whether the asker is signed in to the account and has just proved a factor.
        before: an earlier report about the same.
        freezes: whether sending the report would freeze edits.
    """

    user: User
    event: AuditEvent | None
    is_proved: bool
    before: SecurityReport | None
    freezes: bool


class KeyIsOlder(PermissionRefused):
    """There was a stronger factor before what was reported."""

    code = "key-lifts-freeze"
    help_path = "/account/freeze/"

    def __init__(self) -> None:
        super().__init__(
            "You had a security key before what was reported, so only a key lifts the freeze; "
            "use it, wait, or ask the recovery desk."
        )


class FactorTooYoung(PermissionRefused):
    """Whoever took the account over may have added it."""

    code = "factor-too-young"
    help_path = "/account/freeze/"

    def __init__(self) -> None:
        super().__init__(
            "This factor is not older than what was reported, so it does not lift the freeze; "
            "use an older one, wait, or ask the recovery desk."
        )


def look(*, actor: Actor, token: str, at: datetime) -> Reported:
    """What the link would do. Changes nothing.

    Raises:
        not_me.LinkInvalid: it is too old or not ours.
    """
    return _look(actor, not_me.read(token, at=at))


def _look(actor: Actor, claim: Claim) -> Reported:
    user = User.objects.filter(pk=claim.user_id, is_active=True).first()
    if user is None:
        raise not_me.LinkInvalid
    event = _events(user, [claim.event_id]).first()
    reports = SecurityReport.objects.filter(user=user)
    # A freeze covers what came before it: old letters, in whoever's mailbox, do not prolong it or bring it back.
    covered = reports.filter(frozen_until__isnull=False, reported_at__gte=claim.issued_at).exists()
    is_proved = actor.user == user and bool(may(actor, Action.REPORT_PROVED))
    return Reported(
        user=user,
        event=event,
        is_proved=is_proved,
        before=reports.filter(event_id=claim.event_id).first(),
        freezes=not (is_proved or covered),
    )


def _events(user: User, pks: Iterable[int]) -> Rows:
    """Those of the records that are about the account, or of what was done in its name."""
    wanted = Q(pk__in=list(pks))
    rows: Rows = user.audit_events.filter(wanted) | user.acts.filter(wanted)
    return rows


def report(
    *,
    actor: Actor,
    token: str,
    keep_session: str,
    revoke_tokens: bool,
    freeze_uploads: bool,
    from_history: bool,
    at: datetime,
) -> SecurityReport:
    """Stop what can be stopped, and write it down for the recovery desk.

    Args:
        keep_session: key of the reporter's session; kept where a factor was proved in it, ended otherwise.
        revoke_tokens, freeze_uploads: heard only of somebody who has just proved a factor.

    Raises:
        not_me.LinkInvalid: the link is too old or not ours.
        PermissionRefused: tokens or uploads are asked for without a factor.
        Conflict: this was reported already, and nothing more would be stopped.
        LimitReached: too many reports about the same, or from this network address.
    """
    claim = not_me.read(token, at=at)
    limits.consume(Limit.REPORT_ADDRESS, actor.address, at=at)
    limits.consume(Limit.REPORT_LINK, str(claim.user_id), str(claim.event_id), at=at)
    if revoke_tokens or freeze_uploads:
        require(actor, Action.REPORT_PROVED)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).filter(pk=claim.user_id).first()
        found = _look(actor, claim)
        if found.before is not None and not (found.freezes or revoke_tokens or freeze_uploads):
            raise Conflict("This was reported already; nothing more is to be stopped.", code="reported-before")
        user = found.user
        stopped = _stop(user, found.event, at)
        if revoke_tokens:
            count = drop_tokens(Token.objects.unrevoked().filter(user=user), by=actor, at=at, reason=REASON)
            stopped.append(f"tokens revoked: {count}")
        if freeze_uploads:
            user.uploads_frozen_until = at + FREEZE_TIME
            stopped.append("uploads frozen")
        if found.freezes:
            user.edits_frozen_until = at + FREEZE_TIME
        user.save(update_fields=["edits_frozen_until", "uploads_frozen_until"])
        ended = drop_sessions(user, keep=keep_session if found.is_proved else "")
        source = ReportSource.HISTORY if from_history else ReportSource.LETTER
        return _write_down(actor, claim, found, source, ended=ended, stopped="; ".join(stopped)[:500], at=at)


def _write_down(
    actor: Actor, claim: Claim, found: Reported, source: ReportSource, *, ended: int, stopped: str, at: datetime
) -> SecurityReport:
    user = found.user
    row = SecurityReport.objects.create(
        user=user,
        source=source,
        event_id=claim.event_id,
        what=audit.sentence(found.event)[:500] if found.event is not None else "",
        reported_at=at,
        address=actor.address,
        client=actor.client,
        is_proved=found.is_proved,
        sessions_ended=ended,
        stopped=stopped,
        frozen_until=user.edits_frozen_until if found.freezes else None,
    )
    audit.record(actor, safety.AccountReported(about=user, what=row.what, stopped=row.stopped or "sessions"))
    notices.account_reported(user, report=row, actor=actor)
    return row


def _stop(user: User, event: AuditEvent | None, at: datetime) -> list[str]:
    """End what is on its way in this account's name; returns what that was."""
    stopped = []
    if count := new_places.stop(user, at=at):
        stopped.append(f"waiting sign-ins: {count}")
    # A mailed reset link is bound to the last sign-in: with another moment there all links are void.
    User.objects.filter(pk=user.pk).update(last_login=at)
    if event is not None and event.name == audit.EmailAdded.name:
        unproved = EmailAddress.objects.filter(user=user, verified=False, primary=False, email=event.data["email"])
        if unproved.delete()[0]:
            stopped.append(f"unverified address removed: {event.data['email']}")
    # Not those from before: an old letter in a stranger's hands should not undo what is older still.
    since = (event.at if event is not None else at) - _MEANWHILE
    return [
        *stopped,
        *_stop_invitations(user, since, at),
        *_stop_transfers(user, since, at),
        *_stop_policy_changes(user, since, at),
    ]


def _stop_invitations(user: User, since: datetime, at: datetime) -> list[str]:
    """Whoever said yes to one sent in this account's name would stay."""
    stopped = []
    why = f"{user.username}, who sent it, says it was somebody else"
    pending = {"invited_by": user, "state": InvitationState.PENDING, "sent_at__gte": since}
    # Organizations before projects, each by key, as everywhere.
    sent = OrganizationInvitation.objects.filter(**pending).order_by("organization")
    for pk in list(sent.values_list("organization_id", flat=True).distinct()):
        organization = Organization.objects.locked(pk)
        count = organization_invitations.take_back_those_of(user, organization, since=since, at=at, why=why)
        stopped.append(f"invitations to {organization.name} taken back: {count}")
    asked = ProjectInvitation.objects.filter(**pending).order_by("project")
    for pk in list(asked.values_list("project_id", flat=True).distinct()):
        project = Project.with_deleted.locked(pk)
        for invitation in project.invitations.filter(**pending).select_related("user", "project", "invited_by"):
            standing.revoke(invitation, by=SITE, at=at, reason=why)
            people.taken_back(invitation, by=SITE, at=at)
            stopped.append(f"invitation of {invitation.shown} to {project.name} taken back")
    return stopped


def _stop_policy_changes(user: User, since: datetime, at: datetime) -> list[str]:
    why = f"{user.username}, who asked for it, says it was somebody else"
    stopped = policy_changes.stop_those_of(user, since=since, why=why, at=at)
    return [f"change of the protection of {name} stopped" for name in stopped]


def _stop_transfers(user: User, since: datetime, at: datetime) -> list[str]:
    stopped = []
    offers = Transfer.objects.filter(offered_by=user, state__in=OPEN_TRANSFER, offered_at__gte=since)
    for pk in offers.order_by("project").values_list("pk", flat=True):
        transfer, _ = transfers.locked(pk)
        if transfer.state in OPEN_TRANSFER:
            transfers.lapse(transfer, f"{user.username}, who offered it, says it was somebody else", at=at)
            stopped.append(f"transfer of {transfer.project.name} ended")
    return stopped


@transaction.atomic
def lift(*, actor: Actor, at: datetime) -> None:
    """The owner ends the freeze, with a factor that was there before what was reported.

    Raises:
        Conflict: nothing is frozen.
        FactorTooYoung: somebody else may have added it.
        KeyIsOlder: a key would be the proof, not a code.
        PermissionRefused: no factor, or no recent proof of it.
    """
    require(actor, Action.FREEZE_LIFT)
    user = User.objects.select_for_update(no_key=True).get(pk=actor.person.pk)
    if not is_frozen(user, at):
        raise Conflict("Nothing in this account is frozen.", code="not-frozen")
    open_reports = SecurityReport.objects.filter(user=user, closed_at=None)
    _insist_on_old_factor(actor, open_reports, at)
    user.edits_frozen_until = user.uploads_frozen_until = None
    user.save(update_fields=["edits_frozen_until", "uploads_frozen_until"])
    open_reports.update(closed_at=at, closed_by=actor.label)
    audit.record(actor, safety.FreezeLifted(about=user))
    notices.freeze_lifted(user, actor=actor)


def _insist_on_old_factor(actor: Actor, reports: Iterable[SecurityReport], at: datetime) -> None:
    device = live_device(actor.factor)
    if device is None or isinstance(device, RecoveryDevice):
        raise FactorTooYoung
    events = _events(actor.person, [row.event_id for row in reports])
    oldest = min(events.values_list("at", flat=True), default=at)
    if device.created_at >= oldest:
        raise FactorTooYoung
    # The strongest of those days: a code can be tricked out of somebody who had a key all along.
    keys = SecurityKey.objects.filter(user=actor.person, set_aside_at=None, created_at__lt=oldest)
    if not is_security_key(actor.factor) and keys.exists():
        raise KeyIsOlder


def is_frozen(user: User, at: datetime) -> bool:
    """Whether edits or uploads are."""
    return any(until is not None and until > at for until in (user.edits_frozen_until, user.uploads_frozen_until))
