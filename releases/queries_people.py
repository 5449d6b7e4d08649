"""What pages about the people of a project show: who may do what, since when, what happens without them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Prefetch, Q

from accounts.models import InvitationState, Membership, MembershipKind, Team, TeamSeat, User
from mfa.models import with_factor
from releases.models import (
    Project,
    ProjectInvitation,
    Role,
    RoleKind,
    Transfer,
    TransferState,
    holds_role,
    people_with,
)
from tokens.models import Token

_SEATS = Prefetch("team__seats", queryset=TeamSeat.objects.select_related("membership__user").order_by("pk"))
_RANK = {RoleKind.OWNER: 0, RoleKind.MAINTAINER: 1, RoleKind.APPROVER: 2}


@dataclass(frozen=True)
class Way:
    """One role of a person, and how they came by it; a role of their own can be taken away on this page."""

    kind: RoleKind
    since: datetime
    by: str
    is_own: bool
    team: str = ""
    organization: str = ""


@dataclass
class Person:
    """Everything about one person on the project. `is_suspended` is None where the reader may not know."""

    user: User
    ways: list[Way] = field(default_factory=list)
    is_suspended: bool | None = None
    is_frozen: bool = False
    is_you: bool = False

    @property
    def kinds(self) -> list[RoleKind]:
        return sorted({way.kind for way in self.ways}, key=_RANK.__getitem__)

    @property
    def own_kinds(self) -> list[RoleKind]:
        return [way.kind for way in self.ways if way.is_own]

    @property
    def other_ways(self) -> list[Way]:
        """Through teams and the organisation: these stay when the person is removed here."""
        return [way for way in self.ways if not way.is_own]


def people_of(project: Project, *, seen_by: User) -> list[Person]:
    """Everybody with a role, by whatever way: owners first, then by name.

    Whose rights are suspended is shown to owners, and to each of themselves.
    """
    people: dict[int, Person] = {}
    for user, way in (*_through_roles(project), *_through_organization(project)):
        person = people.setdefault(user.pk, Person(user, is_you=user == seen_by))
        person.ways.append(way)
    is_owner = holds_role(seen_by, project, [RoleKind.OWNER])
    holders = with_factor(person.user for person in people.values())
    for person in people.values():
        if is_owner or person.is_you:
            person.is_suspended = person.user.pk not in holders
            person.is_frozen = not person.user.is_active
    return sorted(people.values(), key=lambda person: (_RANK[person.kinds[0]], person.user.username))


def _through_roles(project: Project) -> Iterable[tuple[User, Way]]:
    roles = project.roles.select_related("user", "granted_by", "team__organization").order_by("pk")
    roles = roles.prefetch_related(_SEATS)
    for role in roles:
        by = role.granted_by.username if role.granted_by is not None else ""
        kind = RoleKind(role.kind)
        if role.user is not None:
            yield role.user, Way(kind, role.granted_at, by, is_own=True)
        elif role.team is not None and role.team.organization_id == project.organization_id:
            for seat in role.team.seats.all():
                since = max(role.granted_at, seat.added_at)
                yield seat.membership.user, Way(kind, since, by, is_own=False, team=str(role.team))


def _through_organization(project: Project) -> Iterable[tuple[User, Way]]:
    if project.organization is None:
        return
    managers = Membership.objects.filter(organization=project.organization, kind=MembershipKind.MANAGER)
    for membership in managers.select_related("user").order_by("pk"):
        way = Way(RoleKind.OWNER, membership.joined_at, "", is_own=False, organization=project.organization.name)
        yield membership.user, way


def find_person(project: Project, *, username: str, seen_by: User) -> Person | None:
    """One of the people of the project, by user name."""
    return next((p for p in people_of(project, seen_by=seen_by) if p.user.username == username), None)


@dataclass(frozen=True)
class TeamRole:
    """A role of a team, with the names of its members."""

    role: Role
    team: Team
    members: list[str]


def team_roles(project: Project) -> list[TeamRole]:
    """Roles of teams of the owning organisation, by team."""
    roles = Role.objects.filter(project=project, team__organization=project.organization_id, user=None)
    found = []
    roles = roles.select_related("team__organization", "granted_by").prefetch_related(_SEATS)
    for role in roles.order_by("team__name", "pk"):
        assert role.team is not None  # noqa: S101 - filtered
        names = [seat.membership.user.username for seat in role.team.seats.all()]
        found.append(TeamRole(role, role.team, sorted(names)))
    return found


def teams_of(project: Project) -> list[Team]:
    """Teams that could be given a role."""
    if project.organization_id is None:
        return []
    return list(Team.objects.filter(organization=project.organization_id).select_related("organization"))


# -- invitations --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pending:
    """An invitation that nobody has answered; one whose time is over can be sent again."""

    invitation: ProjectInvitation
    is_live: bool


def pending_invitations(project: Project, *, at: datetime) -> list[Pending]:
    """Unanswered invitations, the newest first: for owners alone, who sent them."""
    rows = project.invitations.filter(state=InvitationState.PENDING).select_related("user", "invited_by")
    return [Pending(row, row.is_live(at)) for row in rows]


def invitations_for(user: User, *, at: datetime) -> list[ProjectInvitation]:
    """What the person can accept or decline, the newest first."""
    found = ProjectInvitation.objects.for_person(user).live(at).filter(project__deletion=None)
    return list(found.select_related("project", "user", "invited_by"))


# -- what would happen --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loss:
    """What taking roles of their own from a person would do.

    Attributes:
        tokens: tokens for this project alone that would be revoked.
        invitations: unanswered ones they sent, which would be taken back.
        owners: who would be owner afterwards, and whether their rights are usable.
        is_impossible: there would be no owner.
    """

    kinds: list[RoleKind]
    tokens: list[Token]
    invitations: list[ProjectInvitation]
    owners: list[tuple[str, bool]]
    is_impossible: bool


def loss_of(project: Project, person: Person, kinds: Iterable[RoleKind], *, at: datetime) -> Loss:
    """What would happen if the person lost these of their own roles."""
    lost = [kind for kind in person.own_kinds if kind in set(kinds)]
    left = {way.kind for way in person.ways if not (way.is_own and way.kind in lost)}
    stays_owner = RoleKind.OWNER in left
    may_upload = stays_owner or RoleKind.MAINTAINER in left
    sent = ProjectInvitation.objects.live(at).filter(project=project, invited_by=person.user)
    owners = people_with(project, RoleKind.OWNER)
    if not stays_owner:
        owners = owners.exclude(pk=person.user.pk)
    safe = with_factor(owners)
    return Loss(
        kinds=lost,
        tokens=[] if may_upload else _live_tokens(project, person.user, at),
        invitations=[] if stays_owner else list(sent.select_related("user")),
        owners=[(owner.username, owner.pk in safe) for owner in owners],
        is_impossible=RoleKind.OWNER in lost and not owners.exists(),
    )


def _live_tokens(project: Project, user: User, at: datetime) -> list[Token]:
    return [token for token in project.tokens.filter(user=user, revoked_at=None) if token.is_live(at)]


def transfers_for(user: User, *, at: datetime) -> list[Transfer]:
    """Projects that are offered, or on their way, to the person or to an organisation the person manages."""
    found = Transfer.objects.open().for_receiver(user).filter(project__deletion=None)
    late = Q(state=TransferState.OFFERED, expires_at__lte=at)
    related = found.exclude(late).select_related("project", "to_user", "to_organization", "offered_by")
    return list(related.order_by("-pk"))
