"""The audit vocabulary, continued: how a stranger is kept out of an account, and what its owner does about one."""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class SignInHeld(Event):
    name = "account.sign-in-held"
    sentence = "A sign-in from an unknown browser was held until a mailed link is used there."


@dataclass(frozen=True, kw_only=True)
class SignInConfirmed(Event):
    name = "account.sign-in-confirmed"
    sentence = "A sign-in from an unknown browser was confirmed with the mailed link."


@dataclass(frozen=True, kw_only=True)
class AccountReported(Event):
    """`what` is the sentence of the event that somebody says was not them; `stopped` what their report ended."""

    name = "account.reported"
    sentence = 'Somebody reported "{what}" as not them; stopped: {stopped}.'
    what: str
    stopped: str


@dataclass(frozen=True, kw_only=True)
class LettersChosen(Event):
    name = "letters.chosen"
    sentence = "Letters were chosen; switched off: {muted}."
    muted: str


@dataclass(frozen=True, kw_only=True)
class HistoryViewed(Event):
    name = "account.history-viewed"
    sentence = "Somebody who works for this site looked into the history of {about} ({what})."
    what: str


@dataclass(frozen=True, kw_only=True)
class AccountLookedUp(Event):
    name = "account.looked-up"
    by_staff = True
    sentence = "Somebody who works for this site looked at the account of {about} in the console."


@dataclass(frozen=True, kw_only=True)
class AddressSearched(Event):
    """`email` is masked; `about` is whose it is, if anybody's."""

    name = "account.searched"
    by_staff = True
    sentence = "Somebody who works for this site searched for the account with the address {email}."
    email: str


@dataclass(frozen=True, kw_only=True)
class ProjectLookedUp(Event):
    """No event of the project: its people must not be warned while something is looked into."""

    name = "project.looked-up"
    by_staff = True
    sentence = "Somebody who works for this site looked at the project {label} in the console."
    label: str


@dataclass(frozen=True, kw_only=True)
class FreezeLifted(Event):
    name = "account.freeze-lifted"
    sentence = "The freeze after a report was lifted with a second factor."


@dataclass(frozen=True, kw_only=True)
class DevicesForgotten(Event):
    name = "browsers.forgotten"
    sentence = "Known browsers forgotten: {count}."
    count: int


@dataclass(frozen=True, kw_only=True)
class PasswordDisabled(Event):
    name = "password.disabled"
    sentence = "The password was used to sign in, is on a list of leaked passwords, and was disabled."


@dataclass(frozen=True, kw_only=True)
class TrailExported(Event):
    name = "audit.exported"
    by_staff = True
    sentence = "Events of the audit trail were taken along as {format}: {what} (reason: {reason})."
    what: str
    format: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class AddressUnmasked(Event):
    name = "audit.address-shown"
    by_staff = True
    sentence = (
        "The network address of event {number} ({event}) was shown to somebody of the staff (reason: {reason})."
    )
    number: int
    event: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class TrailCheckAsked(Event):
    name = "audit.check-asked"
    sentence = "The audit trail was to be held against its seals."


@dataclass(frozen=True, kw_only=True)
class TrailBroken(Event):
    """`first` is the first of the sentences that the check has to say."""

    name = "audit.check-failed"
    sentence = "The audit trail was held against its seals and is not as it was sealed ({first})."
    first: str


@dataclass(frozen=True, kw_only=True)
class LeakReported(Event):
    name = "token.leak-reported"
    by_staff = True
    sentence = (
        "A text with tokens of this site was handed in; found: {found}, revoked: {revoked} (reason: {reason})."
    )
    found: int
    revoked: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class MalwareReported(Event):
    """No event of the project: its people must not be warned before somebody has looked."""

    name = "malware.reported"
    sentence = "{about} reported {label} as malware."
    label: str


@dataclass(frozen=True, kw_only=True)
class MalwareJudged(Event):
    name = "malware.judged"
    by_staff = True
    sentence = "The report of {label} as malware was answered: {verdict} (reason: {reason})."
    label: str
    verdict: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class LimitCleared(Event):
    """`place` is a network address, where it was none of an account."""

    name = "limit.cleared"
    by_staff = True
    sentence = "What was counted against the limit {limit} was forgotten (reason: {reason})."
    limit: str
    place: str
    reason: str
