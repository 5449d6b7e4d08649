"""Projects: a normalised name and what its owners decide about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, Q
from packaging.utils import canonicalize_name

from accounts.models import MembershipKind, Organization
from indexsite.prepared import Param, Rows
from releases.models.deletions import Deletion, UndeletedManager
from releases.models.publishing import MAX_APPROVALS, Publishing, PublishingPolicy
from releases.names import confusable_form

if TYPE_CHECKING:
    from accounts.models import User


class ProjectStatus(models.TextChoices):
    """Project status markers of PEP 792."""

    ACTIVE = "active", "Active"
    ARCHIVED = "archived", "Archived"
    QUARANTINED = "quarantined", "Quarantined"
    DEPRECATED = "deprecated", "Deprecated"


class RoleKind(models.TextChoices):
    """What a member may do."""

    OWNER = "owner", "Owner"
    MAINTAINER = "maintainer", "Maintainer"
    APPROVER = "approver", "Approver"


class ProjectQuerySet(models.QuerySet["Project"]):
    """Query vocabulary of projects."""

    def visible(self) -> ProjectQuerySet:
        """Projects that any visitor may see."""
        return self.exclude(status=ProjectStatus.QUARANTINED)

    def of(self, user: User, *kinds: RoleKind) -> ProjectQuerySet:
        """Projects on which the person has any of these roles (of any, when none is named), by whatever way."""
        return self.filter(held_by(user, kinds)).distinct()

    def locked(self, pk: int) -> Project:
        """The row, locked until the transaction ends (SQLite: the whole database is)."""
        # NO KEY: rows that merely point at the project (tokens, roles) need not wait for an upload.
        return self.select_for_update(no_key=True).get(pk=pk)


def held_by(user: User, kinds: tuple[RoleKind, ...] = ()) -> Q:
    """Condition on projects: the person has one of these roles, alone, through a team, or as a manager.

    A team counts only on projects of its own organisation: a role that outlived a transfer gives nothing.
    """
    wanted = kinds or tuple(RoleKind)
    own = Q(roles__user=user, roles__kind__in=wanted)
    shared = Q(
        roles__kind__in=wanted,
        roles__team__seats__membership__user=user,
        roles__team__organization=F("organization"),
    )
    if RoleKind.OWNER not in wanted:
        return own | shared
    managed = Q(organization__memberships__user=user, organization__memberships__kind=MembershipKind.MANAGER)
    return own | shared | managed


_Projects = UndeletedManager.from_queryset(ProjectQuerySet)


class Project(models.Model):
    """A normalised name (PEP 503). The row of a deleted project stays: its name goes to nobody else."""

    name = models.CharField(max_length=200)
    normalized_name = models.CharField(max_length=200, unique=True)
    # What the name looks like at a glance; null only where operators let two lookalikes live side by side.
    confusable_name = models.CharField(max_length=200, unique=True, null=True, blank=True)
    created_at = models.DateTimeField()
    # Whose managers look after it, beside the people with roles; protected, so that no project is left alone.
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="projects"
    )
    status = models.CharField(max_length=16, choices=ProjectStatus, default=ProjectStatus.ACTIVE)
    status_reason = models.CharField(max_length=500, blank=True)
    # What a quarantine interrupted, to go back to.
    status_before = models.CharField(max_length=16, choices=ProjectStatus, blank=True)
    status_reason_before = models.CharField(max_length=500, blank=True)
    # Grows with every public change (bandersnatch's `_last-serial`).
    last_serial = models.BigIntegerField(default=0)
    deletion = models.ForeignKey(
        Deletion, null=True, blank=True, on_delete=models.PROTECT, related_name="projects"
    )
    # In this row, since every upload locks and reads it: a mode that is switched meanwhile holds at once.
    publishing = models.CharField(max_length=20, choices=Publishing, default=Publishing.OPTIONAL)
    approvals = models.PositiveSmallIntegerField(default=0)
    four_eyes = models.BooleanField(default=False)
    approve_by_code = models.BooleanField(default=False)
    policy_version = models.PositiveIntegerField(default=1)

    objects = _Projects()
    with_deleted = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["normalized_name", "pk"]
        constraints = [
            # Approvals that an upload could walk past would be a promise without a lock.
            models.CheckConstraint(
                condition=Q(publishing__in=Publishing.values, approvals__lte=MAX_APPROVALS)
                & (~Q(publishing=Publishing.OPTIONAL) | Q(approvals=0)),
                name="approvals_where_review_is_required",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        if self._state.adding:
            self.normalized_name = canonicalize_name(self.name)
            self.confusable_name = confusable_form(self.name)
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @property
    def was_published(self) -> bool:
        """Whether visitors have ever seen it: the first file gives the first serial."""
        return self.last_serial > 0

    @property
    def publishing_policy(self) -> PublishingPolicy:
        """What it asks for before a release is public."""
        return PublishingPolicy(
            mode=Publishing(self.publishing),
            approvals=self.approvals,
            four_eyes=self.four_eyes,
            approve_by_code=self.approve_by_code,
            version=self.policy_version,
        )

    def set_status(self, status: ProjectStatus, reason: str) -> bool:
        """What its owners decide; whether that changes anything. Not saved; never into or out of quarantine.

        Raises:
            ValueError: into or out of quarantine, which the action refuses before.
        """
        if ProjectStatus.QUARANTINED in {self.status, status}:
            raise ValueError("Quarantine is not for owners to decide.")
        if (self.status, self.status_reason) == (status, reason):
            return False
        self.status, self.status_reason = status, reason
        return True

    def quarantine(self, reason: str) -> bool:
        """Close it off, remembering what it was; whether it was not closed off before. Not saved."""
        if self.status == ProjectStatus.QUARANTINED:
            return False
        self.status_before, self.status_reason_before = self.status, self.status_reason
        self.status, self.status_reason = ProjectStatus.QUARANTINED, reason
        return True

    def end_quarantine(self) -> bool:
        """Back to what it was before; whether it was in quarantine. Not saved."""
        if self.status != ProjectStatus.QUARANTINED:
            return False
        self.status = self.status_before or ProjectStatus.ACTIVE
        self.status_reason = self.status_reason_before
        self.status_before = self.status_reason_before = ""
        return True

    def stored_bytes(self) -> int:
        """Sum of the sizes of all its files, those included whose deletion can still be undone."""
        found = _STORED_BYTES.first(project=self.pk)
        return found[0] if found is not None else 0


def find_project(normalized_name: str) -> Project | None:
    """By its name, deleted or not: the names of deleted ones are not free."""
    return _BY_NAME.first(name=normalized_name)


def lock_project(pk: int) -> Project:
    """The row, deleted or not, locked until the transaction ends (SQLite: the whole database is).

    Raises:
        Project.DoesNotExist: there is none.
    """
    project = _LOCKED.first(pk=pk)
    if project is None:
        raise Project.DoesNotExist
    return project


def _file_sizes() -> models.QuerySet[Any, tuple[int]]:
    from releases.models.files import File  # defined in terms of Project

    files = File.with_deleted.filter(release__project=Param("project")).order_by()
    return files.values("release__project").annotate(total=models.Sum("size")).values_list("total")


_STORED_BYTES = Rows(_file_sizes)
# Unordered: to order one row costs half as much as to find it.
_BY_NAME = Rows(lambda: Project.with_deleted.filter(normalized_name=Param("name")).order_by())
_LOCKED = Rows(lambda: Project.with_deleted.filter(pk=Param("pk")).order_by().select_for_update(no_key=True))


class ProhibitedProjectName(models.Model):
    """A project name nobody may register (`name` is normalised)."""

    name = models.CharField(max_length=200, primary_key=True)
    reason = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name
