"""The rooms of the staff console: one table, from which everybody sees those that their roles open."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from indexsite.http import actor_of
from indexsite.policies import Action, may


@dataclass(frozen=True)
class Room:
    """One of them. `opens`: whoever may do one of these sees the room."""

    title: str
    text: str
    url_name: str
    opens: tuple[Action, ...]


ROOMS = (
    Room(
        "Recovery desk",
        "Who asks to get back into an account, and what became of it.",
        "desk_queue",
        (Action.CASE_VIEW,),
    ),
    Room(
        "Look-up",
        "One account or one project, and all that the site knows about it.",
        "look_up",
        (Action.ACCOUNT_LOOK_UP,),
    ),
    Room(
        "Moderation",
        "Reports of malware, quarantine, frozen accounts, leaked tokens, prohibited names, limits.",
        "moderation",
        (Action.PROJECT_QUARANTINE, Action.ACCOUNT_FREEZE, Action.NAME_PROHIBIT, Action.LIMIT_CLEAR),
    ),
    Room(
        "Critical list",
        "Names on which much depends, and proposals to change the list.",
        "critical",
        (Action.CRITICAL_VIEW,),
    ),
    Room(
        "Audit trail",
        "Everything that happened, and whether it is as it was sealed.",
        "audit_trail",
        (Action.AUDIT_VIEW,),
    ),
    Room(
        "Figures of the recovery desk",
        "How many wait and how long, what came of them, who decides with whom.",
        "recovery_figures",
        (Action.CASE_VIEW,),
    ),
    Room("Staff", "Who works here, and who joins.", "staff", (Action.STAFF_STOP,)),
)


def open_to(request: HttpRequest) -> list[Room]:
    """Those whose door opens."""
    actor = actor_of(request)
    return [room for room in ROOMS if any(may(actor, action) for action in room.opens)]
