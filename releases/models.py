"""The index: projects, the people on them, releases, files, and the simple pages rendered from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from releases.names import confusable_form

if TYPE_CHECKING:
    from accounts.models import User


class ProjectStatus(models.TextChoices):
    """Project status markers of PEP 792."""

    ACTIVE = "active", "Active"
    ARCHIVED = "archived", "Archived"
    QUARANTINED = "quarantined", "Quarantined"
    DEPRECATED = "deprecated", "Deprecated"


class ProjectQuerySet(models.QuerySet["Project"]):
    """Query vocabulary of projects."""

    def visible(self) -> ProjectQuerySet:
        """Projects that any visitor may see."""
        return self.exclude(status=ProjectStatus.QUARANTINED)

    def of(self, user: User) -> ProjectQuerySet:
        """Projects on which the person has any role."""
        return self.filter(roles__user=user).distinct()

    def locked(self, pk: int) -> Project:
        """The row, locked until the transaction ends (SQLite: the whole database is)."""
        # NO KEY: rows that merely point at the project (tokens, roles) need not wait for an upload.
        return self.select_for_update(no_key=True).get(pk=pk)


class Project(models.Model):
    """A normalised name (PEP 503) and what its owners decide about it."""

    name = models.CharField(max_length=200)
    normalized_name = models.CharField(max_length=200, unique=True)
    # What the name looks like at a glance; null only where operators let two lookalikes live side by side.
    confusable_name = models.CharField(max_length=200, unique=True, null=True, blank=True)
    created_at = models.DateTimeField()
    status = models.CharField(max_length=16, choices=ProjectStatus, default=ProjectStatus.ACTIVE)
    status_reason = models.CharField(max_length=500, blank=True)
    # Grows with every public change (bandersnatch's `_last-serial`).
    last_serial = models.BigIntegerField(default=0)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["normalized_name", "pk"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        if self._state.adding:
            self.normalized_name = canonicalize_name(self.name)
            self.confusable_name = confusable_form(self.name)
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def stored_bytes(self) -> int:
        """Sum of the sizes of all its files."""
        total: int | None = File.objects.filter(release__project=self).aggregate(total=models.Sum("size"))["total"]
        return total or 0


class RoleKind(models.TextChoices):
    """What a member may do."""

    OWNER = "owner", "Owner"
    MAINTAINER = "maintainer", "Maintainer"
    APPROVER = "approver", "Approver"


class Role(models.Model):
    """One person's role on one project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="roles")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="roles")
    kind = models.CharField(max_length=16, choices=RoleKind)
    granted_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user", "kind"], name="one_role_of_a_kind_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.kind} of {self.project}"


class Release(models.Model):
    """One version of a project. Metadata comes from its first file, as parsed from the archive."""

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
    yanked_at = models.DateTimeField(null=True, blank=True)
    yanked_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "normalized_version"], name="one_release_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.project} {self.version}"

    @property
    def is_yanked(self) -> bool:
        return self.yanked_at is not None

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


class File(models.Model):
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

    class Meta:
        ordering = ["filename"]

    def __str__(self) -> str:
        return self.filename

    @property
    def path(self) -> str:
        """Path below `/files/`: content-addressed, ends in the filename as installers need it."""
        return f"{self.sha256[:2]}/{self.sha256[2:4]}/{self.sha256[4:]}/{self.filename}"


class UsedFilename(models.Model):
    """Every file name ever published, for ever: a name never comes back, whatever becomes of its file."""

    filename = models.CharField(max_length=255, primary_key=True)
    sha256 = models.CharField(max_length=64)
    project_name = models.CharField(max_length=200)
    used_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.filename


class SimplePage(models.Model):
    """The simple pages of one project, rendered at write time; `name` is normalised, "" is the root.

    A project that must not be seen has no row. `etag_*` are strong validators without quotes.
    """

    name = models.CharField(max_length=200, primary_key=True)
    serial = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField()
    # Before the bodies: SQLite walks through a large value to reach the columns behind it.
    html_etag = models.CharField(max_length=64)
    json_etag = models.CharField(max_length=64)
    html = models.BinaryField()
    html_gzip = models.BinaryField()
    json = models.BinaryField()
    json_gzip = models.BinaryField()

    def __str__(self) -> str:
        return f"/simple/{self.name}/"


class ProhibitedProjectName(models.Model):
    """A project name nobody may register (`name` is normalised)."""

    name = models.CharField(max_length=200, primary_key=True)
    reason = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name
