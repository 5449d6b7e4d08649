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
