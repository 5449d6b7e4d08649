"""User names and e-mail addresses that nobody may take, beside the built-in ones. Whoever has one keeps it."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_domain_name, validate_email
from django.db import transaction

from accounts import usernames
from accounts.models import (
    USERNAME_MAX_LENGTH,
    USERNAME_RE,
    ProhibitedAddress,
    ProhibitedUsername,
    normal_address,
    normal_domain,
)
from indexsite import audit, reasons
from indexsite.actors import Actor
from indexsite.audit import lifecycle as events
from indexsite.errors import Conflict, InvalidInput
from indexsite.policies import Action, require


@transaction.atomic
def prohibit_username(*, actor: Actor, name: str, reason: str) -> None:
    """Nobody signs up with it any more; also no organisation.

    Raises:
        PermissionRefused: the actor may not.
        InvalidInput: this cannot be a user name, or no reason.
        Conflict: it is prohibited already.
    """
    require(actor, Action.NAME_PROHIBIT)
    reason = reasons.clean(reason, is_needed=True)
    name = usernames.canonical(name)
    if len(name) > USERNAME_MAX_LENGTH or not USERNAME_RE.match(name):
        raise usernames.UsernameMalformed
    _, is_new = ProhibitedUsername.objects.get_or_create(name=name, defaults={"reason": reason[:200]})
    if not is_new:
        raise Conflict(f"The user name {name} is prohibited already.", code="name-prohibited-before")
    audit.record(actor, events.NameProhibited(kind="user", label=name, reason=reason))


@transaction.atomic
def allow_username(*, actor: Actor, name: str, reason: str) -> None:
    """It can be taken again. Raises as `prohibit_username`; Conflict where it is not prohibited."""
    require(actor, Action.NAME_PROHIBIT)
    reason = reasons.clean(reason, is_needed=True)
    name = usernames.canonical(name)
    deleted, _ = ProhibitedUsername.objects.filter(name=name).delete()
    if not deleted:
        raise Conflict(f"The user name {name} is not prohibited.", code="name-not-prohibited")
    audit.record(actor, events.NameAllowed(kind="user", label=name, reason=reason))


class PatternMalformed(InvalidInput):
    """Neither an address nor a domain."""

    code = "address-pattern-malformed"
    field = "name"

    def __init__(self) -> None:
        super().__init__(
            "Type an e-mail address, or a domain such as example.org; it stands for all below it, too."
        )


@transaction.atomic
def prohibit_address(*, actor: Actor, name: str, reason: str) -> None:
    """No account takes the address, or any of the domain, from now on.

    Args:
        name: "somebody@example.org", or "example.org" for it and all below it.

    Raises:
        PermissionRefused: the actor may not.
        PatternMalformed: see there. InvalidInput: no reason.
        Conflict: it is prohibited already.
    """
    require(actor, Action.NAME_PROHIBIT)
    reason = reasons.clean(reason, is_needed=True)
    pattern = _pattern(name)
    _, is_new = ProhibitedAddress.objects.get_or_create(pattern=pattern, defaults={"reason": reason[:200]})
    if not is_new:
        raise Conflict(f"{pattern} is prohibited already.", code="name-prohibited-before")
    audit.record(actor, events.AddressProhibited(label=pattern, reason=reason))


@transaction.atomic
def allow_address(*, actor: Actor, name: str, reason: str) -> None:
    """It can be taken again. Raises as `prohibit_address`; Conflict where it is not prohibited."""
    require(actor, Action.NAME_PROHIBIT)
    reason = reasons.clean(reason, is_needed=True)
    pattern = _pattern(name)
    deleted, _ = ProhibitedAddress.objects.filter(pattern=pattern).delete()
    if not deleted:
        raise Conflict(f"{pattern} is not prohibited.", code="name-not-prohibited")
    audit.record(actor, events.AddressAllowed(label=pattern, reason=reason))


def _pattern(text: str) -> str:
    """As it is stored. A domain has a dot: nobody shuts out all of .org by a slip."""
    wanted = text.strip().removeprefix("@")
    is_address = "@" in wanted
    pattern = normal_address(wanted) if is_address else normal_domain(wanted)
    try:
        (validate_email if is_address else validate_domain_name)(pattern)
    except ValidationError:
        raise PatternMalformed from None
    if len(pattern) > 254 or "." not in pattern.rpartition("@")[2]:
        raise PatternMalformed
    return pattern
