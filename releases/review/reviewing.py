"""A whole draft: every file against its counterpart, wheels against the sdist, and the verdicts of all checks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from packaging.version import InvalidVersion, Version

from releases.review.archives import (
    Archive,
    Budget,
    NotLookedAt,
    Source,
    counterpart,
    read_archive,
    read_texts,
)
from releases.review.checks import Evidence, Finding, judge
from releases.review.comparing import FileReport, Room, compare, describe
from releases.review.consistency import Mismatch, mismatch
from releases.review.limits import ReviewLimits

_MAX_TEXT = 1_000


@dataclass(frozen=True)
class Uploader:
    """Who uploaded files of the draft. `is_new`: never published a file of this project before."""

    username: str
    is_new: bool


@dataclass(frozen=True)
class Question:
    """What is to be compared.

    Attributes:
        previous: version of the release to compare with, "" without one; `before` are its files.
        published_sdist: of the draft's own version, where that is published already and the draft adds wheels.
    """

    files: Sequence[Source]
    before: Sequence[Source] = ()
    previous: str = ""
    uploaders: Sequence[Uploader] = ()
    published_sdist: Source | None = None


@dataclass(frozen=True)
class Report:
    """What the page shows: JSON values all the way down."""

    previous: str
    findings: list[Finding]
    files: list[FileReport]
    mismatches: list[Mismatch]

    def as_json(self) -> dict[str, Any]:
        """Its values, with everything in them visible and nothing longer than a page can bear."""
        shown: dict[str, Any] = _visible(asdict(self))
        return shown


def baseline(version: str, published: Iterable[str]) -> str:
    """Which published version a draft of `version` is compared with: the latest before it, finals before others.

    Without an earlier one it is the latest of all; "" when there is none but itself.
    """
    own = _parsed(version)
    others = sorted({one for one in published if _parsed(one) != own}, key=lambda one: (_parsed(one), one))
    if not own.is_prerelease:
        others = [one for one in others if not _parsed(one).is_prerelease] or others
    earlier = [one for one in others if _parsed(one) < own]
    return (earlier or others or [""])[-1]


def review(question: Question, limits: ReviewLimits | None = None, *, budget: Budget | None = None) -> Report:
    """Compare the draft. Raises for nothing that is in an archive: the report says what was not looked at."""
    budget = budget or Budget(limits or ReviewLimits())
    room = Room(budget.limits)
    # The sdist first: it is the one that people can read.
    sources = sorted(question.files, key=lambda one: (one.package_type != "sdist", one.filename))
    files: list[FileReport] = []
    mismatches: list[Mismatch] = []
    sdist = _published_sdist(question, budget)
    for source in sources:
        report, archive = _file(source, question.before, room, budget)
        files.append(report)
        if archive is not None and archive.is_sdist:
            sdist = archive
        elif archive is not None and sdist is not None:
            mismatches.append(mismatch(archive, sdist, room))
    is_known = sdist is not None or all(source.package_type == "sdist" for source in sources)
    evidence = Evidence(
        files=files,
        previous=question.previous,
        files_before=[source.filename for source in question.before],
        uploaders=[one.username for one in question.uploaders],
        new_uploaders=[one.username for one in question.uploaders if one.is_new],
        mismatches=mismatches if is_known else None,
    )
    told = [one for one in mismatches if one.absent or one.differing or one.generated]
    return Report(question.previous, judge(evidence), files, told)


def _published_sdist(question: Question, budget: Budget) -> Archive | None:
    published = question.published_sdist
    try:
        return None if published is None else read_archive(published, budget)
    except NotLookedAt:
        return None


def _file(
    source: Source, before: Sequence[Source], room: Room, budget: Budget
) -> tuple[FileReport, Archive | None]:
    """The report on one file, and what was read of it."""
    blank = FileReport(filename=source.filename, package_type=source.package_type, size=source.size)
    named = counterpart(source.filename, source.package_type, [(one.filename, one.package_type) for one in before])
    try:
        new = read_archive(source, budget)
    except NotLookedAt as problem:
        return _failed(blank, str(problem)), None
    other = next((one for one in before if one.filename == named), None)
    if other is None:
        return describe(new, room), new
    try:
        old = read_archive(other, budget)
    except NotLookedAt as problem:
        return _failed(describe(new, room), f"Of {other.filename}: {problem}"), new
    report = compare(
        new,
        old,
        new_texts=lambda paths: read_texts(source, new, paths, budget),
        old_texts=lambda paths: read_texts(other, old, paths, budget),
        room=room,
        budget=budget,
    )
    return report, new


def _failed(report: FileReport, problem: str) -> FileReport:
    return replace(report, problem=problem)


def _visible(value: Any) -> Any:
    """The same with every character that hides, reorders or ends text written as its number."""
    if isinstance(value, str):
        cut = value if len(value) <= _MAX_TEXT else f"{value[:_MAX_TEXT]}…"
        return cut if cut.isprintable() else "".join(map(_visible_character, cut))
    if isinstance(value, dict):
        return {name: _visible(one) for name, one in value.items()}
    return [_visible(one) for one in value] if isinstance(value, list | tuple) else value


def _visible_character(character: str) -> str:
    is_plain = character.isprintable() or character == "\t" or unicodedata.category(character) == "Zs"
    return character if is_plain else f"⟨U+{ord(character):04X}⟩"


def _parsed(version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion:
        return Version("0")
