"""An archive as a table of its members: sizes, digests and what kind each is; and the few that say what it is.

Paths are those of the archive without what names the version, so that those of two releases can be compared: the
top directory of an sdist is left out, and a wheel's own directories are `*.dist-info` and `*.data`.
"""

from __future__ import annotations

import hashlib
import re
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from releases.review.limits import ReviewLimits
from releases.upload import tars, zips
from releases.upload.core_metadata import parse_metadata
from releases.upload.problems import Rejected

SDIST = "sdist"
_HEAD = 8192
_NATIVE_MAGIC = (
    b"\x7fELF",
    b"MZ",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"!<arch>\n",
)
_NATIVE_NAME = re.compile(r"\.(so(\.\d+)*|pyd|dll|dylib|exe|a|lib)$", re.IGNORECASE)
_OWN_DIRECTORY = re.compile(r"[^/]+\.(dist-info|data)/")
_READ_WHOLE = {"*.dist-info/METADATA", "*.dist-info/entry_points.txt", "PKG-INFO", "pyproject.toml"}


class NotLookedAt(Exception):
    """The archive was left unread, or half read; the sentence says why."""


@dataclass(frozen=True)
class Source:
    """One file as it lies in the store. `open` gives a seekable stream of its bytes."""

    filename: str
    package_type: str
    size: int
    open: Callable[[], AbstractContextManager[BinaryIO]]


@dataclass(frozen=True)
class Member:
    """One file or link in an archive. `size` in bytes; `sha256` is "" for a link, whose target is `link`."""

    path: str
    size: int
    sha256: str = ""
    is_native: bool = False
    is_binary: bool = False
    link: str = ""


@dataclass(frozen=True)
class Archive:
    """One archive, read.

    Attributes:
        members: by comparable path; `real` has the path in the archive for each.
        metadata: core metadata as JSON values, {} if it could not be read.
        entry_points: "group: name" -> object.
        build: of an sdist's pyproject.toml, {"backend": …, "requires": …}.
    """

    filename: str
    package_type: str
    size: int
    members: dict[str, Member]
    real: dict[str, str] = field(repr=False)
    metadata: dict[str, Any]
    entry_points: dict[str, str]
    build: dict[str, str]

    @property
    def is_sdist(self) -> bool:
        return self.package_type == SDIST


