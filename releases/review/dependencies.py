"""What became of the dependencies: added, removed, loosened, tightened or changed."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

# Specifiers with more clauses than this are only called changed: each clause asks for versions to try.
_MAX_CLAUSES = 40


@dataclass(frozen=True)
class DependencyChange:
    """One requirement that is not what it was. `kind`: added, removed, loosened, tightened or changed."""

    kind: str
    name: str
    before: str
    after: str


def changes(before: list[str], after: list[str]) -> list[DependencyChange]:
    """What changed between two `Requires-Dist` fields, by name."""
    old, new = _by_key(before), _by_key(after)
    found = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key, ""), new.get(key, "")
        if was == now:
            continue
        kind = "added" if not was else "removed" if not now else kind_of(was, now)
        found.append(DependencyChange(kind, key[0], was, now))
    return found


def kind_of(before: str, after: str) -> str:
    """Whether the second requirement lets in versions that the first did not, shuts some out, or both."""
    try:
        old, new = Requirement(before), Requirement(after)
    except InvalidRequirement:
        return "changed"
    if old.url or new.url or old.extras != new.extras:
        return "changed"
    more, fewer = differs(old.specifier, new.specifier)
    if more and not fewer:
        return "loosened"
    return "tightened" if fewer and not more else "changed"


def differs(before: SpecifierSet, after: SpecifierSet) -> tuple[bool, bool]:
    """Whether `after` allows what `before` does not, and the other way round; tried around every version named."""
    if len(before) + len(after) > _MAX_CLAUSES:
        return True, True
    tried = _around([*before, *after])
    return (
        any(after.contains(one, prereleases=True) and not before.contains(one, prereleases=True) for one in tried),
        any(before.contains(one, prereleases=True) and not after.contains(one, prereleases=True) for one in tried),
    )


def specifiers(text: str) -> SpecifierSet | None:
    """`Requires-Python` as a set, or None if it is none."""
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return None


def _around(clauses: list[object]) -> list[Version]:
    """Every version that a clause names, those next to it, and the ends: in between, answers do not change."""
    tried = {Version("0"), Version("99999")}
    for clause in clauses:
        text = str(getattr(clause, "version", "")).removesuffix(".*")
        try:
            named = Version(text)
        except InvalidVersion:
            continue
        tried.add(named)
        base = named.base_version
        head, _, last = base.rpartition(".")
        for near in (
            f"{base}.dev0",
            f"{base}.1",
            f"{base}.post1",
            f"{head}.{int(last) + 1}" if head else f"{int(base.rpartition('!')[2]) + 1}",
            f"{head}.{max(int(last) - 1, 0)}" if head else "0",
            f"{head.rpartition('.')[0]}.99999" if head.count(".") else f"{base}.99999",
        ):
            try:
                tried.add(Version(near))
            except InvalidVersion:
                continue
    return sorted(tried)


def _by_key(lines: list[str]) -> dict[tuple[str, str], str]:
    """(name, marker) -> the requirement as it is written, spaces aside."""
    found: dict[tuple[str, str], str] = {}
    for line in lines:
        try:
            parsed = Requirement(line)
        except InvalidRequirement:
            found[(line, "")] = line
            continue
        parsed.name = canonicalize_name(parsed.name)
        key = (parsed.name, str(parsed.marker or ""))
        found[key] = ", ".join(filter(None, (found.get(key, ""), str(parsed))))
    return found
