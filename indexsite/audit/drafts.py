"""The audit vocabulary, continued: drafts of releases, which nobody sees before they are published."""

from __future__ import annotations

from dataclasses import dataclass

from indexsite.audit.events import Event


@dataclass(frozen=True, kw_only=True)
class ProjectReserved(Event):
    name = "project.reserved"
    sentence = "The name {project} was reserved for a first release."


@dataclass(frozen=True, kw_only=True)
class ReservationEnded(Event):
    name = "project.reservation-ended"
    sentence = "The name {project} is free again: its first release was never published."


@dataclass(frozen=True, kw_only=True)
class DraftBegun(Event):
    name = "draft.begun"
    sentence = "A draft of {project} {version} was begun."
    draft: str
    version: str


@dataclass(frozen=True, kw_only=True)
class DraftFileAdded(Event):
    name = "draft.file-added"
    sentence = "{filename} was added to the draft of {project} {version}."
    draft: str
    version: str
    filename: str
    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class DraftFileRefused(Event):
    name = "draft.file-refused"
    sentence = "{filename} could not be added to the draft of {project} {version} (reason: {notice})."
    draft: str
    version: str
    filename: str
    notice: str


@dataclass(frozen=True, kw_only=True)
class DraftFileRemoved(Event):
    name = "draft.file-removed"
    sentence = "{filename} was removed from the draft of {project} {version}."
    draft: str
    version: str
    filename: str


@dataclass(frozen=True, kw_only=True)
class DraftExtended(Event):
    name = "draft.extended"
    sentence = "The draft of {project} {version} now expires at {expires_at}."
    draft: str
    version: str
    expires_at: str


@dataclass(frozen=True, kw_only=True)
class DraftSubmitted(Event):
    name = "draft.submitted"
    sentence = "The draft of {project} {version} was handed in for review (digest {digest})."
    draft: str
    version: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class DraftReturned(Event):
    name = "draft.returned"
    sentence = "The draft of {project} {version} was returned (reason: {reason})."
    draft: str
    version: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class DraftApproved(Event):
    """`evidence`: digest of what proves it, as in evidence files; `policy_version` of the project's rules."""

    name = "draft.approved"
    sentence = "The draft of {project} {version} was approved (digest {digest}, evidence {evidence})."
    draft: str
    version: str
    digest: str
    policy_version: int
    evidence: str


@dataclass(frozen=True, kw_only=True)
class DraftApprovalVoided(Event):
    name = "draft.approval-voided"
    sentence = "An approval of the draft of {project} {version} counts no more: {reason} (evidence {evidence})."
    draft: str
    version: str
    reason: str
    evidence: str


@dataclass(frozen=True, kw_only=True)
class DraftReleased(Event):
    """Somebody has signed for the release; `approvals` are digests of the evidence that counted under the lock."""

    name = "draft.released"
    sentence = "The draft of {project} {version} was released (digest {digest}, evidence {evidence})."
    draft: str
    version: str
    digest: str
    policy_version: int
    evidence: str
    approvals: list[str]


@dataclass(frozen=True, kw_only=True)
class DraftScheduled(Event):
    name = "draft.scheduled"
    sentence = "The draft of {project} {version} is to be published at {publish_at} (evidence {evidence})."
    draft: str
    version: str
    digest: str
    policy_version: int
    publish_at: str
    evidence: str


@dataclass(frozen=True, kw_only=True)
class DraftUnscheduled(Event):
    name = "draft.unscheduled"
    sentence = "The draft of {project} {version} is not published by itself any more."
    draft: str
    version: str


@dataclass(frozen=True, kw_only=True)
class DraftPublished(Event):
    name = "draft.published"
    sentence = "The draft of {project} {version} was published (digest {digest})."
    draft: str
    version: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class DraftCanceled(Event):
    name = "draft.canceled"
    sentence = "The draft of {project} {version} was canceled (reason: {reason})."
    draft: str
    version: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class DraftPreviewRenewed(Event):
    name = "draft.preview-renewed"
    sentence = "The preview of the draft of {project} {version} has a new address; the old one is dead."
    draft: str
    version: str
