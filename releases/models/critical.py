"""The critical list: normalised project names on which much depends, and the queue of what would change it.

A name is listed, not a project: it stays listed when the project is deleted, and can be before there is one.
Nothing gets on or off the list by one person: each change takes the yes of two curators, and triggers keep the
rows of the list to changes that had both.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from releases.models.projects import Project


class ListChange(models.TextChoices):
    """What a proposal would do."""

    JOIN = "join", "Put on the list"
    LEAVE = "leave", "Take off the list"


class ListSource(models.TextChoices):
    """Where a proposal comes from. One that was computed has nobody's yes yet."""

    BY_HAND = "hand", "By hand"
    COMPUTED = "computed", "Computed"


class ListProposalState(models.TextChoices):
    """Where a proposal stands."""

    OPEN = "open", "Waiting"
    DONE = "done", "Done"
    DECLINED = "declined", "Declined"


class ListProposalQuerySet(models.QuerySet["ListProposal"]):
    """Query vocabulary of proposals."""

    def open(self) -> ListProposalQuerySet:
        """The queue: those that still may happen."""
        return self.filter(state=ListProposalState.OPEN)


class ListProposal(models.Model):
    """A name about to get on or off the list, and who said yes to it: two people, the database insists."""

    name = models.CharField(max_length=200)
    change = models.CharField(max_length=8, choices=ListChange)
    source = models.CharField(max_length=16, choices=ListSource)
    reason = models.CharField(max_length=500)
    proposed_at = models.DateTimeField()
    # Whoever proposes by hand says yes with it.
    first = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    first_at = models.DateTimeField(null=True, blank=True)
    second = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    second_at = models.DateTimeField(null=True, blank=True)
    declined_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    declined_why = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=16, choices=ListProposalState, default=ListProposalState.OPEN)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ListProposalQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=Q(state="open"), name="one_open_proposal_for_the_list"
            ),
            models.CheckConstraint(
                condition=~Q(source="hand") | Q(first__isnull=False), name="list_proposal_by_hand_is_somebodys"
            ),
            models.CheckConstraint(
                condition=Q(second__isnull=True) | (Q(first__isnull=False) & ~Q(second=F("first"))),
                name="list_proposal_has_a_second_person",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(second__isnull=False, second_at__isnull=False),
                name="list_proposal_is_agreed_by_two",
            ),
            models.CheckConstraint(
                condition=~Q(state="declined") | Q(declined_by__isnull=False),
                name="list_proposal_is_declined_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} to {self.change} the critical list"

    def end(self, state: ListProposalState, at: datetime) -> None:
        """Close it for good."""
        self.state, self.ended_at = state, at
        self.save()


class DesignationQuerySet(models.QuerySet["Designation"]):
    """Query vocabulary of the list."""

    def standing(self) -> DesignationQuerySet:
        """What is on the list now."""
        return self.filter(ended_with=None)


class Designation(models.Model):
    """One name on the critical list, or one that was: with the proposals that put it there and took it off."""

    name = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)
    began_at = models.DateTimeField()
    began_with = models.OneToOneField(ListProposal, on_delete=models.PROTECT, related_name="began")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_with = models.OneToOneField(
        ListProposal, null=True, blank=True, on_delete=models.PROTECT, related_name="ended"
    )

    objects = DesignationQuerySet.as_manager()

    class Meta:
        ordering = ["name", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=Q(ended_with=None), name="one_standing_designation"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_with__isnull=True)
                | Q(ended_at__isnull=False, ended_with__isnull=False),
                name="designation_ends_with_a_proposal",
            ),
        ]

    def __str__(self) -> str:
        return self.name


def designation_of(name: str) -> Designation | None:
    """Why the normalised name is on the list, if it is."""
    return Designation.objects.standing().filter(name=name).first()


def any_critical(projects: Iterable[Project] | models.QuerySet[Project]) -> bool:
    """Whether one of the projects is on the list. One query."""
    if isinstance(projects, models.QuerySet):
        names = projects.order_by().values("normalized_name")
        return Designation.objects.standing().filter(name__in=names).exists()
    return Designation.objects.standing().filter(name__in=[each.normalized_name for each in projects]).exists()
