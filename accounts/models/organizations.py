"""Organisations: people who look after projects together, and the teams they divide into."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower

from accounts.models.people import USERNAME_MAX_LENGTH, USERNAME_RE, User

_NAME_RULE = RegexValidator(
    USERNAME_RE, "Use small letters, digits, dots, dashes and underscores; begin and end with a letter or digit."
)


class OrganizationQuerySet(models.QuerySet["Organization"]):
    """Query vocabulary of organisations."""

    def of(self, user: User) -> OrganizationQuerySet:
        """Organisations the person belongs to."""
        return self.filter(memberships__user=user)

    def left_alone_by(self, user: User) -> OrganizationQuerySet:
        """Organisations that would have no manager with an open account if the person went."""
        others = Membership.objects.filter(
            organization=models.OuterRef("pk"), kind=MembershipKind.MANAGER, user__is_active=True
        ).exclude(user=user)
        managed = self.filter(memberships__user=user, memberships__kind=MembershipKind.MANAGER)
        return managed.exclude(models.Exists(others))

    def locked(self, pk: int) -> Organization:
        """The row, locked until the transaction ends: members, teams and invitations change only under it."""
        return self.select_for_update(no_key=True).get(pk=pk)


class Organization(models.Model):
    """A group that may own projects. `name` stands in addresses, `display_name` on pages."""

    name = models.CharField(max_length=USERNAME_MAX_LENGTH, unique=True, validators=[_NAME_RULE])
    display_name = models.CharField(max_length=100)
    created_at = models.DateTimeField()

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=models.Q(name=Lower("name")), name="organization_name_is_lower_case"),
        ]

    def __str__(self) -> str:
        return self.name

    def managers(self) -> models.QuerySet[User]:
        """Managers who can act: with an open account, by name."""
        managing = self.memberships.filter(kind=MembershipKind.MANAGER)
        return User.objects.filter(is_active=True, memberships__in=managing).order_by("username")

    def would_lose_last_manager(self, membership: Membership) -> bool:
        """Whether no manager with an open account would be left without this one. Ask under the row's lock."""
        if membership.kind != MembershipKind.MANAGER:
            return False
        return not self.managers().exclude(pk=membership.user_id).exists()


class MembershipKind(models.TextChoices):
    """What a member of an organisation may do: a manager has an owner's rights on all its projects."""

    MANAGER = "manager", "Manager"
    MEMBER = "member", "Member"


class Membership(models.Model):
    """One person in one organisation. Alone it gives no right on any project: teams and roles do."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    kind = models.CharField(max_length=16, choices=MembershipKind, default=MembershipKind.MEMBER)
    joined_at = models.DateTimeField()
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "user"], name="one_membership_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.kind} of {self.organization}"


class Team(models.Model):
    """Some members of an organisation who hold roles together."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="teams")
    name = models.CharField(max_length=USERNAME_MAX_LENGTH, validators=[_NAME_RULE])
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="one_team_of_a_name"),
            models.CheckConstraint(condition=models.Q(name=Lower("name")), name="team_name_is_lower_case"),
        ]

    def __str__(self) -> str:
        return f"{self.organization.name}/{self.name}"


class TeamSeat(models.Model):
    """A member's place in a team; it goes with the membership."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="seats")
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="seats")
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["team", "membership"], name="one_seat_per_member"),
        ]

    def __str__(self) -> str:
        return f"{self.membership.user} in {self.team}"
