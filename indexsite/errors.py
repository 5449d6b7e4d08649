"""Anticipated failures. No HTTP here: `indexsite.http` alone chooses status, page and headers."""

from __future__ import annotations


class DomainError(Exception):
    """A refusal that a person or a client can act on.

    Attributes:
        code: stable identifier, `kebab-case`; part of the API.
        sentence: one sentence, plain ASCII where it may reach an HTTP reason phrase: what is wrong, what to do.
        help_path: site-relative page that explains it, or "".
    """

    code = "refused"
    help_path = ""

    def __init__(self, sentence: str, *, code: str = "", help_path: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code or self.code
        self.help_path = help_path or self.help_path


class InvalidInput(DomainError):
    """What was sent cannot be used."""

    code = "invalid-input"


class NotFound(DomainError):
    """There is no such thing, or the asker may not know of it."""

    code = "not-found"


class NotAuthenticated(DomainError):
    """Nobody, or nobody we can identify, is asking."""

    code = "not-authenticated"


class PermissionRefused(DomainError):
    """The actor is known and may not do this."""

    code = "permission-refused"


class Conflict(DomainError):
    """It clashes with the present state; the same request may succeed later or changed."""

    code = "conflict"


class LimitReached(DomainError):
    """Too many attempts. `retry_after` is in seconds."""

    code = "limit-reached"

    def __init__(self, sentence: str, *, retry_after: int, code: str = "", help_path: str = "") -> None:
        super().__init__(sentence, code=code, help_path=help_path)
        self.retry_after = retry_after


class TooLarge(DomainError):
    """More bytes than the limit for this kind of thing."""

    code = "too-large"
