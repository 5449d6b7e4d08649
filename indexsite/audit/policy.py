"""What protects a project's releases, and changes of it that wait. `what` is half a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class PublishingPolicyChanged(Event):
    name = "policy.changed"
    sentence = "The publishing policy of {project} is now, as version {version}: {policy}."
    policy: str
    version: int


@dataclass(frozen=True, kw_only=True)
class PolicyChangeAsked(Event):
    name = "policy-change.asked"
    sentence = "A change of {project}'s protection was asked for, which waits 72 hours: {what}."
    what: str


@dataclass(frozen=True, kw_only=True)
class PolicyChangeAgreed(Event):
    name = "policy-change.agreed"
    sentence = "The change of {project}'s protection was agreed to: {what}."
    what: str


@dataclass(frozen=True, kw_only=True)
class PolicyChangeAgreedByStaff(Event):
    name = "policy-change.agreed-by-staff"
    sentence = "Staff agreed to the change of {project}'s protection ({what}): {reason}."
    by_staff = True
    what: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PolicyChangeStopped(Event):
    name = "policy-change.stopped"
    sentence = "The change of {project}'s protection ({what}) was stopped: {reason}."
    what: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PolicyChangeLapsed(Event):
    name = "policy-change.lapsed"
    sentence = "The change of {project}'s protection ({what}) came to nothing: {reason}."
    what: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PolicyChangeDone(Event):
    name = "policy-change.done"
    sentence = "The change of {project}'s protection happened: {what}."
    what: str
