"""Who is acting: person + credential + second-factor facts, frozen for the length of one act."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from accounts.models import User


class CredentialKind(StrEnum):
    """How a request proves who sends it."""

    SESSION = "session"
    # A link after a recovery: somebody in a browser, for nothing but setting up what opens the account again.
    ENROLMENT = "enrolment"
    TOKEN = "token"  # noqa: S105 - a name, not a secret
    SYSTEM = "system"
    NONE = "none"


class Permission(StrEnum):
    """What a token may be used for. Grammar: `<resource>:<act>`."""

    UPLOAD = "upload"
    READ_ACCOUNT = "account:read"
    READ_HISTORY = "history:read"
    READ_MEMBERS = "members:read"
    YANK = "release:yank"
    INVITE = "members:invite"
    DRAFT_CREATE = "draft:create"
    DRAFT_UPLOAD = "draft:upload"
    DRAFT_REPLACE = "draft:replace"  # replace or delete a file of a draft
    DRAFT_SUBMIT = "draft:submit"
    DRAFT_READ = "draft:read"
    DRAFT_PREVIEW = "draft:preview"
    DRAFT_CANCEL = "draft:cancel"
    PUBLISH = "release:publish"  # a draft, where the project's policy leaves that to automation


_DRAFTING = frozenset(
    {
        Permission.DRAFT_CREATE,
        Permission.DRAFT_UPLOAD,
        Permission.DRAFT_REPLACE,
        Permission.DRAFT_SUBMIT,
        Permission.DRAFT_READ,
        Permission.DRAFT_PREVIEW,
        Permission.DRAFT_CANCEL,
    }
)

# What is part of another permission: whoever may publish at once may do it in two steps.
PARTS = {Permission.UPLOAD: _DRAFTING | {Permission.PUBLISH}}

# All that is left to a token for drafts only: gathering them, and reading.
DRAFTS_AND_READING = _DRAFTING | {Permission.READ_ACCOUNT, Permission.READ_HISTORY, Permission.READ_MEMBERS}


def with_parts(names: Iterable[str]) -> frozenset[str]:
    """The names and all that is part of them; a name that is not known has no parts."""
    named = frozenset(names)
    return named.union(*(parts for whole, parts in PARTS.items() if whole in named))


class ProjectRef(Protocol):
    """The facts a credential may be restricted by; a project that is not registered yet has no `pk`."""

    @property
    def normalized_name(self) -> str: ...


class Credential(Protocol):
    """A verified credential. `refusal()` is the credential's half of every permission check."""

    @property
    def kind(self) -> CredentialKind: ...

    @property
    def label(self) -> str:
        """How the audit trail names it, such as `token "ci" (idx-…a1b2)`."""
        ...

    def refusal(
        self,
        permission: Permission | None,
        project: ProjectRef | None,
        *,
        version: str | None = None,
        draft: str | None = None,
    ) -> str | None:
        """Why this credential does not extend to the act, as one sentence, or None when it does.

        Args:
            version: the version that the act is about, in PEP 440's canonical spelling.
            draft: the public id of the draft that the act is about.
        """
        ...


@dataclass(frozen=True)
class SessionCredential:
    """A signed-in browser: no restriction of its own; policies ask for interactivity and freshness."""

    kind: CredentialKind = CredentialKind.SESSION
    label: str = "web session"

    def refusal(
        self,
        permission: Permission | None,
        project: ProjectRef | None,
        *,
        version: str | None = None,
        draft: str | None = None,
    ) -> str | None:
        return None


@dataclass(frozen=True)
class EnrolmentCredential:
    """The mailed link after a recovery, with the secret of the request. The account is on hold meanwhile."""

    kind: CredentialKind = CredentialKind.ENROLMENT
    label: str = "recovery link"

    def refusal(
        self,
        permission: Permission | None,
        project: ProjectRef | None,
        *,
        version: str | None = None,
        draft: str | None = None,
    ) -> str | None:
        return "This link is for setting up a second factor and for nothing else."


@dataclass(frozen=True)
class SystemCredential:
    """The site's own worker and commands. It passes no policy; actions for it take no actor."""

    kind: CredentialKind = CredentialKind.SYSTEM
    label: str = "the site"

    def refusal(
        self,
        permission: Permission | None,
        project: ProjectRef | None,
        *,
        version: str | None = None,
        draft: str | None = None,
    ) -> str | None:
        return "The site itself does not act for people."


@dataclass(frozen=True)
class NoCredential:
    """Nobody is signed in."""

    kind: CredentialKind = CredentialKind.NONE
    label: str = "nobody"

    def refusal(
        self,
        permission: Permission | None,
        project: ProjectRef | None,
        *,
        version: str | None = None,
        draft: str | None = None,
    ) -> str | None:
        return "Sign in first."


@dataclass(frozen=True)
class Actor:
    """Person + credential + second-factor facts.

    Attributes:
        user: the person, or None for a visitor or the site itself.
        factor: persistent id of the device that proved presence in this session, or "".
        factor_at: when it did (aware UTC), or None.
        mailbox_at: when a code mailed to a verified address was typed in, in this session, or None. No proof of
            presence: reading somebody's mail is not being them.
        repair_at: when a recovery code was last spent in this session, or None; it lets repair factors, no more.
        reauthenticated_at: latest proof of any kind in this session, or None.
        address: client network address, or "".
        client: User-Agent, cut to 200 characters, or "".
    """

    user: User | None
    credential: Credential = field(default_factory=NoCredential)
    factor: str = ""
    factor_at: datetime | None = None
    reauthenticated_at: datetime | None = None
    mailbox_at: datetime | None = None
    repair_at: datetime | None = None
    address: str = ""
    client: str = ""

    @property
    def is_interactive(self) -> bool:
        """A person in a browser, not automation."""
        kinds = {CredentialKind.SESSION, CredentialKind.ENROLMENT}
        return self.user is not None and self.credential.kind in kinds

    @property
    def person(self) -> User:
        """The user, for code behind a policy that has made sure there is one."""
        if self.user is None:
            raise RuntimeError("Nobody is acting here: a policy has to be asked first.")
        return self.user

    @property
    def label(self) -> str:
        return self.user.username if self.user is not None else self.credential.label


VISITOR = Actor(user=None)
SITE = Actor(user=None, credential=SystemCredential())
