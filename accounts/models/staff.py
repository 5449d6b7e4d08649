"""Who works for the site, and as what. `User.is_staff` opens the console's door; these rows say what for.

Nobody gets here alone: a change is proposed by one member of the staff, confirmed by another of the security role,
told to all, and carried out a day later. The first two come from `manage.py bootstrap_staff`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q

if TYPE_CHECKING:
    from accounts.models.people import User

# Between the second yes and the change: time in which a colleague reads the letter and stops it.
STAFF_DELAY = timedelta(hours=24)
# A proposal that nobody confirms by then lapses.
STAFF_PROPOSAL_LIFE = timedelta(days=7)


class StaffKind(models.TextChoices):
    """The roles of the staff console. None of them is implied by another, nor by being a superuser."""

    VIEWER = "viewer", "Viewer"
    SUPPORT_1 = "support-1", "Support, tier 1"
    SUPPORT_2 = "support-2", "Support, tier 2"
    SECURITY = "security", "Security"
    CURATOR = "curator", "List curator"
    AUDITOR = "auditor", "Auditor"
    MODERATOR = "moderator", "Moderator"


# What a proposal is about in place of a role: the person lost their second factors, and gets to set up new ones.
FACTORS = "factors"


class StaffChangeState(models.TextChoices):
    """Where a proposal stands; the first two are open."""

    PROPOSED = "proposed", "Waiting for a second person"
    CONFIRMED = "confirmed", "Confirmed, waiting for its time"
    DONE = "done", "Done"
    STOPPED = "stopped", "Stopped"
    LAPSED = "lapsed", "No longer possible"


OPEN_STAFF_CHANGE = (StaffChangeState.PROPOSED, StaffChangeState.CONFIRMED)


class StaffChangeQuerySet(models.QuerySet["StaffChange"]):
    """Query vocabulary of proposals."""

    def open(self) -> StaffChangeQuerySet:
        """Those that may still happen."""
        return self.filter(state__in=OPEN_STAFF_CHANGE)


class StaffChange(models.Model):
    """A staff role on its way to a person, or the loss of their factors (`FACTORS`) on its way to be made good.

    The three people in it are three: the database insists.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="staff_changes")
    role = models.CharField(max_length=16, choices=[*StaffKind.choices, (FACTORS, "New second factors")])
    reason = models.CharField(max_length=500)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    # When the worker carries it out, once it is confirmed.
    due_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=StaffChangeState, default=StaffChangeState.PROPOSED)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = StaffChangeQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "role"],
                condition=Q(state__in=["proposed", "confirmed"]),
                name="one_open_staff_change",
            ),
            models.CheckConstraint(condition=~Q(proposed_by=F("user")), name="nobody_proposes_themselves"),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True)
                | (~Q(confirmed_by=F("user")) & ~Q(confirmed_by=F("proposed_by"))),
                name="staff_change_has_a_second_person",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["confirmed", "done"])
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False, due_at__isnull=False),
                name="staff_change_is_confirmed_first",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} to become {self.role}"

    @property
    def is_about_factors(self) -> bool:
        return self.role == FACTORS

    def end(self, state: StaffChangeState, at: datetime) -> None:
        """Close it for good."""
        self.state, self.ended_at = state, at
        self.save(update_fields=["state", "ended_at"])


class StaffRole(models.Model):
    """One staff role of one person, and what made it: a change by two, or the beginning of the site."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="staff_roles")
    kind = models.CharField(max_length=16, choices=StaffKind)
    granted_at = models.DateTimeField()
    change = models.OneToOneField(
        StaffChange, null=True, blank=True, on_delete=models.PROTECT, related_name="granted"
    )
    is_founding = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "kind"], name="one_staff_role_of_a_kind"),
            models.CheckConstraint(
                condition=Q(change__isnull=False, is_founding=False) | Q(change__isnull=True, is_founding=True),
                name="staff_role_has_an_origin",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.kind}"


def staff_kinds(user: User) -> frozenset[str]:
    """The staff roles the person holds; none once they have been taken off the staff."""
    return frozenset(user.staff_roles.values_list("kind", flat=True)) if user.is_staff else frozenset()


def has_staff_role(user: User, *kinds: StaffKind) -> bool:
    """Whether the person holds any of these staff roles and has not been taken off the staff."""
    return not staff_kinds(user).isdisjoint(kinds)
