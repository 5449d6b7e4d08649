"""Project names that nobody may register. A project that has one stays."""

from __future__ import annotations

from django.db import transaction
from packaging.utils import InvalidName, canonicalize_name

from indexsite import audit, reasons
from indexsite.actors import Actor
from indexsite.audit import lifecycle as events
from indexsite.errors import Conflict, InvalidInput
from indexsite.policies import Action, require
from releases.models import ProhibitedProjectName


class NameMalformed(InvalidInput):
    """No project can be called so."""

    code = "name-malformed"
    field = "name"

    def __init__(self) -> None:
        super().__init__("Use letters, digits, dots, dashes, underscores; begin and end with a letter or digit.")


@transaction.atomic
def prohibit_project_name(*, actor: Actor, name: str, reason: str) -> None:
    """Nobody registers it any more, in any spelling.

    Raises:
        PermissionRefused: the actor may not.
        InvalidInput: this cannot be a project's name, or no reason.
        Conflict: it is prohibited already.
    """
    require(actor, Action.NAME_PROHIBIT)
    reason = reasons.clean(reason, is_needed=True)
    name = _normalized(name)
    _, is_new = ProhibitedProjectName.objects.get_or_create(name=name, defaults={"reason": reason[:200]})
    if not is_new:
        raise Conflict(f"The project name {name} is prohibited already.", code="name-prohibited-before")
    audit.record(actor, events.NameProhibited(kind="project", label=name, reason=reason))


@transaction.atomic
def allow_project_name(*, actor: Actor, name: str, reason: str) -> None:
    """It can be registered again. Raises as `prohibit_project_name`; Conflict where it is not prohibited."""
    require(actor, Action.NAME_PROHIBIT)
    reason = reasons.clean(reason, is_needed=True)
    name = _normalized(name)
    deleted, _ = ProhibitedProjectName.objects.filter(name=name).delete()
    if not deleted:
        raise Conflict(f"The project name {name} is not prohibited.", code="name-not-prohibited")
    audit.record(actor, events.NameAllowed(kind="project", label=name, reason=reason))


def _normalized(name: str) -> str:
    try:
        normalized = canonicalize_name(name.strip(), validate=True)
    except InvalidName:
        raise NameMalformed from None
    if len(normalized) > 200:
        raise NameMalformed
    return normalized
