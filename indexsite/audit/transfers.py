"""What happens to a project on its way to somebody else. `to` is the receiver's name."""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class TransferOffered(Event):
    name = "transfer.offered"
    sentence = "{project} was offered to {to}."
    to: str


@dataclass(frozen=True, kw_only=True)
class TransferAccepted(Event):
    name = "transfer.accepted"
    sentence = "The transfer of {project} to {to} was accepted; it happens after {due}."
    to: str
    due: str


@dataclass(frozen=True, kw_only=True)
class TransferDeclined(Event):
    name = "transfer.declined"
    sentence = "The transfer of {project} to {to} was declined."
    to: str


@dataclass(frozen=True, kw_only=True)
class TransferCancelled(Event):
    name = "transfer.cancelled"
    sentence = "The transfer of {project} to {to} was cancelled."
    to: str


@dataclass(frozen=True, kw_only=True)
class TransferLapsed(Event):
    name = "transfer.lapsed"
    sentence = "The transfer of {project} to {to} came to nothing: {reason}."
    to: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class TransferDone(Event):
    name = "transfer.done"
    sentence = "{project} went to {to}."
    to: str
