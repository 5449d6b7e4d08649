"""Who joins and leaves the staff: proposed by one, confirmed by another, carried out a day later, all told.

No other code writes `StaffRole` or `User.is_staff`, the demo excepted; a test looks for it.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from accounts import notices
from accounts.actions import new_places
from accounts.actions.sessions import drop_sessions
from accounts.models import (
    FACTORS,
    OPEN_STAFF_CHANGE,
    STAFF_DELAY,
    STAFF_PROPOSAL_LIFE,
    StaffChange,
    StaffChangeState,
    StaffKind,
    StaffRole,
    User,
    has_staff_role,
    has_verified_email,
    note_rights,
)
from indexsite import audit, clock, reasons
from indexsite.actors import SITE, Actor
from indexsite.audit import staff as events
from indexsite.errors import Conflict, InvalidInput, NotFound
from indexsite.policies import Action, require, require_now
from mfa.models import RemovalGround, devices_of, has_working_key, remove_factor

log = logging.getLogger(__name__)

# Fewer and no proposal could ever be confirmed again.
SECURITY_NEEDED = 2
FOUNDERS = 2
# What the first two need in order to make all others.
FOUNDING_ROLE = StaffKind.SECURITY


class StaffChangeClosed(Conflict):
    """It was carried out, stopped or has lapsed."""

    code = "staff-change-closed"

    def __init__(self) -> None:
        super().__init__("This proposal is over; nothing more can be done with it.")


@transaction.atomic
def propose(*, actor: Actor, username: str, role: StaffKind, reason: str, at: datetime) -> StaffChange:
    """Propose a person for a staff role. Nothing changes before a colleague confirms, and a day has passed.

    Raises:
        PermissionRefused: the actor has no staff role, or means themselves.
        InvalidInput: nobody can take this role under this name, or no reason.
        Conflict: the person has the role, or it is proposed already.
    """
    require(actor, Action.STAFF_PROPOSE)
    reason = reasons.clean(reason, is_needed=True)
    user = User.objects.select_for_update(no_key=True).filter(username=username.strip().lower()).first()
    if user is None:
        raise InvalidInput(f"There is no account {username.strip()}; they sign up first.", code="no-such-account")
    require_now(actor, Action.STAFF_PROPOSE, user)
    if obstacle := _unfit(user):
        raise InvalidInput(f"{user.username} cannot join the staff: {obstacle}.", code="not-fit-for-staff")
    if user.staff_roles.filter(kind=role).exists():
        raise Conflict(f"{user.username} has this role already.", code="staff-role-held")
    if user.staff_changes.open().filter(role=role).exists():
        raise Conflict(f"{user.username} is proposed for this role already.", code="staff-change-open")
    change = _proposal(user, role, reason, actor=actor, at=at)
    audit.record(actor, events.StaffProposed(about=user, role=role, reason=reason))
    notices.staff_proposed(change, by=actor)
    return change


@transaction.atomic
def propose_factors(*, actor: Actor, user: User, reason: str, at: datetime) -> StaffChange:
    """Propose to remove the lost second factors of a colleague, as for a role: two people and a day.

    The recovery desk refuses staff: nobody opens a colleague's account alone, and rules do not either.

    Raises:
        PermissionRefused: the actor has no staff role, or means themselves.
        InvalidInput: the person is not on the staff or has nothing to lose, or no reason.
        Conflict: it is proposed already.
    """
    require(actor, Action.STAFF_PROPOSE, user)
    reason = reasons.clean(reason, is_needed=True)
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    require_now(actor, Action.STAFF_PROPOSE, user)
    if obstacle := _unfit_for_factors(user):
        raise InvalidInput(f"This is not possible for {user.username}: {obstacle}.", code="not-fit-for-staff")
    if user.staff_changes.open().filter(role=FACTORS).exists():
        raise Conflict(f"It is proposed for {user.username} already.", code="staff-change-open")
    change = _proposal(user, FACTORS, reason, actor=actor, at=at)
    audit.record(actor, events.StaffFactorsProposed(about=user, reason=reason))
    notices.staff_factors_proposed(change, by=actor)
    return change


def _proposal(user: User, role: str, reason: str, *, actor: Actor, at: datetime) -> StaffChange:
    return StaffChange.objects.create(
        user=user,
        role=role,
        reason=reason,
        proposed_by=actor.person,
        proposed_at=at,
        expires_at=at + STAFF_PROPOSAL_LIFE,
    )


@transaction.atomic
def confirm(*, actor: Actor, pk: int, at: datetime) -> StaffChange:
    """The second yes, by somebody else of the security role; the worker carries it out after `STAFF_DELAY`.

    Raises:
        NotFound: there is no such proposal.
        PermissionRefused: the actor is in the proposal already, or has not the role.
        StaffChangeClosed: it is confirmed, over, or too old.
    """
    change = _locked(actor, Action.STAFF_CONFIRM, pk)
    if change.state != StaffChangeState.PROPOSED or change.expires_at <= at:
        raise StaffChangeClosed
    change.state, change.confirmed_by, change.confirmed_at = StaffChangeState.CONFIRMED, actor.person, at
    change.due_at = at + STAFF_DELAY
    change.save(update_fields=["state", "confirmed_by", "confirmed_at", "due_at"])
    due = clock.written(change.due_at)
    audit.record(actor, events.StaffConfirmed(about=change.user, role=change.role, due=due))
    notices.staff_confirmed(change, by=actor)
    return change


@transaction.atomic
def stop(*, actor: Actor, pk: int, reason: str, at: datetime) -> StaffChange:
    """Any one of the staff says no, until it is carried out. Raises as `confirm`."""
    reason = reasons.clean(reason, is_needed=True)
    change = _locked(actor, Action.STAFF_STOP, pk)
    if change.state not in OPEN_STAFF_CHANGE:
        raise StaffChangeClosed
    change.end(StaffChangeState.STOPPED, at)
    audit.record(actor, events.StaffStopped(about=change.user, role=change.role, reason=reason))
    notices.staff_stopped(change, by=actor, reason=reason)
    return change


@transaction.atomic
def remove_role(*, actor: Actor, user: User, role: StaffKind, reason: str) -> None:
    """Take a staff role away, at once: less power needs no second person. Without any role one is off the staff.

    Raises:
        PermissionRefused: the actor is neither of the security role nor the person.
        NotFound: the person has not the role.
        Conflict: too few of the security role would be left to confirm anybody.
    """
    require(actor, Action.STAFF_REMOVE, user)
    reason = reasons.clean(reason, is_needed=True)
    # All of them, in one order: two who remove each other must not leave the site with none.
    roles = list(StaffRole.objects.select_for_update().order_by("pk"))
    require_now(actor, Action.STAFF_REMOVE, user)
    held = next((each for each in roles if (each.user_id, each.kind) == (user.pk, role)), None)
    if held is None:
        raise NotFound(f"{user.username} has not this staff role.")
    if role == StaffKind.SECURITY and sum(each.kind == role for each in roles) <= SECURITY_NEEDED:
        raise Conflict(
            "Two people of the security role must stay, or nobody could confirm new staff; add somebody first.",
            code="last-security",
        )
    held.delete()
    if not any(each.user_id == user.pk and each is not held for each in roles):
        User.objects.filter(pk=user.pk).update(is_staff=False)
    note_rights([user.pk], at=clock.now())
    audit.record(actor, events.StaffRoleRemoved(about=user, role=role, reason=reason))
    notices.staff_removed(user, role=role, by=actor, reason=reason)


def tend(*, at: datetime) -> None:
    """Carry out what is due, end what can no longer happen; one that fails does not keep the others waiting."""
    for pk in StaffChange.objects.open().order_by("pk").values_list("pk", flat=True):
        try:
            carry_out(pk, at=at)
        except Exception:
            log.exception("Staff change %s could not be looked at; it stays open until the next time.", pk)


@transaction.atomic
def carry_out(pk: int, *, at: datetime) -> StaffChangeState:
    """Do what was proposed if it is due and all three are still who they were; returns where it stands.

    May be called any number of times.

    Raises:
        StaffChange.DoesNotExist: there is no such proposal.
    """
    change = _lock(pk)
    if change.state not in OPEN_STAFF_CHANGE:
        return StaffChangeState(change.state)
    if reason := _obstacle(change, at):
        change.end(StaffChangeState.LAPSED, at)
        audit.record(SITE, events.StaffLapsed(about=change.user, role=change.role, reason=reason))
        notices.staff_lapsed(change, reason=reason)
    elif change.due_at is not None and change.due_at <= at:
        (_remove_factors if change.is_about_factors else _grant)(change, at)
    return StaffChangeState(change.state)


@transaction.atomic
def found(*, usernames: list[str], at: datetime) -> list[User]:
    """The first two of the staff, once; they make all others.

    Raises:
        Conflict: the site has staff, or once had.
        InvalidInput: not two different people, or one of them is not fit.
    """
    if StaffRole.objects.exists() or audit.has_happened(events.StaffFounded):
        raise Conflict("This site has its staff; they propose and confirm others in the console.", code="founded")
    names = {name.strip().lower() for name in usernames}
    if len(names) != FOUNDERS:
        raise InvalidInput("Name two different accounts: nobody starts alone.", code="two-founders")
    users = list(User.objects.select_for_update(no_key=True).filter(username__in=names).order_by("username"))
    if missing := names - {user.username for user in users}:
        raise InvalidInput(f"There is no account {', '.join(sorted(missing))}.", code="no-such-account")
    for user in users:
        if obstacle := _unfit(user):
            raise InvalidInput(f"{user.username} cannot join the staff: {obstacle}.", code="not-fit-for-staff")
    for user in users:
        StaffRole.objects.create(user=user, kind=FOUNDING_ROLE, granted_at=at, is_founding=True)
        User.objects.filter(pk=user.pk).update(is_staff=True)
        note_rights([user.pk], at=at)
        audit.record(SITE, events.StaffFounded(about=user, role=FOUNDING_ROLE.value))
    notices.staff_founded(users)
    return users


def _locked(actor: Actor, action: Action, pk: int) -> StaffChange:
    require(actor, action)
    change = StaffChange.objects.filter(pk=pk).first()
    if change is None:
        raise NotFound("There is no such proposal.")
    change = _lock(pk)
    require_now(actor, action, change)
    return change


def _lock(pk: int) -> StaffChange:
    StaffChange.objects.select_for_update().get(pk=pk)
    return StaffChange.objects.select_related("user", "proposed_by", "confirmed_by").get(pk=pk)


def _unfit(user: User) -> str:
    """Why the person cannot hold a staff role, or ""."""
    if not user.is_active:
        return "the account is closed or frozen"
    if not has_verified_email(user):
        return "the account has no verified e-mail address"
    if not has_working_key(user):
        return "the account has no security key"
    return ""


def _unfit_for_factors(user: User) -> str:
    """Why nothing of the person's is to be replaced, or ""."""
    if not user.is_staff:
        return "the account is not on the staff; the recovery desk helps everybody else"
    if not user.is_active:
        return "the account is closed or frozen"
    if not has_verified_email(user):
        return "the account has no verified e-mail address, by which it would be let in again"
    if not devices_of(user):
        return "the account has no second factor"
    return ""


