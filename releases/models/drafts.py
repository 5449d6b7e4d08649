"""Drafts: files gathered for one version of a project, which nobody sees before they are published together.

A draft is a publishing session of PEP 694. Its states here are finer than those of the protocol; `WIRE` maps them.
Whatever changes a draft, or publishes it, holds the lock of its project's row, and no other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from releases.models.files import PackageType
from releases.models.projects import Project

if TYPE_CHECKING:
    from accounts.models import User

LIFE = timedelta(days=7)
LONGEST_LIFE = timedelta(days=30)
# A name that is only reserved keeps others from it: shorter, and few of them.
FIRST_LIFE = timedelta(days=2)
LONGEST_FIRST_LIFE = timedelta(days=7)
MAX_LIVE_PER_PROJECT = 50
MAX_RESERVED_NAMES = 3
MAX_FILES = 1000
# One letter so long before the end; an extension by at least as much earns another.
REMINDED_BEFORE = timedelta(hours=24)
# For so long after its end a draft's address still tells how it ended.
STATUS_KEPT = timedelta(days=30)

_TOKEN_KEY = b"indexsite draft preview 1"


class DraftState(models.TextChoices):
    """Where a draft stands."""

    OPEN = "open", "Open"
    # Refused by a person, taken back, or found in conflict; may change as an open one may. `notice` says why.
    RETURNED = "returned", "Returned"
    REVIEW = "review", "In review"
    PUBLISHED = "published", "Published"
    CANCELED = "canceled", "Canceled"


EDITABLE = (DraftState.OPEN, DraftState.RETURNED)
LIVE = (*EDITABLE, DraftState.REVIEW)

# What clients of PEP 694 read.
WIRE = {
    DraftState.OPEN: "open",
    DraftState.RETURNED: "error",
    DraftState.REVIEW: "processing",
    DraftState.PUBLISHED: "published",
    DraftState.CANCELED: "canceled",
}

# From where to where: whatever is not here does not happen.
MOVES: dict[DraftState, tuple[DraftState, ...]] = {
    DraftState.OPEN: (DraftState.REVIEW, DraftState.RETURNED, DraftState.PUBLISHED, DraftState.CANCELED),
    DraftState.RETURNED: (DraftState.REVIEW, DraftState.PUBLISHED, DraftState.CANCELED),
    DraftState.REVIEW: (DraftState.RETURNED, DraftState.PUBLISHED),
    DraftState.PUBLISHED: (),
    DraftState.CANCELED: (),
}


class DraftQuerySet(models.QuerySet["Draft"]):
    """Query vocabulary of drafts."""

    def live(self) -> Self:
        """Those that may still be published."""
        return self.filter(state__in=LIVE)

    def expired(self, at: datetime) -> Self:
        """Those whose time is over; one that people are looking at waits for them."""
        return self.filter(state__in=EDITABLE, expires_at__lte=at)

    def to_remind(self, at: datetime) -> Self:
        """Those that expire within `REMINDED_BEFORE`, of which nobody was told."""
        soon = self.filter(state__in=EDITABLE, expires_at__gt=at, expires_at__lte=at + REMINDED_BEFORE)
        return soon.filter(Q(remind_until=None) | Q(remind_until__lte=F("expires_at")))

    def due(self, at: datetime) -> Self:
        """Those whose hour has come that somebody has signed for."""
        return self.filter(state=DraftState.REVIEW, publish_at__lte=at)


class Draft(models.Model):
    """One draft. `public_id` is in addresses and tokens; it is no secret.

    Attributes:
        project: None once the project it reserved is gone; `normalized_name` tells what it was for.
        version: as whoever began it spelled it; `normalized_version` is its PEP 440 normal form.
        reserves_name: it made its project, which goes when the draft is not published.
        epoch: raised to make all earlier preview tokens worthless.
        notice: why it was returned or canceled, one sentence; else "".
        remind_until: ends before it were announced by a letter; None before the first.
        digest: of what was submitted, see `digest_of`; "" while it can change.
        publish_at: when the worker publishes it, if somebody has signed for a time; it is in review until then.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, null=True, on_delete=models.SET_NULL, related_name="drafts")
    name = models.CharField(max_length=200)
    normalized_name = models.CharField(max_length=200)
    version = models.CharField(max_length=200)
    normalized_version = models.CharField(max_length=200)
    reserves_name = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=DraftState, default=DraftState.OPEN)
    notice = models.CharField(max_length=500, blank=True)
    epoch = models.PositiveIntegerField(default=1)
    digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_with = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField()
    publish_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    remind_until = models.DateTimeField(null=True, blank=True)

    objects = DraftQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "normalized_version"],
                condition=Q(state__in=LIVE),
                name="one_live_draft_per_version",
            ),
            models.CheckConstraint(
                condition=Q(state__in=LIVE, ended_at=None) | (~Q(state__in=LIVE) & Q(ended_at__isnull=False)),
                name="ended_drafts_say_when",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(state__in=EDITABLE), name="draft_expiry"),
            models.Index(fields=["normalized_name"], name="draft_name"),
            models.Index(fields=["publish_at"], condition=Q(state="review"), name="draft_schedule"),
        ]

    def __str__(self) -> str:
        return f"draft of {self.name} {self.version}"

    @property
    def wire_state(self) -> str:
        """The state as PEP 694 names it."""
        return WIRE[DraftState(self.state)]

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def is_editable(self) -> bool:
        return self.state in EDITABLE

    @property
    def latest_end(self) -> datetime:
        """No extension goes beyond it."""
        return self.created_at + (LONGEST_FIRST_LIFE if self.reserves_name else LONGEST_LIFE)

    def move(self, to: DraftState, *, at: datetime, notice: str = "") -> None:
        """Go to another state. Not saved.

        Raises:
            ValueError: no such move; actions refuse it before.
        """
        if to not in MOVES[DraftState(self.state)]:
            raise ValueError(f"A draft does not go from {self.state} to {to}.")
        self.state, self.notice = to, notice
        if to not in LIVE:
            self.ended_at = at

    @property
    def token(self) -> str:
        """The preview token: 16 bytes of `public_id`, then 16 of an HMAC over it and `epoch`, base64url.

        Whoever has it reads the draft and can do nothing else. It is computed, not stored: a stolen database opens
        no preview, and raising `epoch` ends it.
        """
        return _b64(self.public_id.bytes + _mac(self, settings.SECRET_KEY))

    def is_opened_by(self, token: str) -> bool:
        """Whether this is the token, in constant time, under the present SECRET_KEY or one before it."""
        keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        given = token.encode()
        expected = [_b64(self.public_id.bytes + _mac(self, key)).encode() for key in keys]
        return any(hmac.compare_digest(given, one) for one in expected)


