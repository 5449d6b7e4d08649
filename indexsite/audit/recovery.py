"""The audit vocabulary, continued: how somebody gets back in, and what stops somebody else from it.

`case` is the id of the case, for the desk.
"""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class RecoveryOpened(Event):
    name = "recovery.opened"
    sentence = "Somebody asks to recover this account and says to be its owner."
    case: str


@dataclass(frozen=True, kw_only=True)
class RecoveryEvidence(Event):
    name = "recovery.evidence-added"
    sentence = "Evidence was offered in a recovery of this account: {kind}."
    case: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class RecoveryApproved(Event):
    name = "recovery.approved"
    sentence = "One of the staff approved the recovery of this account ({reason})."
    by_staff = True
    case: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RecoveryDated(Event):
    name = "recovery.dated"
    sentence = "The recovery of this account was decided; it is carried out after {due} unless its owner stops it."
    case: str
    due: str


@dataclass(frozen=True, kw_only=True)
class RecoveryReturned(Event):
    name = "recovery.returned"
    sentence = "The recovery of this account has to be decided anew: {why}."
    case: str
    why: str


@dataclass(frozen=True, kw_only=True)
class RecoveryCancelled(Event):
    name = "recovery.cancelled"
    sentence = "A recovery of this account was stopped by {how}."
    case: str
    how: str


@dataclass(frozen=True, kw_only=True)
class RecoveryReopened(Event):
    name = "recovery.reopened"
    sentence = "A recovery that a mailbox had stopped goes on, at the highest tier."
    case: str


@dataclass(frozen=True, kw_only=True)
class RecoveryDisputed(Event):
    name = "recovery.disputed"
    sentence = "A recovery of this account is disputed: {why}."
    case: str
    why: str


@dataclass(frozen=True, kw_only=True)
class RecoverySettled(Event):
    name = "recovery.settled"
    sentence = "The staff settled the dispute about the recovery of this account ({reason})."
    by_staff = True
    case: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RecoverySelfResolved(Event):
    name = "recovery.self-resolved"
    sentence = "A recovery of this account ended: its owner signed in with a factor or a recovery code."
    case: str


@dataclass(frozen=True, kw_only=True)
class RecoveryEnded(Event):
    name = "recovery.ended"
    sentence = "A recovery of this account ended: {how}."
    case: str
    how: str


@dataclass(frozen=True, kw_only=True)
class RecoveryExecuted(Event):
    """`factors`, `tokens`: how many were removed and revoked."""

    name = "recovery.executed"
    sentence = "This account was recovered: factors removed: {factors}, tokens revoked: {tokens}, sessions ended."
    case: str
    factors: int
    tokens: int


@dataclass(frozen=True, kw_only=True)
class RecoveryPasswordSet(Event):
    name = "recovery.password-set"
    sentence = "A new password was set at the end of a recovery."
    case: str


@dataclass(frozen=True, kw_only=True)
class RecoveryEnrolled(Event):
    name = "recovery.enrolled"
    sentence = "A new second factor ended the recovery; until {until} nothing can be published or handed on."
    case: str
    until: str


@dataclass(frozen=True, kw_only=True)
class RecoveryHoldOver(Event):
    name = "recovery.hold-over"
    sentence = "The hold after the recovery is over."
    case: str


@dataclass(frozen=True, kw_only=True)
class GlassAsked(Event):
    name = "recovery.glass-asked"
    sentence = "One of the staff asked to end the waiting of a recovery of this account ({reason})."
    by_staff = True
    case: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class GlassBroken(Event):
    name = "recovery.glass-broken"
    sentence = "Two of the staff ended the waiting of a recovery of this account ({reason})."
    by_staff = True
    case: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RecoveriesPaused(Event):
    name = "recovery.paused"
    sentence = "The owner wants no recovery of this account to be asked for before {until}."
    until: str


@dataclass(frozen=True, kw_only=True)
class RecoveriesUnpaused(Event):
    name = "recovery.unpaused"
    sentence = "The owner lets recoveries of this account be asked for again."


@dataclass(frozen=True, kw_only=True)
class RecoveryOfStaffAsked(Event):
    name = "recovery.asked-for-staff"
    sentence = "Somebody asked to recover {about}, who works for this site; nothing came of it."


@dataclass(frozen=True, kw_only=True)
class RecoveryAlert(Event):
    name = "recovery.alert"
    sentence = "The recovery desk was alerted: {why}."
    by_staff = True
    case: str
    why: str


@dataclass(frozen=True, kw_only=True)
class NoticeBounced(Event):
    name = "recovery.notice-bounced"
    sentence = (
        "A letter about a recovery of this account came back from {email}; the waiting is longer by seven days."
    )
    by_staff = True
    case: str
    email: str


@dataclass(frozen=True, kw_only=True)
class RecoveryUnmasked(Event):
    name = "recovery.unmasked"
    sentence = "Somebody who works for this site read the addresses in a recovery of this account ({reason})."
    by_staff = True
    case: str
    reason: str
