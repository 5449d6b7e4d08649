"""Letters about what protects a project's releases: all owners read of each step, at every verified address.

Where one owner is alone and staff would have to agree, everybody with a role reads it: nobody else could object.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from accounts.models import User
from accounts.notices import tell_all
from accounts.queries import verified_addresses_of_all
from indexsite import clock
from indexsite.actors import SITE, Actor
from releases.models import PolicyChange, Project, RoleKind, described, people_with


def changed(project: Project, *, by: Actor, event_id: int, at: datetime) -> None:
    """The policy became stronger, or only another, at once."""
    sentence = f"The publishing policy is now: {described(project.publishing_policy)}."
    _tell(project, "publishing policy changed", sentence, at, by=by, event_id=event_id)


def asked(change: PolicyChange, *, by: Actor, event_id: int, at: datetime) -> None:
    """Something is about to get weaker."""
    until = clock.written(change.due_at)
    sentence = (
        f"{by.label} asked for less protection: {change.what}. It happens after {until}, unless an owner stops it."
    )
    if change.needs_second and _is_alone(change.project):
        sentence += (
            f" No other owner can agree to it, so staff have to, from {clock.written(change.staff_may_agree_at)} "
            "on."
        )
    elif change.needs_second:
        sentence += " Another owner has to agree to it as well."
    _tell_of(change, "less protection asked for", sentence, at, by=by, event_id=event_id, is_waiting=True)


def agreed(change: PolicyChange, *, by: Actor, event_id: int, at: datetime) -> None:
    """Somebody else said yes."""
    who = "Staff" if change.is_second_staff else by.label
    sentence = f"{who} agreed to this: {change.what}. It happens after {clock.written(change.due_at)}."
    author = SITE if change.is_second_staff else by
    _tell_of(change, "less protection agreed to", sentence, at, by=author, event_id=event_id, is_waiting=True)


def ended(change: PolicyChange, why: str, *, by: Actor, event_id: int, at: datetime) -> None:
    """It does not happen."""
    sentence = f"{why} Nothing changes; asked for was: {change.what}."
    _tell_of(change, "protection stays as it is", sentence, at, by=by, event_id=event_id)


def done(change: PolicyChange, what: str, *, at: datetime) -> None:
    """It happened."""
    sentence = f"What was asked for on {clock.written(change.asked_at)} has happened: {what}."
    _tell_of(change, "less protection now", sentence, at)


def _tell_of(
    change: PolicyChange,
    headline: str,
    sentence: str,
    at: datetime,
    *,
    by: Actor = SITE,
    event_id: int = 0,
    is_waiting: bool = False,
) -> None:
    everybody = change.needs_second and _is_alone(change.project)
    also = [change.member] if change.member is not None else []
    _tell(
        change.project,
        headline,
        sentence,
        at,
        by=by,
        event_id=event_id,
        kinds=tuple(RoleKind) if everybody else (RoleKind.OWNER,),
        also=also,
        is_waiting=is_waiting,
    )


def _tell(
    project: Project,
    headline: str,
    sentence: str,
    at: datetime,
    *,
    by: Actor = SITE,
    event_id: int = 0,
    kinds: tuple[RoleKind, ...] = (RoleKind.OWNER,),
    also: Sequence[User] = (),
    is_waiting: bool = False,
) -> None:
    context = {
        "project": project.name,
        "normalized_name": project.normalized_name,
        "headline": headline,
        "sentence": sentence,
        "by": by.label if by.user is not None else "",
        "at": clock.written(at),
        "is_waiting": is_waiting,
    }
    to = verified_addresses_of_all({*people_with(project, *kinds), *also})
    tell_all("policy-news", to=to, context=context, by=by.user, event_id=event_id)


def _is_alone(project: Project) -> bool:
    return len(people_with(project, RoleKind.OWNER)) == 1
