"""Releases and their files."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from packaging.version import InvalidVersion, Version

from releases.models.deletions import Deletion, UndeletedManager
from releases.models.projects import Project


class Yankable(models.Model):
    """What can be yanked and taken back (PEP 592). `yanked_reason` is shown to everybody."""

    yanked_at = models.DateTimeField(null=True, blank=True)
    yanked_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        abstract = True

    @property
    def is_yanked(self) -> bool:
        return self.yanked_at is not None

    def yank(self, reason: str, at: datetime) -> bool:
        """Mark it, or change the reason of an earlier mark; whether anything changed. Not saved."""
        if self.yanked_at is not None and self.yanked_reason == reason:
            return False
        self.yanked_at, self.yanked_reason = self.yanked_at or at, reason
        return True

    def unyank(self) -> bool:
        """Take the mark away; whether there was one. Not saved."""
        was_yanked = self.is_yanked
        self.yanked_at, self.yanked_reason = None, ""
        return was_yanked


def yank_shown(*marks: tuple[datetime | None, str]) -> str | None:
    """What installers hear of a file: None, or the reason of the first of these marks that gives one.

    Args:
        marks: (yanked_at, yanked_reason) of its release, then of the file itself.
    """
    said = [reason for yanked_at, reason in marks if yanked_at is not None]
    return next(filter(None, said), "") if said else None


class Release(Yankable):
    """One version of a project. Metadata comes from its first file, as parsed from the archive.

    Yanking it yanks all of its files, also those uploaded later.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="releases")
    version = models.CharField(max_length=200)
    # PEP 440 normal form: what makes two spellings the same release.
    normalized_version = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    summary = models.CharField(max_length=512, blank=True)
    description = models.TextField(blank=True)
    description_content_type = models.CharField(max_length=120, blank=True)
    # Sanitised HTML, rendered once at publish.
    description_html = models.TextField(blank=True)
    requires_python = models.CharField(max_length=200, blank=True)
    # Core metadata as JSON (PEP 566: snake_case keys, lists for repeated fields), without description.
    metadata = models.JSONField(default=dict)
    deletion = models.ForeignKey(
        Deletion, null=True, blank=True, on_delete=models.PROTECT, related_name="releases"
    )

    objects = UndeletedManager()
    with_deleted = models.Manager()  # noqa: DJ012 - a manager, which the rule takes for a field

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "normalized_version"], name="one_release_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.project} {self.version}"

    @property
    def parsed_version(self) -> Version:
        try:
            return Version(self.version)
        except InvalidVersion:
            return Version("0")


class PackageType(models.TextChoices):
    """As the upload form names them."""

    SDIST = "sdist", "Source distribution"
    WHEEL = "bdist_wheel", "Wheel"


class File(Yankable):
    """One sdist or wheel. The bytes are in storage under `sha256`, always stored before this row."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="files")
    filename = models.CharField(max_length=255, unique=True)
    package_type = models.CharField(max_length=16, choices=PackageType)
    # "source", or the wheel's Python tag such as "py3".
    python_version = models.CharField(max_length=64)
    size = models.BigIntegerField()
    md5 = models.CharField(max_length=32)
    sha256 = models.CharField(max_length=64, db_index=True)
    blake2_256 = models.CharField(max_length=64)
    requires_python = models.CharField(max_length=200, blank=True)
    # PEP 658: sha256 of the metadata sibling, itself a blob in storage; empty where there is none.
    metadata_sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    uploaded_with = models.CharField(max_length=200, blank=True)
    # Of the draft it was published from; none where an upload published it by itself. No index: nobody asks.
    review_mark = models.ForeignKey(
        "releases.ReviewMark",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="files",
        db_index=False,
    )
    deletion = models.ForeignKey(Deletion, null=True, blank=True, on_delete=models.PROTECT, related_name="files")

    objects = UndeletedManager()
    with_deleted = models.Manager()  # noqa: DJ012 - a manager, which the rule takes for a field

    class Meta:
        ordering = ["filename"]

    def __str__(self) -> str:
        return self.filename

    @property
    def path(self) -> str:
        """Path below `/files/`: content-addressed, ends in the filename as installers need it."""
        return f"{self.sha256[:2]}/{self.sha256[2:4]}/{self.sha256[4:]}/{self.filename}"

    def yank_shown(self, release: Release) -> str | None:
        """None, or the reason why installers pass over it, which may be ""; `release` is its own."""
        return yank_shown((release.yanked_at, release.yanked_reason), (self.yanked_at, self.yanked_reason))


class UsedFilename(models.Model):
    """Every file name ever published, for ever: a name never comes back, whatever becomes of its file."""

    filename = models.CharField(max_length=255, primary_key=True)
    sha256 = models.CharField(max_length=64)
    project_name = models.CharField(max_length=200)
    used_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.filename
