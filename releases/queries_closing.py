"""What closing an account would do, and what stands in its way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import (
    Membership,
    MembershipKind,
    Organization,
    OrganizationInvitation,
    TeamSeat,
    User,
)
from releases.models import Project, ProjectInvitation, Role, RoleKind
from tokens.models import Token


@dataclass(frozen=True)
class Closing:
    """What would go with the account.

    Attributes:
        owned_alone: live projects that would have no owner; closing is refused while there are any.
        managed_alone: organisations that would have no manager; the same.
        projects: other projects on which the person has a role of their own.
        organizations: other organisations the person would leave.
        tokens: credentials that still work.
        invitations: unanswered ones to the person by name.
    """

    owned_alone: list[Project]
    managed_alone: list[Organization]
    projects: list[Project]
    organizations: list[Organization]
    tokens: list[Token]
    invitations: int

    @property
    def is_possible(self) -> bool:
        return not self.owned_alone and not self.managed_alone


def closing_of(user: User, *, at: datetime) -> Closing:
    """What closing the person's account would do."""
    owned_alone = list(_owned_alone(user))
    organizations = Organization.objects.of(user)
    managed_alone = list(Organization.objects.left_alone_by(user))
    projects = Project.objects.filter(roles__user=user).exclude(pk__in=[row.pk for row in owned_alone])
    tokens = Token.objects.unrevoked().filter(user=user)
    return Closing(
        owned_alone=owned_alone,
        managed_alone=managed_alone,
        projects=list(projects.distinct()),
        organizations=[row for row in organizations if row not in managed_alone],
        tokens=[token for token in tokens if token.is_live(at)],
        invitations=sum(
            kind.objects.live(at).filter(user=user).count() for kind in (ProjectInvitation, OrganizationInvitation)
        ),
    )


def _owned_alone(user: User) -> QuerySet[Project]:
    """What the person owns and nobody else does by any way, as `people_with` counts owners, in one query."""
    others = User.objects.filter(is_active=True).exclude(pk=user.pk)
    own = Role.objects.filter(project=OuterRef("pk"), kind=RoleKind.OWNER, user__in=others)
    seated = TeamSeat.objects.filter(
        membership__user__in=others,
        team__organization=OuterRef("organization"),
        team__roles__project=OuterRef("pk"),
        team__roles__kind=RoleKind.OWNER,
    )
    managing = Membership.objects.filter(
        organization=OuterRef("organization"), kind=MembershipKind.MANAGER, user__in=others
    )
    owned = Project.objects.filter(roles__user=user, roles__kind=RoleKind.OWNER)
    return owned.exclude(Exists(own)).exclude(Exists(seated)).exclude(Exists(managing))
