"""Which names a person or an organisation may take; they share one space. "Taken" and "reserved" read the same."""

from __future__ import annotations

from pathlib import Path

from accounts.models import USERNAME_MAX_LENGTH, USERNAME_RE, Organization, ProhibitedUsername, User
from indexsite.errors import InvalidInput

RESERVED = frozenset(Path(__file__).with_name("reserved_usernames.txt").read_text(encoding="ascii").split())


class UsernameMalformed(InvalidInput):
    """The name cannot be written that way."""

    code = "username-malformed"
    field = "username"

    def __init__(self) -> None:
        super().__init__(
            f"Use at most {USERNAME_MAX_LENGTH} letters (a-z), digits, dots, dashes and underscores; "
            "begin and end with a letter or a digit."
        )


class UsernameUnavailable(InvalidInput):
    """Taken, reserved or prohibited."""

    code = "username-unavailable"
    field = "username"

    def __init__(self) -> None:
        super().__init__("This name is not available; choose another one.")


def canonical(name: str) -> str:
    """The one spelling a name is stored and looked up under."""
    return name.strip().lower()


def check_available(name: str) -> str:
    """The canonical spelling of a name that a new account or organisation may take.

    Raises:
        UsernameMalformed: it breaks the rules of form.
        UsernameUnavailable: it is taken, reserved or prohibited.
    """
    # The form is checked before the case is folded: lower() turns some foreign letters into ASCII ones.
    if not name.strip().isascii():
        raise UsernameMalformed
    name = canonical(name)
    if len(name) > USERNAME_MAX_LENGTH or not USERNAME_RE.match(name):
        raise UsernameMalformed
    if (
        name in RESERVED
        or ProhibitedUsername.objects.filter(name=name).exists()
        or User.objects.filter(username=name).exists()
        or Organization.objects.filter(name=name).exists()
    ):
        raise UsernameUnavailable
    return name
