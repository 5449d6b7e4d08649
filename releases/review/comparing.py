"""One file of a draft against its counterpart in the release before: members, texts, what it says of itself."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from releases.review import dependencies
from releases.review.archives import Archive, Budget, Member, NotLookedAt
from releases.review.dependencies import DependencyChange
from releases.review.limits import ReviewLimits

# Said elsewhere, or true of every release.
_NOT_COMPARED = {"metadata_version", "name", "version", "requires_dist", "requires_python", "dynamic"}
_MAX_VALUE = 500

type ReadTexts = Callable[[set[str]], dict[str, str]]


@dataclass(frozen=True)
class MemberChange:
    """One member: its size in bytes before and after, -1 where it is not there."""

    path: str
    before: int
    after: int


@dataclass(frozen=True)
class ValueChange:
    """One thing that a file says of itself, before and after; "" where it says nothing."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class TextDiff:
    """Lines, each with its kind: " ", "+", "-", or "@" where equal ones are left out. `cut`: why it ends."""

    path: str
    lines: list[tuple[str, str]]
    cut: str = ""


@dataclass(frozen=True)
class FileReport:
    """All that is known of one file. `against` is the file it was compared with, "" without one.

    Attributes:
        added, removed, changed: the first names of each; `counts` has how many there are.
        natives: compiled code that is new or other than before.
        undiffed: changed texts that are not shown, and why, as (path, sentence).
        problem: why it was not (wholly) looked at.
    """

    filename: str
    package_type: str
    size: int
    against: str = ""
    size_before: int = -1
    counts: dict[str, int] = field(default_factory=dict)
    added: list[MemberChange] = field(default_factory=list)
    removed: list[MemberChange] = field(default_factory=list)
    changed: list[MemberChange] = field(default_factory=list)
    diffs: list[TextDiff] = field(default_factory=list)
    undiffed: list[tuple[str, str]] = field(default_factory=list)
    values: list[ValueChange] = field(default_factory=list)
    dependencies: list[DependencyChange] = field(default_factory=list)
    requires_python: ValueChange | None = None
    entry_points: list[ValueChange] = field(default_factory=list)
    build: list[ValueChange] = field(default_factory=list)
    natives: list[str] = field(default_factory=list)
    hooks: list[str] = field(default_factory=list)
    problem: str = ""


class Room:
    """How much the pages of one draft have left: texts to compare, lines to show, names and values to list."""

    def __init__(self, limits: ReviewLimits) -> None:
        self.files = limits.diffed
        self.lines = limits.shown_total
        self.names = limits.listed_total
        self._listed = limits.listed

    def take[One](self, found: Sequence[One]) -> list[One]:
        """As many of them as there is room for."""
        taken = list(found[: min(self._listed, self.names)])
        self.names -= len(taken)
        return taken


def describe(new: Archive, room: Room) -> FileReport:
    """A file that has nothing to be compared with: only what is notable by itself."""
    return FileReport(
        filename=new.filename,
        package_type=new.package_type,
        size=new.size,
        counts={"members": len(new.members)},
        natives=room.take([path for path, member in sorted(new.members.items()) if member.is_native]),
        hooks=room.take(_hooks(new, None)),
    )


def compare(
    new: Archive, old: Archive, *, new_texts: ReadTexts, old_texts: ReadTexts, room: Room, budget: Budget
) -> FileReport:
    """What the file changes. `new_texts` and `old_texts` read members of the two."""
    added = new.members.keys() - old.members.keys()
    removed = old.members.keys() - new.members.keys()
    changed = {path for path in new.members.keys() & old.members.keys() if _differ(new, old, path)}
    report = FileReport(
        filename=new.filename,
        package_type=new.package_type,
        size=new.size,
        against=old.filename,
        size_before=old.size,
        counts={
            "members": len(new.members),
            "added": len(added),
            "removed": len(removed),
            "changed": len(changed),
        },
        # What matters most first: there may not be room for all.
        natives=room.take([path for path in sorted(added | changed) if new.members[path].is_native]),
        hooks=room.take(_hooks(new, old)),
        dependencies=room.take(dependencies.changes(_lines(old, "requires_dist"), _lines(new, "requires_dist"))),
        requires_python=_requires_python(new, old),
        entry_points=room.take(_differences(old.entry_points, new.entry_points)),
        build=room.take(_differences(old.build, new.build)),
        values=room.take(_values(new, old)),
        added=room.take([_change(path, old, new) for path in sorted(added)]),
        removed=room.take([_change(path, old, new) for path in sorted(removed)]),
        changed=room.take([_change(path, old, new) for path in sorted(changed)]),
    )
    return _with_texts(report, new, old, added | changed, new_texts, old_texts, room, budget)


