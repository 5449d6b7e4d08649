"""What a claimant offered, seen from now: whether it still belongs to the account. One function a kind.

An answer here decides points, so whatever cannot be found out is no.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.db.models import Q

from accounts.models import KnownDevice, Membership, MembershipKind, SigningKey, User
from indexsite import audit
from indexsite.audit import organizations
from recovery import domains, repositories
from recovery.assurance import Signal
from recovery.domains import DomainState
from recovery.kinds import Kind, StillHolds
from recovery.models import Evidence, RecoveryCase
from releases.models import Project, Release, Role, RoleKind
from tokens.models import Token

# From when on what a release cites is its project's own.
SETTLED = timedelta(days=90)
PASSWORD_EVENTS = (audit.PasswordChanged.name, audit.PasswordReset.name, "recovery.password-set")
_COUNTING_DOMAINS = {DomainState.HELD, DomainState.UNWATCHED}


# -- mailboxes --------------------------------------------------------------------------------------------


def mailbox_since(user: User, email: str) -> datetime | None:
    """Since when the account has had this verified address; None where it has not."""
    if not EmailAddress.objects.filter(user=user, email=email, verified=True).exists():
        return None
    verified = user.audit_events.filter(name=audit.EmailVerified.name, data__email=email)
    latest = verified.values_list("at", flat=True).first()
    return latest if latest is not None else user.date_joined


def mailbox_domain(email: str) -> str:
    """What makes it one mailbox: two below one domain are one registrar's letter apart."""
    return domains.registrable(email.rpartition("@")[2])


def is_mailbox_sound(user: User, email: str, at: datetime) -> bool:
    since = mailbox_since(user, email)
    if since is None:
        return False
    return domains.state(mailbox_domain(email), since=since, at=at) in _COUNTING_DOMAINS


def _mailbox(row: Evidence, at: datetime) -> bool:
    return is_mailbox_sound(_user(row), row.reference, at)


# -- what the person knows or has -------------------------------------------------------------------------


def password_since(user: User) -> datetime:
    """When the present password was set."""
    latest = user.audit_events.filter(name__in=PASSWORD_EVENTS).values_list("at", flat=True).first()
    return latest if latest is not None else user.date_joined


def _password(row: Evidence, at: datetime) -> bool:
    user = _user(row)
    return user.has_usable_password() and password_since(user) <= row.offered_at


def _device(row: Evidence, at: datetime) -> bool:
    return KnownDevice.objects.filter(pk=int(row.reference), user=row.case.user).exists()


def _token(row: Evidence, at: datetime) -> bool:
    return Token.objects.unrevoked().filter(pk=row.reference, user=row.case.user).exists()


def _signature(row: Evidence, at: datetime) -> bool:
    return SigningKey.objects.proved().filter(pk=int(row.reference), user=row.case.user).exists()


# -- repositories -----------------------------------------------------------------------------------------


def cited_since(user: User, repository: repositories.Repository, settled: datetime) -> datetime | None:
    """Since when a project of the person cites the repository; None where none does that counts.

    The newest release from before `settled` has to: whoever publishes with a stolen token today changes nothing,
    and a name that the owner left years ago, and that anybody may have taken since, does not speak for them.
    """
    found = None
    for project in Project.objects.of(user, RoleKind.OWNER):
        releases = list(Release.objects.filter(project=project, created_at__lte=settled).order_by("-created_at"))
        if not releases or not _cites(releases[0], repository):
            continue
        since = min(release.created_at for release in releases if _cites(release, repository))
        found = since if found is None else min(found, since)
    return found


