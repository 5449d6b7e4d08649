"""What a person has to know and do first, above everything else on the pages of their account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import template
from django.urls import reverse

from accounts.models import User
from indexsite import clock
from indexsite.http import actor_of
from mfa.models import has_factor
from releases.models import has_any_role

register = template.Library()


@dataclass(frozen=True)
class Obligation:
    """One thing, with the moment until which it holds or has to be done, if there is one."""

    title: str
    sentence: str
    url: str
    act: str
    until: datetime | None = None


@register.inclusion_tag("account/obligations.html", takes_context=True)
def obligations(context: dict[str, Any]) -> dict[str, Any]:
    """The person's obligations, the most urgent first; nothing when there are none."""
    at = clock.now()
    return {"obligations": obligations_of(actor_of(context["request"]).person, at), "now": at}


def obligations_of(user: User, at: datetime) -> list[Obligation]:
    """Whoever else asks for the account comes first, then freezes and the hold, then rights that rest."""
    found = []
    if user.claimed_since is not None:
        sentence = "Somebody says to be you and to have lost the second factor. If it is not you, stop it."
        act = "See who asks, and stop it"
        found.append(
            Obligation("Somebody asks to recover this account", sentence, reverse("account_recovery"), act)
        )
    found += [
        Obligation(title, sentence, reverse("account_freeze"), "See and lift", until)
        for title, sentence, until in (
            ("Settings are frozen", "Somebody reported something as not you.", user.edits_frozen_until),
            ("Uploads are refused", "You stopped uploads in your name.", user.uploads_frozen_until),
        )
        if until is not None and until > at
    ]
    if user.hold_until is not None and user.hold_until > at:
        sentence = "The account was recovered. Nothing can be published, changed or handed on in its name for now."
        found.append(Obligation("On hold", sentence, reverse("recovery_policy"), "Why", user.hold_until))
    if has_any_role(user) and not has_factor(user):
        sentence = "You have a role, and without a second factor you cannot use it: no upload, no managing."
        found.append(Obligation("Your rights rest", sentence, reverse("account_security"), "Add a factor"))
    return found
