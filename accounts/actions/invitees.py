"""Whom an invitation goes to."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts import usernames
from accounts.models import User, prohibition_of
from accounts.queries import verified_addresses
from indexsite.errors import InvalidInput


@dataclass(frozen=True)
class Invitee:
    """An account, or an address (lower case) that nobody has looked up; one of the two is set."""

    user: User | None
    email: str

    @property
    def label(self) -> str:
        """As the inviter named them."""
        return self.user.username if self.user is not None else self.email

    @property
    def mailbox(self) -> str:
        """Whose letters are counted: the account, or the address without its "+tag" (RFC 5233)."""
        local, _, domain = self.email.partition("@")
        return self.user.username if self.user is not None else f"{local.partition('+')[0]}@{domain}"

    @property
    def letter_to(self) -> list[str]:
        """Where the letter goes: a verified address of the account, or the one typed unless it is prohibited."""
        if self.user is not None:
            return verified_addresses(self.user)[:1]
        return [] if prohibition_of(self.email) is not None else [self.email]


class InviteeRefused(InvalidInput):
    """The sentence says why."""

    code = "invitee-refused"
    field = "invitee"


def _is_address(text: str) -> bool:
    """Whether a letter can go there. Quoted local parts may hold anything and are nobody's: they are refused."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= 254 and text.isprintable() and '"' not in text


def find_invitee(text: str) -> Invitee:
    """Read a user name or an e-mail address as people type them.

    Raises:
        InviteeRefused: it is neither; user names are public, whose an address is stays unknown.
    """
    wanted = text.strip().removeprefix("@").lower()
    if "@" in wanted:
        if not _is_address(wanted):
            raise InviteeRefused("This is not an e-mail address; check the spelling.")
        return Invitee(None, wanted)
    user = User.objects.filter(username=usernames.canonical(wanted), is_active=True).first()
    if user is None:
        raise InviteeRefused("There is no user of this name; check the spelling, or invite an e-mail address.")
    return Invitee(user, "")