def cited_by(release: Release) -> set[str]:
    """Addresses of all repositories that a release's metadata names."""
    metadata = release.metadata
    lines = metadata.get("project_url", [])
    urls = [line.partition(",")[2] for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    urls += [url for key in ("home_page", "download_url") if isinstance(url := metadata.get(key), str)]
    parsed = [repositories.parse(url) for url in urls]
    return {found.address for found in parsed if found is not None}


def _cites(release: Release, repository: repositories.Repository) -> bool:
    return repository.address in cited_by(release)


def _repository(row: Evidence, at: datetime) -> bool:
    found = repositories.parse(row.reference)
    if found is None or row.since is None:
        return False
    return cited_since(_user(row), found, row.offered_at - SETTLED) is not None


# -- people -----------------------------------------------------------------------------------------------


def may_vouch_since(voucher: User, subject: User) -> tuple[Signal, datetime] | None:
    """As what, and since when, `voucher` can speak for `subject`: the strongest tie, and of those the oldest.

    A tie is as old as the younger of its two ends. Only a role of the voucher's own counts: a seat in a team can
    be given by whoever manages the organisation, yesterday too.
    """
    managed = Membership.objects.filter(
        user=voucher, kind=MembershipKind.MANAGER, organization__memberships__user=subject
    )
    if ties := [_managed_since(each, subject) for each in managed]:
        return Signal.ORGANIZATION_OWNER, min(ties)
    owned = Role.objects.filter(user=voucher, kind=RoleKind.OWNER, project__in=Project.objects.of(subject))
    if ties := [_shared_since(role, subject) for role in owned]:
        return Signal.CO_OWNER, min(ties)
    return None


def asking_for_a_word(voucher: User) -> list[User]:
    """Whom somebody asks to recover, among those for whom the person can speak; they were told of it by letter."""
    shared = Q(roles__project__roles__user=voucher) | Q(memberships__organization__memberships__user=voucher)
    asking = User.objects.filter(shared, claimed_since__isnull=False, is_active=True).exclude(pk=voucher.pk)
    return [user for user in asking.distinct().order_by("username") if may_vouch_since(voucher, user) is not None]


def _managed_since(membership: Membership, subject: User) -> datetime:
    theirs = Membership.objects.get(organization=membership.organization_id, user=subject)
    promoted = membership.user.audit_events.filter(
        name=organizations.OrganizationKindChanged.name, data__organization=membership.organization.name
    )
    moments = [membership.joined_at, theirs.joined_at, promoted.values_list("at", flat=True).first()]
    return max(moment for moment in moments if moment is not None)


def _shared_since(role: Role, subject: User) -> datetime:
    own = Role.objects.filter(user=subject, project=role.project_id).order_by("granted_at").first()
    if own is not None:
        return max(role.granted_at, own.granted_at)
    seat = Membership.objects.filter(user=subject, organization=role.project.organization_id).first()
    return max(role.granted_at, seat.joined_at) if seat is not None else role.granted_at


def is_voucher_sound(voucher: User, at: datetime) -> bool:
    """Whether nothing speaks against the voucher's own account."""
    if not voucher.is_active or voucher.recovering_since is not None:
        return False
    untils = (voucher.hold_until, voucher.edits_frozen_until)
    if any(until is not None and until > at for until in untils):
        return False
    return not RecoveryCase.objects.open().exclude(opened_at=None).filter(user=voucher).exists()


def _vouch(row: Evidence, at: datetime) -> bool:
    voucher = User.objects.filter(pk=int(row.reference)).first()
    if voucher is None or not is_voucher_sound(voucher, at):
        return False
    return may_vouch_since(voucher, _user(row)) is not None


def _user(row: Evidence) -> User:
    user = row.case.user
    if user is None:
        raise ValueError("a case about nobody has no evidence that counts")
    return user


def _kind(code: str, title: str, asks: str, still_holds: StillHolds, *signals: Signal, tries: int = 5) -> Kind:
    return Kind(code, title, asks, frozenset(signals), tries, still_holds)


KINDS = (
    _kind(
        "mailbox",
        "Another e-mail address",
        "Give another address of the account; a letter goes there, and its link leads back to this request.",
        _mailbox,
        Signal.MAILBOX,
    ),
    _kind(
        "password",
        "Your password",
        "Type the password of the account; three tries.",
        _password,
        Signal.PASSWORD,
        tries=3,
    ),
    _kind(
        "browser",
        "A browser you have used before",
        "Let us see whether this browser has signed in to the account before; one press.",
        _device,
        Signal.DEVICE,
        Signal.DEVICE_AT_HOME,
    ),
    _kind(
        "token",
        "An API token",
        "Run a small program that shows that you hold a token, without sending it to anybody.",
        _token,
        Signal.USER_TOKEN,
        Signal.PROJECT_TOKEN,
    ),
    _kind(
        "repository",
        "A repository of one of your projects",
        "Push a branch to a repository that releases of the project have named for at least 90 days.",
        _repository,
        Signal.REPOSITORY,
    ),
    _kind(
        "signature",
        "A signature by one of your keys",
        "Sign a line with an SSH or OpenPGP key that you had added to the account.",
        _signature,
        Signal.SIGNATURE,
    ),
    _kind(
        "vouch",
        "Somebody who knows you",
        "Ask somebody who owns a project with you, or manages your organization, for a PIN, and type it here.",
        _vouch,
        Signal.CO_OWNER,
        Signal.ORGANIZATION_OWNER,
    ),
)