def unified(before: str, after: str, path: str, budget: Budget, room: Room) -> TextDiff:
    """The difference of two texts, as `diff -u` shows it, cut where the limits say."""
    limits = budget.limits
    old, new = before.splitlines(), after.splitlines()
    most = min(limits.shown_lines, room.lines)
    lines: list[tuple[str, str]] = []
    # Two lines of header come first and name no file that anybody has.
    for number, line in enumerate(difflib.unified_diff(old, new, lineterm="", n=2)):
        if number < 2:
            continue
        if len(lines) >= most:
            room.lines -= len(lines)
            return TextDiff(path, lines, "More lines differ than are shown.")
        kind, text = line[:1], line[1:]
        lines.append((kind, _cut(text, limits.line_length) if kind != "@" else ""))
    room.lines -= len(lines)
    return TextDiff(path, lines)


def _with_texts(
    report: FileReport,
    new: Archive,
    old: Archive,
    paths: set[str],
    new_texts: ReadTexts,
    old_texts: ReadTexts,
    room: Room,
    budget: Budget,
) -> FileReport:
    wanted, undiffed = _wanted(new, old, sorted(paths), room, budget)
    try:
        after, before = new_texts(wanted), old_texts(wanted & old.members.keys())
    except NotLookedAt as problem:
        return replace(report, problem=str(problem))
    diffs, most_lines = [], budget.limits.text_lines
    for path in sorted(wanted):
        if path not in after or (path in old.members and path not in before):
            undiffed.append((path, "It is no text."))
        elif budget.is_over:
            undiffed.append((path, "The time for comparing was over."))
        elif max(len(side.splitlines()) for side in (after[path], before.get(path, ""))) > most_lines:
            undiffed.append((path, f"It has more than {most_lines} lines."))
        elif room.lines <= 0:
            undiffed.append((path, "So many lines differ that no more are shown."))
        else:
            diffs.append(unified(before.get(path, ""), after[path], path, budget, room))
    return replace(report, diffs=diffs, undiffed=room.take(undiffed))


def _wanted(
    new: Archive, old: Archive, paths: list[str], room: Room, budget: Budget
) -> tuple[set[str], list[tuple[str, str]]]:
    """Which texts to read; for the others, why they are not shown."""
    wanted: set[str] = set()
    undiffed: list[tuple[str, str]] = []
    for path in paths:
        sides = [archive.members[path] for archive in (new, old) if path in archive.members]
        if any(side.is_binary or side.link for side in sides):
            continue
        if max(side.size for side in sides) > budget.limits.text_bytes:
            undiffed.append((path, f"It is larger than {budget.limits.text_bytes // 1024} KB."))
        elif room.files <= 0:
            undiffed.append((path, "So many files differ that no more are shown."))
        else:
            wanted.add(path)
            room.files -= 1
    return wanted, undiffed


def _change(path: str, old: Archive, new: Archive) -> MemberChange:
    before, after = (one.members[path].size if path in one.members else -1 for one in (old, new))
    return MemberChange(path, before, after)


def _differ(new: Archive, old: Archive, path: str) -> bool:
    one, other = new.members[path], old.members[path]
    return (one.sha256, _inside(one, new)) != (other.sha256, _inside(other, old))


def _inside(member: Member, archive: Archive) -> str:
    """Where a link leads; the top directory of an sdist has the version in its name."""
    if not member.link or not archive.is_sdist:
        return member.link
    top = archive.real[member.path].partition("/")[0]
    return member.link.removeprefix(f"{top}/")


def _values(new: Archive, old: Archive) -> list[ValueChange]:
    if not (new.metadata and old.metadata):
        return []
    return _differences(
        {name: _shown(value) for name, value in old.metadata.items() if name not in _NOT_COMPARED},
        {name: _shown(value) for name, value in new.metadata.items() if name not in _NOT_COMPARED},
    )


def _requires_python(new: Archive, old: Archive) -> ValueChange | None:
    before, after = (_shown(one.metadata.get("requires_python", "")) for one in (old, new))
    if before == after or not (new.metadata and old.metadata):
        return None
    return ValueChange("requires_python", before, after)


def _differences(before: dict[str, str], after: dict[str, str]) -> list[ValueChange]:
    return [
        ValueChange(name, _cut(before.get(name, ""), _MAX_VALUE), _cut(after.get(name, ""), _MAX_VALUE))
        for name in sorted(before.keys() | after.keys())
        if before.get(name, "") != after.get(name, "")
    ]


def _hooks(new: Archive, old: Archive | None) -> list[str]:
    """What Python runs at every start: `.pth` files where installers put them, beside the packages."""
    found = []
    for path, member in sorted(new.members.items()):
        steps = path.split("/")
        is_beside = len(steps) == 1 or (steps[0] == "*.data" and len(steps) == 3)
        is_new = old is None or path not in old.members or old.members[path].sha256 != member.sha256
        if path.endswith(".pth") and is_beside and is_new and not new.is_sdist:
            found.append(path)
    return found


def _lines(archive: Archive, name: str) -> list[str]:
    value = archive.metadata.get(name, [])
    return [str(line) for line in value] if isinstance(value, list) else []


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"
