"""The audit vocabulary, continued: the critical list. What is only proposed concerns nobody's project yet."""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class ListChangeProposed(Event):
    name = "critical.proposed"
    sentence = "It was proposed that {label} {change} the critical list (reason: {reason})."
    label: str
    change: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ListChangeSeconded(Event):
    name = "critical.seconded"
    sentence = "A curator took up the computed proposal that {label} {change} the critical list."
    label: str
    change: str


@dataclass(frozen=True, kw_only=True)
class ListChangeDeclined(Event):
    name = "critical.declined"
    sentence = "The proposal that {label} {change} the critical list was declined (reason: {reason})."
    label: str
    change: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class CriticalListed(Event):
    name = "critical.listed"
    by_staff = True
    sentence = "{project} was put on the critical list (reason: {reason})."
    reason: str


@dataclass(frozen=True, kw_only=True)
class CriticalUnlisted(Event):
    name = "critical.unlisted"
    by_staff = True
    sentence = "{project} was taken off the critical list (reason: {reason})."
    reason: str
