"""Invitations: nobody is ever put into anything; they are asked, and answer while signed in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models.organizations import MembershipKind, Organization

if TYPE_CHECKING:
    from accounts.models.people import User

# From its letter, or the last one, to the end of an invitation.
INVITATION_LIFE = timedelta(days=7)


class InvitationState(models.TextChoices):
    """A pending invitation whose time is over stays pending in the row: ask `is_live()`."""

    PENDING = "pending", "Waiting for an answer"
    ACCEPTED = "accepted", "Accepted"
    DECLINED = "declined", "Declined"
    REVOKED = "revoked", "Taken back"
    EXPIRED = "expired", "Not answered in time"


class InvitationQuerySet(models.QuerySet[Any]):
    """Query vocabulary of all kinds of invitations."""

    def live(self, at: datetime) -> InvitationQuerySet:
        """Those that can still be answered."""
        return self.filter(state=InvitationState.PENDING, expires_at__gt=at)

    def for_person(self, user: User) -> InvitationQuerySet:
        """Those that go to the person, by name or by an address they have verified."""
        from allauth.account.models import EmailAddress  # needs the app registry

        mine = EmailAddress.objects.filter(user=user, verified=True).values("email")
        return self.filter(Q(user=user) | Q(email__in=mine))


class Invitation(models.Model):
    """What every invitation has: it names either an account or an address (lower case), and never both.

    An address is not resolved to its account: whoever invites must not learn whose it is.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    email = models.EmailField(max_length=254, blank=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=InvitationState, default=InvitationState.PENDING)
    answered_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def invitee(self) -> str:
        """As the inviter named them: a user name or an address."""
        return self.user.username if self.user is not None else self.email

    @property
    def shown(self) -> str:
        """The same for histories, which more people read and which outlive it: an address is only hinted at."""
        local, _, domain = self.email.partition("@")
        return self.user.username if self.user is not None else f"{local[:1]}\u2026@{domain}"

    def is_live(self, at: datetime) -> bool:
        """Whether it can still be answered."""
        return self.state == InvitationState.PENDING and at < self.expires_at

    def end(self, state: InvitationState, at: datetime) -> None:
        """Close it for good."""
        self.state = state
        self.answered_at = at
        self.save(update_fields=["state", "answered_at"])


def one_invitee(name: str) -> models.CheckConstraint:
    """The constraint that an invitation names an account or an address; `name` is the constraint's."""
    return models.CheckConstraint(
        condition=Q(user__isnull=False, email="") | (Q(user__isnull=True) & ~Q(email="")), name=name
    )


class OrganizationInvitation(Invitation):
    """To become a member or manager of an organisation."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    kind = models.CharField(max_length=16, choices=MembershipKind, default=MembershipKind.MEMBER)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            one_invitee("organization_invitation_names_one"),
            models.UniqueConstraint(
                fields=["organization", "user"],
                condition=Q(state="pending"),
                name="one_organization_invitation_per_user",
            ),
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=Q(state="pending") & ~Q(email=""),
                name="one_organization_invitation_per_email",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invitee} invited to {self.organization}"
