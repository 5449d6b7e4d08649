"""A wheel against the sdist of its version: is every Python module of the one in the other, and the same?"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, field

from releases.review.archives import Archive
from releases.review.comparing import Room

# What build backends write while they build.
_GENERATED = re.compile(r"(^|/)(_version|version|_version_info|__version__|_build_config|__config__)\.py$")
_INSTALLED = re.compile(r"^\*\.data/(purelib|platlib)/")
_SUFFIXES = (".py", ".pyi")


@dataclass(frozen=True)
class Mismatch:
    """Modules of one wheel: `absent` from the sdist, `differing` from it, and `generated`.

    The latter are absent too, but called like what build backends write.
    """

    wheel: str
    absent: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    generated: list[str] = field(default_factory=list)


def mismatch(wheel: Archive, sdist: Archive, room: Room) -> Mismatch:
    """What the wheel has that was not made from this sdist."""
    modules = {_INSTALLED.sub("", path): member for path, member in wheel.members.items() if _is_module(path)}
    sources = _digests(sdist, modules.keys())
    absent, differing, generated = [], [], []
    for path, member in sorted(modules.items()):
        digests = sources.get(path, set())
        if member.sha256 in digests:
            continue
        if digests:
            differing.append(path)
        elif _GENERATED.search(path):
            generated.append(path)
        else:
            absent.append(path)
    return Mismatch(wheel.filename, room.take(absent), room.take(differing), room.take(generated))


def _is_module(path: str) -> bool:
    return path.endswith(_SUFFIXES) and not path.startswith("*.dist-info/")


def _digests(sdist: Archive, wanted: Container[str]) -> dict[str, set[str]]:
    """For each wanted path, the digests of the files of the sdist that may become it, in whatever folder."""
    found: dict[str, set[str]] = {}
    for path, member in sdist.members.items():
        if not path.endswith(_SUFFIXES) or member.link:
            continue
        rest = path
        while rest:
            if rest in wanted:
                found.setdefault(rest, set()).add(member.sha256)
            rest = rest.partition("/")[2]
    return found