class Budget:
    """Time and bytes for one draft, all its archives together."""

    def __init__(self, limits: ReviewLimits, *, now: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._now = now
        self._end = now() + limits.seconds
        self._bytes = limits.unpacked

    def spend(self, size: int = 0) -> None:
        """Count `size` bytes that are read.

        Raises:
            NotLookedAt: there is no more time, or these are too many.
        """
        self._bytes -= size
        if self._bytes < 0:
            raise NotLookedAt("It was not compared: the draft has too much content for that.")
        if self.is_over:
            raise NotLookedAt("It was not compared: the draft has so much content that the time was over.")

    @property
    def is_over(self) -> bool:
        return self._now() > self._end


class _Watcher:
    """Adds up what is read of the members, one after the other; keeps the few that are wanted whole."""

    def __init__(self, budget: Budget, wanted: Callable[[str], bool]) -> None:
        self.members: dict[str, Member] = {}
        self.kept: dict[str, bytearray] = {}
        self._budget = budget
        self._wanted = wanted
        self._path = ""
        self._size = 0
        self._head = b""
        self._digest = hashlib.sha256()

    def see(self, path: str, piece: bytes) -> None:
        if path != self._path:
            self.finish()
            self._path, self._size, self._head, self._digest = path, 0, b"", hashlib.sha256()
        self._budget.spend(len(piece))
        self._size += len(piece)
        self._digest.update(piece)
        if len(self._head) < _HEAD:
            self._head += piece[: _HEAD - len(self._head)]
        if self._wanted(path):
            kept = self.kept.setdefault(path, bytearray())
            kept += piece[: max(0, self._budget.limits.archive.max_metadata - len(kept))]

    def finish(self) -> None:
        if self._path:
            self.members[self._path] = Member(
                path=self._path,
                size=self._size,
                sha256=self._digest.hexdigest(),
                is_native=_is_native(self._path, self._head),
                is_binary=b"\0" in self._head,
            )
        self._path = ""


def read_archive(source: Source, budget: Budget) -> Archive:
    """The table of the archive.

    Raises:
        NotLookedAt: it is beyond the limits, or cannot be read.
    """
    try:
        with source.open() as file:
            watcher = _survey(file, source, budget)
    except Rejected as error:
        raise NotLookedAt(f"It was not compared: {error.sentence}") from None
    return _archive(source, watcher)


def read_texts(source: Source, archive: Archive, paths: Iterable[str], budget: Budget) -> dict[str, str]:
    """The contents of these members by comparable path, without those that are no UTF-8.

    Raises:
        NotLookedAt: as for `read_archive`.
    """
    real = {archive.real[path]: path for path in paths}
    if not real:
        return {}
    found: dict[str, bytes] = {}
    try:
        with source.open() as file:
            if archive.is_sdist:
                found = tars.survey(
                    file,
                    source.size,
                    limits=budget.limits.archive,
                    keep=lambda path: path in real,
                    see=lambda path, piece: budget.spend(len(piece)),
                ).kept
            else:
                members = zips.survey(file, budget.limits.archive)
                for path in real:
                    found[path] = zips.read(file, members[path], limit=budget.limits.text_bytes)
                    budget.spend(len(found[path]))
    except Rejected as error:
        raise NotLookedAt(f"It was not compared: {error.sentence}") from None
    texts = {real[path]: _text(content) for path, content in found.items()}
    return {path: text for path, text in texts.items() if text is not None}


def counterpart(filename: str, package_type: str, others: Sequence[tuple[str, str]]) -> str:
    """Which of `others`, (filename, package type) of another release, to compare this file with; "" if none.

    The wheel for the same Python, ABI and platform; else for the same platform; else the only one there is.
    """
    same = sorted(name for name, kind in others if kind == package_type)
    if package_type == SDIST or not same:
        return same[0] if same else ""
    closest = [name for name in same if _tags(name) == _tags(filename)]
    closest = closest or [name for name in same if _platform(name) == _platform(filename)]
    return closest[-1] if closest else same[0] if len(same) == 1 else ""


def is_pure(filename: str) -> bool:
    """Whether a wheel's name says that it runs everywhere."""
    return filename.endswith("-none-any.whl")


def _tags(filename: str) -> frozenset[str]:
    try:
        return frozenset(str(tag) for tag in parse_wheel_filename(filename)[3])
    except InvalidWheelFilename:
        return frozenset()


def _platform(filename: str) -> str:
    return filename.removesuffix(".whl").rpartition("-")[2]


def _survey(file: BinaryIO, source: Source, budget: Budget) -> _Watcher:
    budget.spend()
    limits = budget.limits.archive
    if source.package_type == SDIST:
        watcher = _Watcher(budget, lambda path: path.partition("/")[2] in _READ_WHOLE)
        contents = tars.survey(file, source.size, limits=limits, keep=lambda path: False, see=watcher.see)
        watcher.finish()
        for path, target in (contents.symlinks | contents.hardlinks).items():
            watcher.members[path] = Member(path, 0, link=target)
        for path in contents.files - watcher.members.keys():
            watcher.members[path] = Member(path, 0, hashlib.sha256().hexdigest())
        return watcher
    watcher = _Watcher(budget, lambda path: _OWN_DIRECTORY.sub(r"*.\1/", path) in _READ_WHOLE)
    for path, member in sorted(zips.survey(file, limits).items(), key=lambda item: item[1].data_offset):
        if not member.is_directory:
            watcher.see(path, b"")
            for piece in zips.chunks(file, member):
                watcher.see(path, piece)
    watcher.finish()
    return watcher


def _archive(source: Source, watcher: _Watcher) -> Archive:
    is_sdist = source.package_type == SDIST
    real = {_comparable(path, is_sdist=is_sdist): path for path in watcher.members}
    # It lists the others, so it always differs.
    real.pop("*.dist-info/RECORD", None)
    members = {path: replace(watcher.members[known], path=path) for path, known in real.items()}
    kept = {_comparable(path, is_sdist=is_sdist): bytes(content) for path, content in watcher.kept.items()}
    project = _toml(kept.get("pyproject.toml", b""))
    return Archive(
        filename=source.filename,
        package_type=source.package_type,
        size=source.size,
        members=members,
        real=real,
        metadata=_metadata(kept.get("PKG-INFO" if is_sdist else "*.dist-info/METADATA", b"")),
        entry_points=_scripts(project) or _entry_points(kept.get("*.dist-info/entry_points.txt", b"")),
        build=_build(project),
    )


def _comparable(path: str, *, is_sdist: bool) -> str:
    return path.partition("/")[2] if is_sdist else _OWN_DIRECTORY.sub(r"*.\1/", path, count=1)


def _is_native(path: str, head: bytes) -> bool:
    # A text may begin like one; compiled code has zeros soon.
    return b"\0" in head and (head.startswith(_NATIVE_MAGIC) or bool(_NATIVE_NAME.search(path)))


def _text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _metadata(content: bytes) -> dict[str, Any]:
    try:
        return parse_metadata(content).fields
    except Rejected:  # published under earlier rules
        return {}


def _toml(content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        return {}


def _build(project: dict[str, Any]) -> dict[str, str]:
    system = project.get("build-system")
    if not isinstance(system, dict):
        return {}
    path, requires = system.get("backend-path"), system.get("requires")
    found = {
        "backend": str(system.get("build-backend", "")),
        "backend path": ", ".join(map(str, path)) if isinstance(path, list) else "",
        "requires": ", ".join(sorted(map(str, requires))) if isinstance(requires, list) else "",
    }
    return {name: value for name, value in found.items() if value}


def _scripts(project: dict[str, Any]) -> dict[str, str]:
    about = project.get("project")
    about = about if isinstance(about, dict) else {}
    groups = {"console_scripts": about.get("scripts"), "gui_scripts": about.get("gui-scripts")}
    others = about.get("entry-points")
    groups |= others if isinstance(others, dict) else {}
    return {
        f"{group}: {name}": str(value)
        for group, names in groups.items()
        if isinstance(names, dict)
        for name, value in names.items()
    }


def _entry_points(content: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    group = ""
    for line in content.decode("utf-8", "replace").splitlines():
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            group = text[1:-1].strip()
        elif text and text[0] not in "#;":
            name, equals, value = text.partition("=")
            if equals:
                found[f"{group}: {name.strip()}"] = value.strip()
    return found
