"""The audit vocabulary, continued: what becomes of projects, releases and files after they were published."""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.audit.events import Event

NO_REASON = "none given"


@dataclass(frozen=True, kw_only=True)
class ReleaseYanked(Event):
    name = "release.yanked"
    sentence = "Release {version} of {project} was yanked (reason: {reason})."
    version: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ReleaseUnyanked(Event):
    name = "release.unyanked"
    sentence = "Release {version} of {project} is no longer yanked."
    version: str


@dataclass(frozen=True, kw_only=True)
class FileYanked(Event):
    name = "file.yanked"
    sentence = "{filename} was yanked (reason: {reason})."
    filename: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class FileUnyanked(Event):
    name = "file.unyanked"
    sentence = "{filename} is no longer yanked."
    filename: str


@dataclass(frozen=True, kw_only=True)
class Deleted(Event):
    name = "deletion.begun"
    sentence = "The {kind} {label} was deleted; it can be restored until {undo_until}."
    kind: str
    label: str
    undo_until: str


@dataclass(frozen=True, kw_only=True)
class DeletionUndone(Event):
    name = "deletion.undone"
    sentence = "The {kind} {label} was restored."
    kind: str
    label: str


@dataclass(frozen=True, kw_only=True)
class DeletionFinal(Event):
    name = "deletion.final"
    sentence = "The {kind} {label} is gone for good."
    kind: str
    label: str


@dataclass(frozen=True, kw_only=True)
class StatusChanged(Event):
    name = "project.status-changed"
    sentence = "{project} is now {status}, no longer {before} (reason: {reason})."
    before: str
    status: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ProjectQuarantined(Event):
    name = "project.quarantined"
    by_staff = True
    sentence = "{project} was put into quarantine (reason: {reason})."
    reason: str


@dataclass(frozen=True, kw_only=True)
class QuarantineEnded(Event):
    name = "project.quarantine-ended"
    by_staff = True
    sentence = "{project} left quarantine and is {status} again (reason: {reason})."
    status: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class AccountFrozen(Event):
    name = "account.frozen"
    by_staff = True
    sentence = "Account {about} was frozen (reason: {reason})."
    reason: str


@dataclass(frozen=True, kw_only=True)
class AccountUnfrozen(Event):
    name = "account.unfrozen"
    by_staff = True
    sentence = "Account {about} is no longer frozen (reason: {reason})."
    reason: str


@dataclass(frozen=True, kw_only=True)
class NameProhibited(Event):
    name = "name.prohibited"
    sentence = "The {kind} name {label} was prohibited (reason: {reason})."
    kind: str
    label: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class AddressProhibited(Event):
    """`label` is an address, or a domain with all below it."""

    name = "address.prohibited"
    sentence = "The address or domain {label} was prohibited (reason: {reason})."
    label: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class AddressAllowed(Event):
    name = "address.allowed"
    sentence = "The address or domain {label} is no longer prohibited (reason: {reason})."
    label: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class NameAllowed(Event):
    name = "name.allowed"
    sentence = "The {kind} name {label} is no longer prohibited (reason: {reason})."
    kind: str
    label: str
    reason: str