def draft_id_in(token: str) -> uuid.UUID | None:
    """Which draft a preview token claims to be of. Says nothing about whether it is one."""
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=", altchars=b"-_", validate=True)
    except ValueError:
        return None
    return uuid.UUID(bytes=raw[:16]) if len(raw) == 32 else None


def _mac(draft: Draft, key: str) -> bytes:
    derived = hmac.digest(key.encode(), _TOKEN_KEY, "sha256")
    return hmac.digest(derived, draft.public_id.bytes + draft.epoch.to_bytes(8), "sha256")[:16]


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class DraftFileState(models.TextChoices):
    """Where one file stands; the words of PEP 694."""

    PENDING = "pending", "Pending"
    COMPLETED = "completed", "Completed"
    ERROR = "error", "Error"
    CANCELED = "canceled", "Canceled"


class DraftFile(models.Model):
    """One attempt to add a file. Its bytes never change once it is completed: another try is another row.

    Attributes:
        claimed_size: bytes, as announced; `claimed_hashes` too, {algorithm: hex}.
        size: bytes received, and their digests; -1 and "" before.
        metadata_sha256: digest of the metadata sibling (PEP 658), or "".
        about: what the release says when this is its first file (`releases.actions.releasing.About`).
        notice: why it failed, one sentence.
    """

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="files")
    filename = models.CharField(max_length=255)
    state = models.CharField(max_length=16, choices=DraftFileState, default=DraftFileState.PENDING)
    notice = models.CharField(max_length=500, blank=True)
    mechanism = models.CharField(max_length=64)
    claimed_size = models.BigIntegerField()
    claimed_hashes = models.JSONField(default=dict)
    size = models.BigIntegerField(default=-1)
    md5 = models.CharField(max_length=32, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    blake2_256 = models.CharField(max_length=64, blank=True)
    package_type = models.CharField(max_length=16, choices=PackageType, blank=True)
    python_version = models.CharField(max_length=64, blank=True)
    requires_python = models.CharField(max_length=200, blank=True)
    metadata_sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    about = models.JSONField(default=dict)
    attestations = models.JSONField(default=list)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_with = models.CharField(max_length=200, blank=True)
    # Which credential: the label that the audit trail has too.
    credential = models.CharField(max_length=200, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["draft", "filename"],
                condition=~Q(state="canceled"),
                name="one_file_of_a_name_per_draft",
            ),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def attestation_digest(self) -> str:
        """SHA-256 over the attestations as canonical JSON; "" without any."""
        return hashlib.sha256(canonical(self.attestations)).hexdigest() if self.attestations else ""


class DraftPart(models.Model):
    """Bytes of a file that comes in several requests: `size` of them from offset `start`, a blob in the store."""

    file = models.ForeignKey(DraftFile, on_delete=models.CASCADE, related_name="parts")
    start = models.BigIntegerField()
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)

    class Meta:
        ordering = ["start"]
        constraints = [models.UniqueConstraint(fields=["file", "start"], name="one_part_per_offset")]

    def __str__(self) -> str:
        return f"{self.size} bytes from {self.start}"


class ReservedFilename(models.Model):
    """A file name that a draft in review will have: nothing else may be published under it meanwhile (PEP 694)."""

    filename = models.CharField(max_length=255, primary_key=True)
    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="reserved")

    def __str__(self) -> str:
        return self.filename


def has_files_in(draft: Draft, user: User) -> bool:
    """Whether the person has begun the draft, or a file of it was uploaded in their name."""
    if draft.created_by_id == user.pk:
        return True
    return draft.files.filter(created_by=user).exclude(state=DraftFileState.CANCELED).exists()


def digest_of(files: Iterable[DraftFile]) -> str:
    """The draft digest: SHA-256 over the sorted [filename, size, sha256, attestation digest] of its files."""
    return digest_of_rows([file.filename, file.size, file.sha256, file.attestation_digest] for file in files)


def digest_of_rows(rows: Iterable[list[Any]]) -> str:
    """The same, of what is known of files that are not at hand."""
    return hashlib.sha256(canonical(sorted(rows))).hexdigest()


def canonical(value: Any) -> bytes:
    """JSON without spaces, keys in order, ASCII."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=True).encode()
