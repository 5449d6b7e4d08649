"""Who stands behind a project: roles, invitations to them, and transfers."""

from __future__ import annotations

import functools
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, Q

from accounts.models import Invitation, Membership, MembershipKind, Organization, Team, TeamSeat, User
from accounts.models.invitations import one_invitee
from indexsite.errors import Conflict
from indexsite.prepared import Param, Rows
from releases.models.projects import Project, RoleKind

if TYPE_CHECKING:
    from django.db.models import QuerySet


class Role(models.Model):
    """One role on one project, held by a person or by a team of the organisation that owns the project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="roles")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="roles"
    )
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="roles")
    kind = models.CharField(max_length=16, choices=RoleKind)
    granted_at = models.DateTimeField()
    # Who invited or put them here; nobody did for whoever made the project.
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user", "kind"], name="one_role_of_a_kind_per_person"),
            models.UniqueConstraint(fields=["project", "team", "kind"], name="one_role_of_a_kind_per_team"),
            models.CheckConstraint(
                condition=Q(user__isnull=False, team__isnull=True) | Q(user__isnull=True, team__isnull=False),
                name="role_has_one_holder",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.team} is {self.kind} of {self.project}"


def holds_role(user: User, project: Project, kinds: Collection[RoleKind] = tuple(RoleKind)) -> bool:
    """Whether the person has one of these roles, alone, through a team, or as a manager of the organisation."""
    if project.organization_id is None:  # most projects: one lookup in one table
        return _own_role(tuple(kinds)).exist(project=project.pk, user=user.pk)
    roles = Role.objects.filter(project=project, kind__in=kinds)
    seated = Q(team__organization=project.organization_id, team__seats__membership__user=user)
    if roles.filter(Q(user=user) | seated).exists():
        return True
    return RoleKind.OWNER in kinds and _managers(project.organization_id).filter(user=user).exists()


@functools.cache
def _own_role(kinds: tuple[RoleKind, ...]) -> Rows[tuple[int]]:
    return Rows(
        lambda: (
            Role.objects.filter(project=Param("project"), user=Param("user"), kind__in=kinds)
            .order_by()
            .values_list("pk")[:1]
        )
    )


def role_since(user: User, project: Project, kind: RoleKind) -> datetime | None:
    """Since when the person has the role, alone or through a team; None for whoever has it not."""
    own = Role.objects.filter(project=project, kind=kind, user=user).values_list("granted_at", flat=True)
    seats = TeamSeat.objects.filter(
        membership__user=user,
        team__organization=project.organization_id,
        team__roles__project=project,
        team__roles__kind=kind,
    ).values_list("added_at", "team__roles__granted_at")
    # A seat in a team that has the role counts from the later of both.
    return min([*own, *(max(pair) for pair in seats)], default=None)


def has_any_role(user: User) -> bool:
    """Whether the person has a role in any project or organisation."""
    own = Role.objects.filter(user=user, project__deletion=None)
    return own.exists() or Membership.objects.filter(user=user).exists()


def is_secret_from(user: User | None, project: Project) -> bool:
    """Whether the person must not learn that the name is held: nothing was ever published under it, nor is it
    theirs."""
    return not project.was_published and (user is None or not holds_role(user, project))


def people_with(project: Project, *kinds: RoleKind) -> QuerySet[User]:
    """Everybody with an open account who has one of these roles (any, when none is named), by name."""
    return holders(project.pk, project.organization_id, *kinds)


def holders(project: Any, organization: int | None, *kinds: RoleKind) -> QuerySet[User]:
    """The same, of a project that is known by its key and its organisation's."""
    wanted = kinds or tuple(RoleKind)
    found = Q(roles__project=project, roles__kind__in=wanted)
    if organization is not None:
        found |= Q(
            memberships__seats__team__organization=organization,
            memberships__seats__team__roles__project=project,
            memberships__seats__team__roles__kind__in=wanted,
        )
        if RoleKind.OWNER in wanted:
            found |= Q(pk__in=_managers(organization).values("user"))
    return User.objects.filter(found, is_active=True).distinct().order_by("username")


def _managers(organization: int | None) -> QuerySet[Membership]:
    return Membership.objects.filter(organization=organization, kind=MembershipKind.MANAGER)


