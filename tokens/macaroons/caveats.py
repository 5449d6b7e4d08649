"""What a token's restrictions say. Each caveat is a compact JSON array `[tag, *fields]`.

Tags and field orders 0 to 3 are the ones existing client libraries write. The vocabulary only grows: a tag is
never given another meaning, a field is only ever appended, and what is not understood is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol, Self, cast
from uuid import UUID

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from indexsite.actors import DRAFTS_AND_READING, Permission, with_parts
from tokens.macaroons.wire import MacaroonError

# Refused like any unknown tag until it is built; listed so that nobody gives it another meaning.
RESERVED_TAGS = {4: "trusted publisher, as other indexes wrote it"}

MAX_SPECIFIER = 200  # characters

type Encoded = list[Any]

_LAST_SECOND = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class ProjectFacts(Protocol):
    """What a caveat can ask of a project; one that is not registered yet has no `pk`."""

    @property
    def normalized_name(self) -> str: ...


@dataclass(frozen=True)
class Expiry:
    """Good from `not_before` (inclusive) until `expires_at` (exclusive); Unix seconds."""

    tag: ClassVar[int] = 0
    expires_at: int
    not_before: int

    def encode(self) -> Encoded:
        return [self.tag, self.expires_at, self.not_before]

    @classmethod
    def decode(cls, fields: Encoded) -> Self:
        return cls(*_exactly(fields, _integer, _integer))

    def check(self, *, at: datetime) -> None:
        if at.timestamp() >= self.expires_at:
            raise MacaroonError("expired", f"expired on {moment(self.expires_at):%Y-%m-%d %H:%M} UTC")
        if at.timestamp() < self.not_before:
            raise _refused(f"is not valid before {moment(self.not_before):%Y-%m-%d %H:%M} UTC")


@dataclass(frozen=True)
class ProjectNames:
    """Good for projects of these names only, registered or not."""

    tag: ClassVar[int] = 1
    names: tuple[str, ...]

    def encode(self) -> Encoded:
        return [self.tag, list(self.names)]

    @classmethod
    def decode(cls, fields: Encoded) -> Self:
        return cls(*_exactly(fields, _strings))

    def allows(self, project: ProjectFacts) -> bool:
        return project.normalized_name in {canonicalize_name(name) for name in self.names}


@dataclass(frozen=True)
class ProjectIds:
    """Good for these registered projects only: a name that changes hands takes no old token along."""

    tag: ClassVar[int] = 2
    ids: tuple[str, ...]

    def encode(self) -> Encoded:
        return [self.tag, list(self.ids)]

    @classmethod
    def decode(cls, fields: Encoded) -> Self:
        return cls(*_exactly(fields, _strings))

    def allows(self, project: ProjectFacts) -> bool:
        pk = getattr(project, "pk", None)
        return pk is not None and public_id(pk) in self.ids


@dataclass(frozen=True)
class RequestUser:
    """Good for this person only."""

    tag: ClassVar[int] = 3
    user_id: str

    def encode(self) -> Encoded:
        return [self.tag, self.user_id]

    @classmethod
    def decode(cls, fields: Encoded) -> Self:
        return cls(*_exactly(fields, _string))


@dataclass(frozen=True)
class Permissions:
    """Good for these uses at most: it takes away and never gives. A name that is not known allows nothing."""

    tag: ClassVar[int] = 100
    names: tuple[str, ...]

    def encode(self) -> Encoded:
        return [self.tag, list(self.names)]

    @classmethod
    def decode(cls, fields: Encoded) -> Self:
        return cls(*_exactly(fields, _strings))

    def leaves(self, name: str) -> bool:
        return name in with_parts(self.names)


@dataclass(frozen=True)
class DraftsOnly:
    """Good for gathering drafts and for reading; whatever address is used, nothing is published."""

    tag: ClassVar[int] = 101

    def encode(self) -> Encoded:
        return [self.tag]

    @classmethod
    def decode(cls, fields: Encoded) -> Self:
        return cls(*_exactly(fields))

    def leaves(self, name: str) -> bool:
        return name in DRAFTS_AND_READING


@dataclass(frozen=True)
class OneDraft:
    """Good for this draft only, which is named by its public id."""

    tag: ClassVar[int] = 102
    draft_id: str

    def encode(self) -> Encoded:
        return [self.tag, self.draft_id]

    @classmethod
    def decode(cls, fields: Encoded) -> Self:
        return cls(*_exactly(fields, _string))


@dataclass(frozen=True)
class Versions:
    """Good for versions in this set only (PEP 440), such as `>=2,<3`; prereleases are compared like the others."""

    tag: ClassVar[int] = 103
    specifier: str

    def encode(self) -> Encoded:
        return [self.tag, self.specifier]

    @classmethod
    def decode(cls, fields: Encoded) -> Self:
        return cls(*_exactly(fields, _specifier))

    def allows(self, version: str) -> bool:
        try:
            return SpecifierSet(self.specifier).contains(Version(version), prereleases=True)
        except (InvalidSpecifier, InvalidVersion):
            return False


@dataclass(frozen=True)
class RecoveryProof:
    """Good for showing, in this one case, that somebody holds the token; for nothing else whatsoever.

    Not among the kinds that `load` understands: whatever takes credentials refuses it without a rule of its own.
    """

    tag: ClassVar[int] = 110
    case: str
    nonce: str

    def encode(self) -> Encoded:
        return [self.tag, self.case, self.nonce]

    @classmethod
    def decode(cls, fields: Encoded) -> Self:
        return cls(*_exactly(fields, _string, _string))


type AnyCaveat = Expiry | ProjectNames | ProjectIds | RequestUser | Permissions | DraftsOnly | OneDraft | Versions

_ALL = (Expiry, ProjectNames, ProjectIds, RequestUser, Permissions, DraftsOnly, OneDraft, Versions)
_KINDS: dict[int, type[AnyCaveat]] = {kind.tag: kind for kind in _ALL}


def public_id(pk: int) -> str:
    """A primary key as caveats write it: client libraries insist on lower-case UUIDs."""
    return str(UUID(int=pk))


def moment(timestamp: int) -> datetime:
    """Unix seconds as a datetime; whoever restricts a token may write any integer."""
    return datetime.fromtimestamp(max(0, min(timestamp, int(_LAST_SECOND.timestamp()))), UTC)


def dump(caveat: Encoded) -> bytes:
    """An encoded caveat as the macaroon carries it."""
    return json.dumps(caveat, separators=(",", ":")).encode()


def load(caveat: bytes) -> AnyCaveat:
    """Understand one caveat of a macaroon whose signature has been checked.

    Raises:
        MacaroonError: "caveat": malformed or of a kind this site does not know.
    """
    return decode(_parsed(caveat))


def load_proof(caveat: bytes) -> RecoveryProof | None:
    """The same for the one kind that `load` refuses; None for every other.

    Raises:
        MacaroonError: "caveat": malformed.
    """
    value = _parsed(caveat)
    if not isinstance(value, list) or value[:1] != [RecoveryProof.tag]:
        return None
    return RecoveryProof.decode(value[1:])


def is_proof(caveat: bytes) -> bool:
    """Whether it is of that kind, well formed or not. Needs no checked signature."""
    try:
        value = _parsed(caveat)
    except MacaroonError:
        return False
    return isinstance(value, list) and value[:1] == [RecoveryProof.tag]


def _parsed(caveat: bytes) -> object:
    try:
        return cast(object, json.loads(caveat.decode()))
    except (ValueError, RecursionError) as error:
        raise _refused("has a restriction that cannot be read") from error


def decode(value: object) -> AnyCaveat:
    """Understand one encoded caveat, such as `[1, ["sampleproject"]]`.

    Raises:
        MacaroonError: "caveat", as for `load`.
    """
    if not isinstance(value, list) or not value or not _is_integer(value[0]):
        raise _refused("has a restriction that cannot be read")
    if value[0] == RecoveryProof.tag:
        raise _refused("was narrowed to a proof for a recovery and does nothing else")
    kind = _KINDS.get(value[0])
    if kind is None:
        raise _refused("has a restriction that this site does not know")
    return kind.decode(value[1:])


def check_bearer(caveats: Iterable[AnyCaveat], *, at: datetime, user_id: str) -> None:
    """Every restriction on time and person must hold.

    Raises:
        MacaroonError: "expired" or "caveat", for the first restriction that does not.
    """
    for caveat in caveats:
        if isinstance(caveat, Expiry):
            caveat.check(at=at)
        elif isinstance(caveat, RequestUser) and caveat.user_id != user_id:
            raise _refused("belongs to another account")


def check_project(caveats: Iterable[AnyCaveat], project: ProjectFacts | None) -> None:
    """Every restriction on projects must hold; one that names projects fails where no project is given.

    Raises:
        MacaroonError: "caveat".
    """
    for caveat in caveats:
        if not isinstance(caveat, ProjectNames | ProjectIds):
            continue
        if project is None:
            raise _refused("is limited to a project and cannot be used here")
        if not caveat.allows(project):
            raise _refused(f"is not valid for project '{project.normalized_name}'")


def check_version(caveats: Iterable[AnyCaveat], version: str | None) -> None:
    """Every restriction on versions must hold; each fails where no version is given.

    Raises:
        MacaroonError: "caveat".
    """
    for caveat in caveats:
        if not isinstance(caveat, Versions):
            continue
        if version is None:
            raise _refused("is limited to some versions and cannot be used here")
        if not caveat.allows(version):
            raise _refused(f"is not valid for version {version}: it is limited to {caveat.specifier}")


def check_draft(caveats: Iterable[AnyCaveat], draft: str | None) -> None:
    """Every restriction to a draft must hold; each fails where no draft is given.

    Raises:
        MacaroonError: "caveat".
    """
    for caveat in caveats:
        if not isinstance(caveat, OneDraft):
            continue
        if draft is None:
            raise _refused("is limited to one draft and cannot be used here")
        if caveat.draft_id != draft:
            raise _refused("is limited to another draft")


def permitted(granted: Iterable[Permission], caveats: Iterable[AnyCaveat]) -> frozenset[Permission]:
    """What is left of `granted`, with all that is part of it, under every restriction on permissions.

    Parts are added before anything is taken away, so that `upload` narrowed to `draft:upload` leaves that.
    """
    left = {Permission(name) for name in with_parts(granted)}
    for caveat in caveats:
        if isinstance(caveat, Permissions | DraftsOnly):
            left = {name for name in left if caveat.leaves(name)}
    return frozenset(left)


def expires_at(caveats: Iterable[AnyCaveat]) -> datetime | None:
    """The earliest end among the restrictions, or None."""
    ends = [caveat.expires_at for caveat in caveats if isinstance(caveat, Expiry)]
    return moment(min(ends)) if ends else None


def project_names(caveats: Iterable[AnyCaveat]) -> frozenset[str] | None:
    """The names that every restriction agrees on, or None where no restriction names projects."""
    named = [caveat.names for caveat in caveats if isinstance(caveat, ProjectNames)]
    agreed = [frozenset[str](canonicalize_name(name) for name in names) for names in named]
    return frozenset.intersection(*agreed) if agreed else None


def version_sets(caveats: Iterable[AnyCaveat]) -> list[str] | None:
    """The sets that a version has to be in, in all of them, or None for any version."""
    return [caveat.specifier for caveat in caveats if isinstance(caveat, Versions)] or None


def draft_ids(caveats: Iterable[AnyCaveat]) -> list[str] | None:
    """The drafts that every restriction agrees on, or None where no restriction names any."""
    named = {caveat.draft_id for caveat in caveats if isinstance(caveat, OneDraft)}
    if not named:
        return None
    return sorted(named) if len(named) == 1 else []


def _exactly(fields: Encoded, *readers: Any) -> tuple[Any, ...]:
    if len(fields) != len(readers):
        raise _refused("has a restriction that cannot be read")
    return tuple(reader(field) for reader, field in zip(readers, fields, strict=True))


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _integer(value: object) -> int:
    if not _is_integer(value):
        raise _refused("has a restriction that cannot be read")
    return cast(int, value)


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise _refused("has a restriction that cannot be read")
    return value


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise _refused("has a restriction that cannot be read")
    return tuple(_string(item) for item in value)


def _specifier(value: object) -> str:
    """A set of versions that restricts something and can be repeated in a sentence of one line."""
    text = _string(value)
    if not text.isascii() or not text.isprintable() or len(text) > MAX_SPECIFIER:
        raise _refused("has a restriction that cannot be read")
    try:
        is_empty = not SpecifierSet(text)
    except InvalidSpecifier as error:
        raise _refused("has a restriction that cannot be read") from error
    if is_empty:
        raise _refused("has a restriction that cannot be read")
    return text


def _refused(reason: str) -> MacaroonError:
    return MacaroonError("caveat", reason)
