"""The audit vocabulary, continued: one's word for somebody else."""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class VouchOpened(Event):
    name = "vouch.opened"
    sentence = "A PIN was opened that speaks for {whom} in a recovery of their account."
    whom: str


@dataclass(frozen=True, kw_only=True)
class VouchTakenBack(Event):
    name = "vouch.taken-back"
    sentence = "The PIN that spoke for {whom} was taken back."
    whom: str
