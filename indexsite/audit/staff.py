"""The audit vocabulary, continued: who works for the site, and by whose two yeses."""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class StaffFounded(Event):
    name = "staff.founded"
    sentence = "{about} became one of the first two of the staff ({role}), by an operator's command."
    role: str


@dataclass(frozen=True, kw_only=True)
class StaffProposed(Event):
    name = "staff.proposed"
    sentence = "{about} was proposed for the staff role {role} (reason: {reason})."
    role: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class StaffFactorsProposed(Event):
    name = "staff.factors-proposed"
    sentence = "It was proposed to remove the lost second factors of {about} (reason: {reason})."
    reason: str


@dataclass(frozen=True, kw_only=True)
class StaffFactorsRemoved(Event):
    name = "staff.factors-removed"
    sentence = (
        "The second factors of {about} were removed, proposed by {proposed_by}, confirmed by {confirmed_by}."
    )
    proposed_by: str
    confirmed_by: str


@dataclass(frozen=True, kw_only=True)
class StaffConfirmed(Event):
    name = "staff.confirmed"
    sentence = "The proposal for {about} ({role}) was confirmed; it takes effect after {due}."
    role: str
    due: str


@dataclass(frozen=True, kw_only=True)
class StaffStopped(Event):
    name = "staff.stopped"
    sentence = "The proposal for {about} ({role}) was stopped (reason: {reason})."
    role: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class StaffLapsed(Event):
    name = "staff.lapsed"
    sentence = "The proposal for {about} ({role}) came to nothing: {reason}."
    role: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class StaffRoleGranted(Event):
    name = "staff.granted"
    sentence = "{about} has the staff role {role}, proposed by {proposed_by}, confirmed by {confirmed_by}."
    role: str
    proposed_by: str
    confirmed_by: str


@dataclass(frozen=True, kw_only=True)
class StaffRoleRemoved(Event):
    name = "staff.removed"
    sentence = "{about} no longer has the staff role {role} (reason: {reason})."
    role: str
    reason: str
