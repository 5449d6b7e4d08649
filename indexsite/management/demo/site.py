"""Creates the demo and tells of it. Every step may be repeated: the next run finishes an interrupted one."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import User
from indexsite import audit, clock, storage
from indexsite.actors import SITE, Actor, SessionCredential
from indexsite.management.demo.archives import Package
from indexsite.management.demo.cast import CAST, PACKAGES, Person
from indexsite.management.demo.derived import Secrets, base32
from indexsite.models import SiteFact
from mfa import recovery_codes
from mfa.models import RecoveryCode, RecoveryDevice
from releases.actions.publish import IncomingFile, publish_file
from releases.models import Project, Role, RoleKind
from releases.upload import Hashes
from tokens.actions import create_token, revoke_token
from tokens.models import Token

MARKER = "demo"
PUBLISHED_DAYS_AGO = 30


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
    return derived


def describe(derived: Secrets) -> dict[str, Any]:
    """The demo as `demo --json` prints it."""
    return {
        "site_url": settings.SITE_URL,
        "users": {person.username: _person(person, derived) for person in CAST},
        "tokens": {name: _token(name).secret() for name in TOKENS},
        "projects": {name: dict(facts) for name, facts in PROJECTS.items()},
    }


# Where a policy does not exist yet, its keys are left out.
PROJECTS: dict[str, dict[str, Any]] = {
    "sampleproject": {"publishing": "optional", "approvals": 0, "critical": False},
    "critlib": {},
    "davelib": {"publishing": "optional", "approvals": 0, "critical": False},
}


def _person(person: Person, derived: Secrets) -> dict[str, Any]:
    told: dict[str, Any] = {
        "password": derived.password(person.username),
        "email": person.email,
    }
    if person.has_factors:
        told["totp_secret"] = base32(derived.totp(person.username))
        told["recovery_codes"] = [
            code for code in derived.recovery_codes(person.username) if _is_unused(code, person.username)
        ]
    return {**told, "staff_roles": [], "projects": {name: str(kind) for name, kind in person.roles.items()}}


def _is_unused(code: str, username: str) -> bool:
    unused = RecoveryCode.objects.filter(device__user__username=username, used_at=None)
    return unused.filter(digest=recovery_codes.digest(code)).exists()


# -- creation ---------------------------------------------------------------------------------------------


def _create(derived: Secrets) -> None:
    users = {person.username: _account(person, derived) for person in CAST}
    for days_ago, package in zip(range(PUBLISHED_DAYS_AGO, 0, -5), PACKAGES, strict=False):
        owner = next(person for person in CAST if person.roles.get(package.name) is RoleKind.OWNER)
        _publish(package, users[owner.username], at=clock.now() - timedelta(days=days_ago))
    _roles(users)
    _tokens(users["alice"], derived)
    # Published with a factor, as everybody must; he has lost it since.
    TOTPDevice.objects.filter(user=users["dave"]).delete()


@transaction.atomic
def _account(person: Person, derived: Secrets) -> User:
    user = User.objects.filter(username=person.username).first()
    if user is not None:
        return user
    user = User.objects.create_user(
        person.username,
        person.email,
        derived.password(person.username),
        is_staff=person.is_superuser,
        is_superuser=person.is_superuser,
        date_joined=clock.now() - timedelta(days=60),
    )
    EmailAddress.objects.create(user=user, email=person.email, primary=True, verified=True)
    audit.record(SITE, audit.AccountCreated(about=user))
    if person.has_factors or RoleKind.OWNER in person.roles.values():
        TOTPDevice.objects.create(
            user=user, name="Authenticator", key=derived.totp(person.username).hex(), confirmed=True
        )
    if person.has_factors:
        _install_codes(user, derived.recovery_codes(person.username))
    return user


def _install_codes(user: User, codes: list[str]) -> None:
    # Proved, as if one of them had been typed back: the security page asks for nothing more.
    device = RecoveryDevice.objects.create(
        user=user, name="recovery codes", generated_at=clock.now(), proved_at=clock.now()
    )
    RecoveryCode.objects.bulk_create(
        RecoveryCode(device=device, digest=recovery_codes.digest(code)) for code in codes
    )


def _publish(package: Package, owner: User, *, at: datetime) -> None:
    actor = _actor(owner)
    for path in package.write(storage.incoming()):
        content = path.read_bytes()
        hashes = Hashes(
            md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            sha256=hashlib.sha256(content).hexdigest(),
            blake2_256=hashlib.blake2b(content, digest_size=32).hexdigest(),
            size=len(content),
        )
        is_wheel = path.suffix == ".whl"
        form = {
            ":action": ["file_upload"],
            "protocol_version": ["1"],
            "metadata_version": ["2.4"],
            "name": [package.name],
            "version": [package.version],
            "filetype": ["bdist_wheel" if is_wheel else "sdist"],
            "pyversion": ["py3" if is_wheel else "source"],
        }
        publish_file(
            actor=actor,
            incoming=IncomingFile(path=path, filename=path.name, form=form, hashes=hashes),
            at=at,
        )
        path.unlink(missing_ok=True)


@transaction.atomic
def _roles(users: dict[str, User]) -> None:
    for person in CAST:
        for name, kind in person.roles.items():
            project = Project.objects.get(name=name)
            owner = project.roles.filter(kind=RoleKind.OWNER).select_related("user").earliest("pk").user
            _, created = Role.objects.get_or_create(
                project=project,
                user=users[person.username],
                kind=kind,
                defaults={"granted_at": clock.now()},
            )
            if created:
                event = audit.RoleGranted(about=users[person.username], project=name, role=kind)
                audit.record(_actor(owner), event)


TOKENS = ("account", "project", "expired", "revoked")


def _tokens(alice: User, derived: Secrets) -> None:
    now = clock.now()
    project = Project.objects.get(name="sampleproject")
    made_at, expiry = now - timedelta(days=20), now - timedelta(days=1)
    for name in TOKENS:
        if not Token.objects.filter(user=alice, description=_described(name)).exists():
            create_token(
                actor=_actor(alice),
                description=_described(name),
                project=None if name == "account" else project,
                expires_at=expiry if name == "expired" else None,
                at=made_at,
            )
        token = _token(name)
        # The site itself only ever makes random keys.
        Token.objects.filter(pk=token.pk).update(key=derived.token_key(name))
        if name == "revoked":
            revoke_token(actor=_actor(alice), token=token, at=now)


def _described(name: str) -> str:
    return f"demo {name}"


def _token(name: str) -> Token:
    return Token.objects.filter(user__username="alice", description=_described(name)).earliest("created_at", "pk")


def _actor(user: User) -> Actor:
    """The person at their browser, having just proved who they are."""
    now = clock.now()
    device = TOTPDevice.objects.filter(user=user).first()
    return Actor(
        user=user,
        credential=SessionCredential(),
        factor=device.persistent_id if device is not None else "",
        factor_at=now if device is not None else None,
        reauthenticated_at=now,
        client="manage.py demo",
    )
