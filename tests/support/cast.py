"""The cast: people, projects and actors as tests want them.

Names say who they are: alice owns, bob maintains, carol has an account and nothing else, dave owns but has no
second factor, erin and frank approve, mallory attacks.
"""

from datetime import datetime, timedelta

import factory
from allauth.account.models import EmailAddress
from django.db import transaction
from django_otp.oath import TOTP
from django_otp_webauthn.models import WebAuthnUserHandle
from factory.django import DjangoModelFactory

from accounts.models import StaffKind, StaffRole, User
from indexsite import audit, clock
from indexsite.actors import Actor, Credential, SessionCredential
from mfa.models import AuthenticatorApp, RemovalGround, SecurityKey, devices_of, remove_factor
from releases.models import Project, Role, RoleKind
from tests.support.authenticators import SoftKey

# Credential id -> the key itself, of which the database knows the public half only.
_PLUGGED_IN: dict[bytes, SoftKey] = {}

PASSWORD = "a sparrow counts nine lanterns"


class UserFactory(DjangoModelFactory[User]):
    """A bare account; `person()` adds address and factor."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")

    @classmethod
    def _create(cls, model_class: type[User], *args: object, **kwargs: object) -> User:
        return model_class.objects.create_user(password=kwargs.pop("password", PASSWORD), **kwargs)


class ProjectFactory(DjangoModelFactory[Project]):
    """A registered name; `owner=` and `maintainer=` give roles."""

    class Meta:
        model = Project
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"project{n}")
    created_at = factory.LazyFunction(clock.now)

    @factory.post_generation
    def owner(self: Project, create: bool, user: User | None, **kwargs: object) -> None:
        if user is not None:
            grant(user, self, RoleKind.OWNER)

    @factory.post_generation
    def maintainer(self: Project, create: bool, user: User | None, **kwargs: object) -> None:
        if user is not None:
            grant(user, self, RoleKind.MAINTAINER)


def person(username: str, *, verified: bool = True, totp: bool = True, **fields: object) -> User:
    """An account with password `PASSWORD` and the address `<username>@example.org`."""
    user = UserFactory(username=username, **fields)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=verified)
    if totp:
        add_totp(user)
    return user


def staff(username: str, *kinds: StaffKind, key: bool = True, **fields: object) -> User:
    """Somebody who works for the site in these roles: mona moderates, sven is security, root has none."""
    user = person(username, is_staff=True, **fields)
    if key:
        add_key(user)
    for kind in kinds:
        StaffRole.objects.create(user=user, kind=kind, granted_at=clock.now(), is_founding=True)
    return user


def add_totp(user: User) -> AuthenticatorApp:
    return AuthenticatorApp.objects.create(user=user, name="phone", confirmed=True)


def add_key(user: User, name: str = "blue", **options: object) -> SoftKey:
    """A registered key of the person, as `SoftKey(**options)` makes it; from now on they sign in with it."""
    key = SoftKey(**options)
    _PLUGGED_IN[key.credential_id] = key
    key.handle = WebAuthnUserHandle.get_handle_for_user(user)
    SecurityKey.objects.create(
        user=user,
        name=name,
        credential_id=key.credential_id,
        public_key=key.cose(),
        sign_count=key.counter,
        discoverable=key.discoverable,
        verifies_user=key.verifies,
    )
    return key


def lose_factors(user: User, *, name: str = "") -> None:
    """The person has removed what they had: all of it, or what has this name. Nothing else happens."""
    for device in devices_of(user):
        if not name or device.name == name:
            with transaction.atomic():
                event = audit.record(actor(user), audit.FactorRemoved(about=user, factor=device.label))
                remove_factor(device, RemovalGround.REMOVED, event=event, at=clock.now())


def key_of(user: User) -> SoftKey | None:
    """The key the person has at hand, the first one."""
    ids = SecurityKey.objects.filter(user=user, set_aside_at=None).values_list("credential_id", flat=True)
    return next((_PLUGGED_IN[bytes(each)] for each in ids if bytes(each) in _PLUGGED_IN), None)


def totp_code(user: User, *, steps: int = 0) -> str:
    """The code the person's app shows now, or `steps` periods of 30 s later."""
    device = AuthenticatorApp.objects.get(user=user, confirmed=True)
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    totp.time = clock.now().timestamp() + steps * device.step
    return f"{totp.token():06d}"


def grant(user: User, project: Project, kind: RoleKind = RoleKind.OWNER) -> Role:
    return Role.objects.create(user=user, project=project, kind=kind, granted_at=clock.now())


def actor(
    user: User | None,
    *,
    credential: Credential | None = None,
    fresh: bool = True,
    at: datetime | None = None,
) -> Actor:
    """The person in a browser (or with `credential`); `fresh` has just proved password and strongest factor."""
    proved_at = (at or clock.now()) - (timedelta(seconds=5) if fresh else timedelta(days=1))
    device = None
    if user is not None:
        device = SecurityKey.objects.filter(user=user, set_aside_at=None).first()
        device = device or AuthenticatorApp.objects.filter(user=user, confirmed=True).first()
    return Actor(
        user=user,
        credential=credential or SessionCredential(),
        factor=device.persistent_id if device is not None else "",
        factor_at=proved_at if device is not None else None,
        reauthenticated_at=proved_at,
        address="127.0.0.1",
        client="tests",
    )