def are_colleagues(one: User, other: User) -> bool:
    """Whether they share a project or an organisation; a trigger on approvals of recoveries asks the same."""
    both = Role.objects.filter(user=one, project__roles__user=other)
    members = Membership.objects.filter(user=one, organization__memberships__user=other)
    across = Role.objects.filter(
        Q(user=one, project__organization__memberships__user=other)
        | Q(user=other, project__organization__memberships__user=one)
    )
    # One statement: the desk's pages ask this of every case they show.
    return User.objects.filter(Exists(both) | Exists(members) | Exists(across), pk=one.pk).exists()


class LastOwner(Conflict):
    """Nobody with an open account would be left to decide about a project."""

    code = "last-owner"
    help_path = "/help/#people"

    def __init__(self, project: Project) -> None:
        super().__init__(
            f"Project '{project.name}' would be left without an owner; have somebody else become owner first."
        )


def insist_on_owner(project: Project) -> None:
    """A project has an owner at all times: a person with an open account, alone, in a team or as manager.

    Raises:
        LastOwner: it has none any more.
    """
    if not people_with(project, RoleKind.OWNER).exists():
        raise LastOwner(project)


def kinds_that_include(kind: RoleKind) -> tuple[RoleKind, ...]:
    """Roles whose holders may do all that `kind` may: owners upload as maintainers do."""
    return (RoleKind.MAINTAINER, RoleKind.OWNER) if kind == RoleKind.MAINTAINER else (kind,)


class ProjectInvitation(Invitation):
    """To take a role on a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    kind = models.CharField(max_length=16, choices=RoleKind)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            one_invitee("project_invitation_names_one"),
            models.UniqueConstraint(
                fields=["project", "user"],
                condition=Q(state="pending"),
                name="one_project_invitation_per_user",
            ),
            models.UniqueConstraint(
                fields=["project", "email"],
                condition=Q(state="pending") & ~Q(email=""),
                name="one_project_invitation_per_email",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invitee} invited to {self.project}"


# An offer can be accepted so long; an accepted transfer waits so long, and any owner may stop it until then.
TRANSFER_OFFER_LIFE = timedelta(days=7)
TRANSFER_DELAY = timedelta(hours=72)


class TransferState(models.TextChoices):
    """Where a transfer stands; the first two are open."""

    OFFERED = "offered", "Waiting for the receiver"
    ACCEPTED = "accepted", "Accepted, waiting for its time"
    DONE = "done", "Done"
    DECLINED = "declined", "Declined"
    CANCELLED = "cancelled", "Cancelled"
    LAPSED = "lapsed", "No longer possible"


OPEN_TRANSFER = (TransferState.OFFERED, TransferState.ACCEPTED)


class TransferQuerySet(models.QuerySet["Transfer"]):
    """Query vocabulary of transfers."""

    def open(self) -> TransferQuerySet:
        """Those that may still happen."""
        return self.filter(state__in=OPEN_TRANSFER)

    def for_receiver(self, user: User) -> TransferQuerySet:
        """Those that go to the person, or to an organisation that the person manages."""
        managed = Membership.objects.filter(user=user, kind=MembershipKind.MANAGER).values("organization")
        return self.filter(Q(to_user=user) | Q(to_organization__in=managed))


class Transfer(models.Model):
    """A project on its way to a person or an organisation."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="transfers")
    to_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    to_organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="transfers"
    )
    offered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    offered_at = models.DateTimeField()
    # An offer that nobody accepts by then lapses.
    expires_at = models.DateTimeField()
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    # When the worker carries it out, once it is accepted.
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    state = models.CharField(max_length=16, choices=TransferState, default=TransferState.OFFERED)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = TransferQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(to_user__isnull=False, to_organization__isnull=True)
                | Q(to_user__isnull=True, to_organization__isnull=False),
                name="transfer_has_one_receiver",
            ),
            models.UniqueConstraint(
                fields=["project"], condition=Q(state__in=["offered", "accepted"]), name="one_open_transfer"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project} to {self.to_user or self.to_organization}"

    @property
    def receiver(self) -> str:
        """Name of the person or organisation."""
        return self.to_user.username if self.to_user is not None else str(self.to_organization)

    def end(self, state: TransferState, at: datetime) -> None:
        """Close it for good."""
        self.state, self.ended_at = state, at
        self.save(update_fields=["state", "ended_at"])
