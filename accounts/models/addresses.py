"""E-mail addresses beside allauth's: those that an account once had, and those that none may take.

Past ones are told of a recovery for half a year more.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from accounts.models.people import User

PAST_ADDRESS_TOLD = timedelta(days=180)


class PastAddress(models.Model):
    """A verified address that its owner, or somebody in their name, has removed."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="past_addresses")
    email = models.EmailField(max_length=254)
    removed_at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["user", "removed_at"], name="past_address_user")]

    def __str__(self) -> str:
        return f"{self.email} of {self.user_id}"


def holds_address(user: User, email: str) -> bool:
    """Whether the person has this address, verified or not, or had it."""
    from allauth.account.models import EmailAddress  # needs the app registry

    past = PastAddress.objects.filter(user=user, email=email.lower())
    present = EmailAddress.objects.filter(user=user, email=email.lower())
    return bool(past.values("pk").union(present.values("pk")).exists())


class ProhibitedAddress(models.Model):
    """An address ("name@domain") or a domain with all below it ("domain") that no account may take.

    Whoever has such an address keeps it. `pattern` is as `normal_address` and `normal_domain` write it.
    """

    pattern = models.CharField(max_length=254, primary_key=True)
    reason = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.pattern

    @property
    def is_domain(self) -> bool:
        return "@" not in self.pattern


def prohibition_of(email: str) -> ProhibitedAddress | None:
    """What keeps the address from being taken, the domain first, if anything does; one query."""
    address = normal_address(email)
    domain = address.rpartition("@")[2].split(".")
    patterns = [address, *(".".join(domain[start:]) for start in range(len(domain)))]
    rows = list(ProhibitedAddress.objects.filter(pattern__in=patterns))
    return min(rows, key=lambda row: not row.is_domain, default=None)


def normal_address(email: str) -> str:
    """In lower case, without a "+tag" (RFC 5233), the domain as in the DNS: these make no other mailbox."""
    local, _, domain = email.strip().lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{normal_domain(domain)}"


def normal_domain(domain: str) -> str:
    """As it is in the DNS: in lower case, without the last dot, other letters than ASCII in Punycode."""
    plain = domain.strip().lower().rstrip(".")
    try:
        return plain.encode("idna").decode("ascii")
    except UnicodeError:
        return plain
