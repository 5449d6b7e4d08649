"""Creates the demo and tells of it. Every step may be repeated: the next run finishes an interrupted one."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts.models import StaffRole, User
from indexsite import audit, clock, sealing
from indexsite.actors import SITE
from indexsite.audit.staff import StaffFounded
from indexsite.management.demo import recoveries, together
from indexsite.management.demo.acting import at_browser, publish
from indexsite.management.demo.cast import CAST, PACKAGES, Person
from indexsite.management.demo.derived import Secrets, base32
from indexsite.models import SiteFact
from mfa import ceremonies, recovery_codes
from mfa.models import (
    AuthenticatorApp,
    RecoveryCode,
    RecoveryDevice,
    RemovalGround,
    SecurityKey,
    remove_factor,
)
from releases.actions import critical
from releases.models import (
    ListChange,
    ListProposal,
    Project,
    Publishing,
    Role,
    RoleKind,
    designation_of,
    people_with,
)
from tokens.actions import create_token, revoke_token
from tokens.models import GATHERING, GRANTED, Token

MARKER = "demo"
PUBLISHED_DAYS_AGO = 30
# Since when people have their roles and keys.
HELD_FOR = timedelta(days=20)


class NotADemo(Exception):
    """This database is not one that demo data may go into; the message is one sentence."""


def is_demo() -> bool:
    """Whether the database carries the marker."""
    return SiteFact.objects.filter(name=MARKER).exists()


def is_empty() -> bool:
    """Whether nobody has used the database yet."""
    return not User.objects.exists() and not Project.objects.exists()


def ensure() -> Secrets:
    """Create whatever of the demo is missing.

    Raises:
        NotADemo: the database is in use and was never a demo.
    """
    if not settings.ENV.allows_demo:
        raise NotADemo("Demo data needs DEBUG=1 or DEMO=1; this site has neither.")
    if not is_demo() and not is_empty():
        raise NotADemo("This database is in use and holds no demo; demo data goes into an empty one only.")
    fact, _ = SiteFact.objects.get_or_create(name=MARKER, defaults={"value": {"salt": secrets.token_hex(16)}})
    derived = Secrets(key=settings.SECRET_KEY, salt=fact.value["salt"])
    if not fact.value.get("complete"):
        _create(derived)
        fact.value = {**fact.value, "complete": True}
        fact.save(update_fields=["value"])
    else:
        _catch_up(derived)
    return derived


def _catch_up(derived: Secrets) -> None:
    """Add what there was not when the demo was made."""
    alice = User.objects.filter(username="alice").first()
    if alice is not None and not all(map(_tokens_named, TOKENS)):
        _tokens(alice, derived)
    if not Project.objects.filter(policy_version__gt=1).exists():
        _rules()


def describe(derived: Secrets) -> dict[str, Any]:
    """The demo as `demo --json` prints it."""
    return {
        "site_url": settings.SITE_URL,
        "users": {person.username: _person(person, derived) for person in CAST},
        "tokens": {name: _token(name).secret() for name in TOKENS},
        "projects": {name: dict(facts) for name, facts in PROJECTS.items()},
    }


PROJECTS: dict[str, dict[str, Any]] = {
    "sampleproject": {"publishing": "optional", "approvals": 0, "critical": False},
    "critlib": {"publishing": "required-auto", "approvals": 2, "critical": True},
    "davelib": {"publishing": "optional", "approvals": 0, "critical": False},
}


def _person(person: Person, derived: Secrets) -> dict[str, Any]:
    told: dict[str, Any] = {
        "password": derived.password(person.username),
        "email": person.email,
    }
    if person.has_factors:
        told["totp_secret"] = base32(derived.totp(person.username))
        told["security_key"] = _security_key(person, derived)
        told["recovery_codes"] = [
            code for code in derived.recovery_codes(person.username) if _is_unused(code, person.username)
        ]
    staff_roles = [str(kind) for kind in person.staff_roles]
    return {
        **told,
        "staff_roles": staff_roles,
        "projects": {name: str(kind) for name, kind in person.roles.items()},
    }


def _security_key(person: Person, derived: Secrets) -> dict[str, Any]:
    told = derived.security_key(person.username)
    key = SecurityKey.objects.filter(
        user__username=person.username,
        credential_id_sha256=SecurityKey.get_credential_id_sha256(told.credential_id),
    ).first()
    # What it counts now: with an older count it would look copied.
    return {**told.told(), "rp_id": settings.OTP_WEBAUTHN_RP_ID, "sign_count": key.sign_count if key else 0}


def _is_unused(code: str, username: str) -> bool:
    unused = RecoveryCode.objects.good().filter(device__user__username=username)
    return unused.filter(digest=recovery_codes.digest(code)).exists()


# -- creation ---------------------------------------------------------------------------------------------


def _create(derived: Secrets) -> None:
    users = {person.username: _account(person, derived) for person in CAST}
    for days_ago, package in zip(range(PUBLISHED_DAYS_AGO, 0, -5), PACKAGES, strict=False):
        owner = next(person for person in CAST if person.roles.get(package.name) is RoleKind.OWNER)
        publish(package, users[owner.username], at=clock.now() - timedelta(days=days_ago))
    together.create(users)
    _roles(users)
    _critical_list(users["lena"], users["lars"])
    _tokens(users["alice"], derived)
    # Published with a factor, as everybody must; he has lost it since.
    _lose_factor(users["dave"])
    recoveries.create(users)
    # Last: what was published already was published without.
    _rules()


@transaction.atomic
def _lose_factor(user: User) -> None:
    app = AuthenticatorApp.objects.filter(user=user).first()
    if app is None:
        return
    event = audit.record(at_browser(user), audit.FactorRemoved(about=user, factor=app.label))
    remove_factor(app, RemovalGround.REMOVED, event=event, at=clock.now())


@transaction.atomic
def _account(person: Person, derived: Secrets) -> User:
    user = User.objects.filter(username=person.username).first()
    if user is not None:
        return user
    user = User.objects.create_user(
        person.username,
        person.email,
        derived.password(person.username),
        is_staff=person.is_superuser or bool(person.staff_roles),
        is_superuser=person.is_superuser,
        date_joined=clock.now() - timedelta(days=60),
    )
    EmailAddress.objects.create(user=user, email=person.email, primary=True, verified=True)
    audit.record(SITE, audit.AccountCreated(about=user))
    # All at once, where a real site begins with two.
    for kind in person.staff_roles:
        StaffRole.objects.create(user=user, kind=kind, granted_at=user.date_joined, is_founding=True)
        audit.record(SITE, StaffFounded(about=user, role=kind.value))
    if person.has_factors or RoleKind.OWNER in person.roles.values():
        AuthenticatorApp.objects.create(
            user=user, name="Authenticator", key=derived.totp(person.username).hex(), confirmed=True
        )
    if person.has_factors:
        _install_codes(user, derived.recovery_codes(person.username))
        _install_key(user, derived)
    return user


def _install_key(user: User, derived: Secrets) -> None:
    secrets_of = derived.security_key(user.username)
    ceremonies.as_registered(
        user,
        name="Demo key",
        credential_id=secrets_of.credential_id,
        handle=secrets_of.user_handle,
        public=secrets_of.private.public_key(),
        at=clock.now() - HELD_FOR,
    )


def _install_codes(user: User, codes: list[str]) -> None:
    # Proved, as if one of them had been typed back: the security page asks for nothing more.
    device = RecoveryDevice.objects.create(
        user=user, name="recovery codes", generated_at=clock.now(), proved_at=clock.now()
    )
    RecoveryCode.objects.bulk_create(
        RecoveryCode(device=device, digest=recovery_codes.digest(code)) for code in codes
    )


def _rules() -> None:
    """How each project publishes from now on."""
    for name, told in PROJECTS.items():
        if told["publishing"] == Publishing.OPTIONAL:
            continue
        # Four-eyes: whoever uploads does not count.
        Project.objects.filter(name=name, policy_version=1).update(
            publishing=told["publishing"], approvals=told["approvals"], four_eyes=True, policy_version=2
        )


@transaction.atomic
def _roles(users: dict[str, User]) -> None:
    for person in CAST:
        for name, kind in person.roles.items():
            project = Project.objects.get(name=name)
            owner = people_with(project, RoleKind.OWNER)[0]
            _, created = Role.objects.get_or_create(
                project=project,
                user=users[person.username],
                kind=kind,
                # Long enough ago for approvals to count.
                defaults={"granted_at": clock.now() - HELD_FOR},
            )
            if created:
                event = audit.RoleGranted(about=users[person.username], project=name, role=kind)
                audit.record(at_browser(owner), event)


def _critical_list(lena: User, lars: User) -> None:
    if designation_of("critlib") is None:
        proposal = ListProposal.objects.open().filter(name="critlib").first() or critical.propose(
            actor=at_browser(lena),
            name="critlib",
            change=ListChange.JOIN,
            reason="Half of the other projects need it.",
            at=clock.now(),
        )
        critical.agree(actor=at_browser(lars), pk=proposal.pk, at=clock.now())
    if not ListProposal.objects.filter(name="sampleproject").exists():
        critical.propose(
            actor=at_browser(lena),
            name="sampleproject",
            change=ListChange.JOIN,
            reason="Every tutorial installs it.",
            at=clock.now(),
        )


TOKENS = ("account", "project", "stage_only", "expired", "revoked")
# For which project each of them is; the others are for sampleproject.
_FOR = {"account": None, "stage_only": "critlib"}


def _tokens(alice: User, derived: Secrets) -> None:
    now = clock.now()
    made_at, expiry = now - timedelta(days=20), now - timedelta(days=1)
    for name in TOKENS:
        project_name = _FOR.get(name, "sampleproject")
        if not _tokens_named(name).exists():
            create_token(
                actor=at_browser(alice),
                description=_described(name),
                project=Project.objects.get(name=project_name) if project_name is not None else None,
                permissions=GATHERING if name == "stage_only" else GRANTED,
                expires_at=expiry if name == "expired" else None,
                at=made_at,
            )
        token = _token(name)
        # The site itself only ever makes random keys.
        Token.objects.filter(pk=token.pk).update(key=sealing.seal(derived.token_key(name), place=token.place))
        if name == "revoked":
            revoke_token(actor=at_browser(alice), token=token, at=now)


def _described(name: str) -> str:
    return f"demo {name}"


def _token(name: str) -> Token:
    return _tokens_named(name).earliest("created_at", "pk")


def _tokens_named(name: str) -> QuerySet[Token]:
    return Token.objects.filter(user__username="alice", description=_described(name))
