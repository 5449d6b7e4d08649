"""Looking somebody or something up: it changes nothing, and whoever was looked at reads that somebody did."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from packaging.utils import canonicalize_name

from accounts.models import User
from indexsite import audit, limits
from indexsite.actors import Actor
from indexsite.audit import safety
from indexsite.errors import InvalidInput, NotFound
from indexsite.limits import Limit
from indexsite.policies import Action, may, require
from recovery import presentation, queries_lookup
from recovery.queries_lookup import Account, Thing
from releases.models import Project

SHORTEST = 2


class BeginningTooShort(InvalidInput):
    """Nearly every name begins so."""

    code = "beginning-too-short"
    field = "name"

    def __init__(self) -> None:
        super().__init__(f"Type at least {SHORTEST} characters of the name.")


def search_accounts(*, actor: Actor, beginning: str) -> list[User]:
    """Accounts whose name begins so. Names are no secret: it is not written down.

    Raises:
        PermissionRefused: the actor may not.
        BeginningTooShort: see there.
    """
    require(actor, Action.ACCOUNT_LOOK_UP)
    if len(beginning.strip()) < SHORTEST:
        raise BeginningTooShort
    return list(queries_lookup.accounts_named(beginning))


def search_address(*, actor: Actor, email: str, at: datetime) -> list[User]:
    """Accounts that have this very address. It stands in the trail, and in their histories, if anybody has it.

    Raises:
        PermissionRefused: the actor may not.
        LimitReached: the actor has searched for too many.
    """
    require(actor, Action.ACCOUNT_LOOK_UP)
    limits.consume(Limit.LOOK_UP_STAFF, str(actor.person.pk), at=at)
    masked = presentation.masked(email.lower())
    with transaction.atomic():
        found = queries_lookup.accounts_with(email)
        owners: list[User | None] = [*found] or [None]
        for user in owners:
            audit.record(actor, safety.AddressSearched(about=user, email=masked))
    return found


def search_projects(*, actor: Actor, beginning: str) -> list[Project]:
    """Projects whose name begins so, deleted ones among them.

    Raises:
        As `search_accounts`.
    """
    require(actor, Action.PROJECT_LOOK_UP)
    if len(canonicalize_name(beginning.strip())) < SHORTEST:
        raise BeginningTooShort
    return list(queries_lookup.projects_named(beginning.strip()))


@transaction.atomic
def look_at_account(*, actor: Actor, username: str, at: datetime) -> Account:
    """One account; its owner reads that somebody looked. Its cases only for whoever sees cases.

    Raises:
        PermissionRefused: the actor may not.
        NotFound: there is none.
    """
    require(actor, Action.ACCOUNT_LOOK_UP)
    found = queries_lookup.account(username, at, with_cases=bool(may(actor, Action.CASE_VIEW)))
    if found is None:
        raise NotFound(f"There is no account {username}.")
    audit.record(actor, safety.AccountLookedUp(about=found.user))
    return found


@transaction.atomic
def look_at_project(*, actor: Actor, name: str) -> Thing:
    """One project, also a deleted one.

    Raises:
        PermissionRefused: the actor may not.
        NotFound: there is none.
    """
    require(actor, Action.PROJECT_LOOK_UP)
    found = queries_lookup.project(name)
    if found is None:
        raise NotFound(f"There is no project {name}.")
    audit.record(actor, safety.ProjectLookedUp(label=found.project.name))
    return found