def _obstacle(change: StaffChange, at: datetime) -> str:
    """Why it can no longer happen, or ""."""
    if change.state == StaffChangeState.PROPOSED and change.expires_at <= at:
        return "nobody confirmed it in time"
    if unfit := (_unfit_for_factors if change.is_about_factors else _unfit)(change.user):
        return unfit
    if not (change.proposed_by.is_active and has_staff_role(change.proposed_by, *StaffKind)):
        return f"{change.proposed_by.username}, who proposed it, is no longer on the staff"
    by = change.confirmed_by
    if by is not None and not (by.is_active and has_staff_role(by, StaffKind.SECURITY)):
        return f"{by.username}, who confirmed it, no longer has the security role"
    if change.user.staff_roles.filter(kind=change.role).exists():  # never one called FACTORS
        return "the person has the role already"
    return ""


def _remove_factors(change: StaffChange, at: datetime) -> None:
    """All of them: which one was lost and which was stolen is what nobody knows."""
    user, by = change.user, change.confirmed_by
    assert by is not None  # noqa: S101 - a constraint of the table
    change.end(StaffChangeState.DONE, at)
    event = audit.record(
        SITE,
        events.StaffFactorsRemoved(about=user, proposed_by=change.proposed_by.username, confirmed_by=by.username),
    )
    for device in devices_of(user):
        remove_factor(device, RemovalGround.STAFF, event=event, at=at)
    drop_sessions(user, keep="")
    new_places.stop(user, at=at)
    notices.staff_factors_removed(change)


def _grant(change: StaffChange, at: datetime) -> None:
    user, by = change.user, change.confirmed_by
    assert by is not None  # noqa: S101 - a constraint of the table
    StaffRole.objects.create(user=user, kind=change.role, granted_at=at, change=change)
    User.objects.filter(pk=user.pk).update(is_staff=True)
    note_rights([user.pk], at=at)
    change.end(StaffChangeState.DONE, at)
    event = events.StaffRoleGranted(
        about=user, role=change.role, proposed_by=change.proposed_by.username, confirmed_by=by.username
    )
    audit.record(SITE, event)
    notices.staff_granted(change)
