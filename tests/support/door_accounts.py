"""The accounts whose doors are walked through, each in its state and with all that its owner holds."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.test import Client

from accounts.models import StaffKind, User
from indexsite import clock
from mfa.actions import codes
from mfa.models import RecoveryDevice
from releases.models import Project
from tests.support import cast, people
from tests.support.authenticators import SoftKey
from tests.support.doors import Hand, Outcome, State


@dataclass
class Account:
    """One account in one state, with all its owner holds."""

    user: User
    state: State
    hands: frozenset[Hand] = frozenset()
    key: SoftKey | None = None
    codes: list[str] = field(default_factory=list)
    project: Project | None = None
    password: str = cast.PASSWORD
    # Signed in once; whoever walks gets a copy of the browser.
    browsers: list[Client] = field(default_factory=list)
    left: dict[Any, tuple[bool, Outcome, Outcome]] = field(default_factory=dict)

    @property
    def email(self) -> str:
        return f"{self.user.username}@example.org"

    def holding(self, *hands: Hand) -> Account:
        return replace(self, hands=frozenset(hands))


# -- the accounts -----------------------------------------------------------------------------------------------


def account(state: State) -> Account:
    """As the words of the state say; sessions come later."""
    name = state.name.replace(" ", "-")
    if state.name.startswith("staff"):
        made = Account(cast.staff(name, StaffKind.MODERATOR, totp=False, key=False), state)
    else:
        made = Account(cast.person(name, totp=False, verified=state.name != "unproved"), state)
    if Hand.CODE in state.has:
        made.codes = codes.generate_codes(actor=cast.actor(made.user), at=clock.now())
        RecoveryDevice.objects.update(proved_at=clock.now())
    if Hand.APP in state.has:
        cast.add_totp(made.user)
    if Hand.KEY in state.has:
        pin = state.name != "key"
        made.key = cast.add_key(made.user, verifies=pin, discoverable=pin)
    if state.name not in {"bare", "codes", "unproved"} and not made.user.is_staff:
        made.project = cast.ProjectFactory(name=f"of-{name}", owner=made.user)
    if state.name == "leaked":
        made.password = "password123"
        made.user.set_password(made.password)
        made.user.save()
    if state.name in {"frozen", "closed"}:
        made.user.is_active = False
        setattr(made.user, f"{state.name}_at", clock.now())
        made.user.save()
    if state.name == "reported":
        made.user.edits_frozen_until = clock.now() + timedelta(hours=72)
        made.user.save()
    for attribute in _RECOVERIES.get(state.name, ()):
        setattr(made.user, attribute, clock.now() + timedelta(hours=72 if attribute == "hold_until" else 0))
        made.user.save()
    return made


# What an account looks like from within while it is recovered (`accounts.models.User`).
_RECOVERIES = {
    "claimed": ["claimed_since"],
    "handed over": ["recovering_since", "hold_until"],
    "on hold": ["hold_until"],
}


def opened(made: Account, which: int = 0) -> Client:
    """A browser in which the account has signed in, with all that the front door may want; there are two."""
    client = people.browser()
    client.cookies = deepcopy(made.browsers[which].cookies)
    return client
