"""The checks, one table: each looks at the evidence and gives a verdict with one sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from releases.review import dependencies
from releases.review.comparing import FileReport
from releases.review.consistency import Mismatch

_JUMP = 2
_JUMP_FLOOR = 1024 * 1024
_NAMED = 5


class Verdict(StrEnum):
    """From nothing to say to something that ought to stop a release."""

    PASS = "pass"  # noqa: S105 - a verdict
    NOTICE = "notice"
    WARNING = "warning"
    FAIL = "fail"


@dataclass(frozen=True)
class Evidence:
    """What the checks look at.

    Attributes:
        previous: version of the release compared with, "" without one.
        files_before: file names of that release.
        new_uploaders: who uploaded files and never published in this project before.
        mismatches: per wheel, None where there is no sdist to look into.
    """

    files: Sequence[FileReport]
    previous: str = ""
    files_before: Sequence[str] = ()
    uploaders: Sequence[str] = ()
    new_uploaders: Sequence[str] = ()
    mismatches: Sequence[Mismatch] | None = field(default_factory=list)


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    code: str
    title: str
    verdict: Verdict
    sentence: str


type Judged = tuple[Verdict, str]


@dataclass(frozen=True)
class Check:
    """One check: `code` is what owners name when they require it."""

    code: str
    title: str
    judge: Callable[[Evidence], Judged]


def judge(evidence: Evidence) -> list[Finding]:
    """Every check, in the order of the table."""
    return [Finding(check.code, check.title, *check.judge(evidence)) for check in CHECKS]


def _readable(evidence: Evidence) -> Judged:
    unread = [file.filename for file in evidence.files if file.problem]
    if unread:
        return Verdict.FAIL, f"Not looked at, or not wholly: {_named(unread)}."
    return Verdict.PASS, "Every file was looked at."


def _same_kinds(evidence: Evidence) -> Judged:
    kinds = {file.package_type for file in evidence.files}
    had_sdist = any(name.endswith(".tar.gz") for name in evidence.files_before)
    wheels_before = sum(name.endswith(".whl") for name in evidence.files_before)
    wheels = sum(file.package_type != "sdist" for file in evidence.files)
    if had_sdist and "sdist" not in kinds:
        return Verdict.WARNING, f"{evidence.previous} had a source distribution, and this has none."
    if wheels < wheels_before:
        return Verdict.NOTICE, f"{evidence.previous} had {wheels_before} wheels, and this has {wheels}."
    return Verdict.PASS, "No kind of file is missing."


def _contents(evidence: Evidence) -> Judged:
    totals = {
        kind: sum(file.counts.get(kind, 0) for file in evidence.files) for kind in ("added", "removed", "changed")
    }
    if not any(file.against for file in evidence.files):
        return Verdict.NOTICE, "There is nothing published to compare the files with."
    if not any(totals.values()):
        return Verdict.NOTICE, f"Nothing in the files differs from {evidence.previous} but RECORD."
    counted = ", ".join(f"{number} {kind}" for kind, number in totals.items())
    return Verdict.PASS, f"Members of all files against {evidence.previous}: {counted}."


def _metadata(evidence: Evidence) -> Judged:
    names = {change.name for file in evidence.files for change in file.values}
    if names:
        return Verdict.NOTICE, f"What the project says of itself differs: {_named(sorted(names))}."
    return Verdict.PASS, "Metadata is as it was, but for the version."


def _dependencies(evidence: Evidence) -> Judged:
    found = {change for file in evidence.files for change in file.dependencies}
    by_kind = {kind: sorted({c.name for c in found if c.kind == kind}) for kind in {c.kind for c in found}}
    if "added" in by_kind or "changed" in by_kind:
        names = sorted({*by_kind.get("added", []), *by_kind.get("changed", [])})
        return Verdict.WARNING, f"Dependencies are new, or changed in both directions: {_named(names)}."
    if "loosened" in by_kind:
        return Verdict.WARNING, f"More versions are allowed of {_named(by_kind['loosened'])}."
    if found:
        return Verdict.NOTICE, f"Dependencies went, or were tightened: {_named(sorted({c.name for c in found}))}."
    return Verdict.PASS, "Dependencies are as they were."


def _requires_python(evidence: Evidence) -> Judged:
    changes = {file.requires_python for file in evidence.files if file.requires_python is not None}
    if not changes:
        return Verdict.PASS, "It runs on the same versions of Python."
    change = sorted(changes, key=lambda one: (one.before, one.after))[0]
    words = f"from {change.before or 'any version'} to {change.after or 'any version'}"
    old, new = dependencies.specifiers(change.before), dependencies.specifiers(change.after)
    is_narrower = old is not None and new is not None and dependencies.differs(old, new)[1]
    if is_narrower:
        return Verdict.WARNING, f"Some versions of Python are no longer served: {words}."
    return Verdict.NOTICE, f"The versions of Python changed: {words}."


def _entry_points(evidence: Evidence) -> Judged:
    changes = [change for file in evidence.files for change in file.entry_points]
    gained = sorted({change.name for change in changes if change.after})
    if gained:
        return Verdict.WARNING, f"Entry points are new or lead elsewhere: {_named(gained)}."
    if changes:
        return Verdict.NOTICE, f"Entry points went: {_named(sorted({change.name for change in changes}))}."
    return Verdict.PASS, "Entry points are as they were."


def _build(evidence: Evidence) -> Judged:
    names = sorted({change.name for file in evidence.files for change in file.build})
    if names:
        return Verdict.WARNING, f"It is built in another way: {_named(names)}."
    return Verdict.PASS, "It is built as before."


def _native(evidence: Evidence) -> Judged:
    everywhere = sorted(
        {path for file in evidence.files for path in file.natives if _claims_no_binaries(file.filename)}
    )
    if everywhere:
        return Verdict.FAIL, f"Compiled code in a file that says it has none: {_named(everywhere)}."
    found = sorted({path for file in evidence.files for path in file.natives if file.against})
    if found:
        return Verdict.NOTICE, f"Compiled code is new or changed, and nobody can read it: {_named(found)}."
    return Verdict.PASS, "There is no new compiled code where none is expected."


def _hooks(evidence: Evidence) -> Judged:
    found = sorted({path for file in evidence.files for path in file.hooks})
    if found:
        return Verdict.WARNING, f"Python would run these at every start: {_named(found)}."
    return Verdict.PASS, "Nothing new runs at the start of Python."


def _size(evidence: Evidence) -> Judged:
    jumped = [
        file.filename
        for file in evidence.files
        if file.size_before >= 0
        and max(file.size, file.size_before) > _JUMP * min(file.size, file.size_before)
        and abs(file.size - file.size_before) > _JUMP_FLOOR
    ]
    if jumped:
        return Verdict.WARNING, f"More than twice or less than half as large as before: {_named(jumped)}."
    return Verdict.PASS, "Sizes are much as before."


def _uploader(evidence: Evidence) -> Judged:
    if evidence.new_uploaders and evidence.previous:
        return Verdict.WARNING, f"Never published here before: {_named(evidence.new_uploaders)}."
    return Verdict.PASS, f"Uploaded by {_named(evidence.uploaders) or 'nobody'}."


def _consistency(evidence: Evidence) -> Judged:
    if evidence.mismatches is None:
        return Verdict.NOTICE, "There is no source distribution to hold the wheels against."
    differing = sorted({path for one in evidence.mismatches for path in one.differing})
    absent = sorted({path for one in evidence.mismatches for path in one.absent})
    generated = sorted({path for one in evidence.mismatches for path in one.generated})
    if differing:
        return Verdict.FAIL, f"Modules differ between wheel and source distribution: {_named(differing)}."
    if absent:
        return Verdict.WARNING, f"Modules of a wheel are not in the source distribution: {_named(absent)}."
    if generated:
        return (
            Verdict.NOTICE,
            f"Not in the source distribution, since building makes them: {_named(generated)}.",
        )
    return Verdict.PASS, "All modules of the wheels are in the source distribution, byte for byte."


CHECKS: tuple[Check, ...] = (
    Check("readable", "Files", _readable),
    Check("kinds", "Kinds of files", _same_kinds),
    Check("contents", "Contents", _contents),
    Check("consistency", "Wheels and source", _consistency),
    Check("uploader", "Uploader", _uploader),
    Check("dependencies", "Dependencies", _dependencies),
    Check("requires-python", "Versions of Python", _requires_python),
    Check("entry-points", "Entry points", _entry_points),
    Check("build", "Build", _build),
    Check("native-code", "Compiled code", _native),
    Check("start-hooks", "Start of Python", _hooks),
    Check("size", "Sizes", _size),
    Check("metadata", "Metadata", _metadata),
)


def _claims_no_binaries(filename: str) -> bool:
    return filename.endswith("-none-any.whl")


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(name[:100] for name in names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
