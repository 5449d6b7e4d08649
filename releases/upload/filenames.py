"""File names: PEP 427 and PEP 491 for wheels, PEP 625 for sdists, in their one normalised spelling.

A legacy spelling (`Foo.Bar-1.0.tar.gz`) is refused with the right name in the sentence, even where it means the
same project and version: two spellings of one file would be two files of one release. Renaming is enough.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from releases.upload.problems import Problem, Rejected, quoted

MAX_LENGTH = 255
MAX_VERSION_LENGTH = 200

_ESCAPED_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*", re.ASCII)
_PYTHON_TAG = re.compile(r"[a-z]+[0-9_]*", re.ASCII)
_ABI_TAG = re.compile(r"[a-z0-9_]+", re.ASCII)
# `linux_*` is welcome here: whoever runs an index of their own knows their machines.
_PLATFORM_TAG = re.compile(
    r"any|win32|win_(amd64|arm32|arm64|ia64)"
    r"|macosx_\d+_\d+_[a-z0-9_]+|ios_\d+_\d+_[a-z0-9_]+|android_\d+_[a-z0-9_]+"
    r"|linux_[a-z0-9_]+|(manylinux1|manylinux2010|manylinux2014)_[a-z0-9_]+"
    r"|manylinux_\d+_\d+_[a-z0-9_]+|musllinux_\d+_\d+_[a-z0-9_]+"
    r"|(emscripten|pyodide|pyemscripten|wasi)_[a-z0-9_]+|(freebsd|netbsd|openbsd|dragonfly|solaris|aix)_[a-z0-9_]+",
    re.ASCII,
)


def read_version(text: str) -> Version | None:
    """The PEP 440 version that `text` is, or None."""
    # The limit is the database column's; it also keeps Python from refusing a number of too many digits.
    try:
        return Version(text) if len(text) <= MAX_VERSION_LENGTH else None
    except InvalidVersion:
        return None


@dataclass(frozen=True)
class FileName:
    """What a file name says."""

    filename: str
    normalized_name: str
    version: Version
    package_type: str
    python_version: str

    @property
    def stem(self) -> str:
        """`{name}-{version}` as file names spell it; an sdist's one directory is called so."""
        return f"{self.normalized_name.replace('-', '_')}-{self.version}"


def parse_file_name(filename: str) -> FileName:
    """Read and judge a file name.

    Raises:
        Rejected: not a wheel or .tar.gz, malformed, not normalised, or with a version that is no public one.
    """
    _check_characters(filename)
    if filename.endswith(".whl"):
        return _wheel(filename)
    if filename.endswith(".tar.gz"):
        return _sdist(filename)
    raise Rejected(
        Problem.FILE_TYPE,
        f"{quoted(filename)} is neither a wheel (.whl) nor an sdist (.tar.gz); other formats are not accepted.",
    )


def _check_characters(filename: str) -> None:
    if not filename:
        raise Rejected(Problem.FILE_NAME, "The file has no name; send it as the form field 'content'.")
    if len(filename) > MAX_LENGTH:
        raise Rejected(Problem.FILE_NAME, f"The file name is longer than {MAX_LENGTH} characters; shorten it.")
    if "/" in filename or "\\" in filename:
        raise Rejected(
            Problem.FILE_NAME, f"The file name {quoted(filename)} has a path in it; send the name alone."
        )
    if not filename.isascii() or not filename.isprintable() or " " in filename:
        raise Rejected(
            Problem.FILE_NAME,
            f"The file name {quoted(filename)} has characters other than ASCII letters, digits and '._-+!'; "
            "build it again with a current tool.",
        )


def _wheel(filename: str) -> FileName:
    try:
        normalized_name, version, build, _tags = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        raise Rejected(
            Problem.FILE_NAME,
            f"{quoted(filename)} is no wheel's name; it must be 'name-version-python-abi-platform.whl'.",
        ) from None
    _check_project(normalized_name, filename)
    _check_public(version)
    python, abi, platform = filename.removesuffix(".whl").split("-")[-3:]
    for kind, pattern, tags in (
        ("Python", _PYTHON_TAG, python),
        ("ABI", _ABI_TAG, abi),
        ("platform", _PLATFORM_TAG, platform),
    ):
        for tag in tags.split("."):
            if not pattern.fullmatch(tag):
                raise Rejected(
                    Problem.WHEEL_TAG,
                    f"The wheel {quoted(filename)} has an unknown {kind} tag {quoted(tag)}; "
                    "build it again with a current tool.",
                )
    if len(python) > 64:
        raise Rejected(Problem.WHEEL_TAG, "The wheel's Python tag is longer than 64 characters.")
    found = FileName(filename, normalized_name, version, "bdist_wheel", python)
    number = f"-{build[0]}{build[1]}" if build else ""
    _check_spelling(found, f"{found.stem}{number}-{python}-{abi}-{platform}.whl")
    return found


def _sdist(filename: str) -> FileName:
    stem = filename.removesuffix(".tar.gz")
    # Legacy names may have dashes in the project name, never in the version.
    name, dash, version_text = stem.rpartition("-")
    if not dash or not name or not version_text:
        raise Rejected(
            Problem.FILE_NAME,
            f"{quoted(filename)} is not an sdist's name; it must be name-version.tar.gz (PEP 625).",
        )
    version = read_version(version_text)
    if version is None:
        raise Rejected(
            Problem.VERSION,
            f"{quoted(filename)} has no valid version: {quoted(version_text)} does not follow PEP 440.",
        )
    normalized_name = canonicalize_name(name)
    _check_project(normalized_name, filename)
    _check_public(version)
    found = FileName(filename, normalized_name, version, "sdist", "source")
    _check_spelling(found, f"{found.stem}.tar.gz")
    return found


def _check_project(normalized_name: str, filename: str) -> None:
    if not _ESCAPED_NAME.fullmatch(normalized_name.replace("-", "_")):
        raise Rejected(Problem.FILE_NAME, f"{quoted(filename)} does not begin with a valid project name.")


def _check_public(version: Version) -> None:
    if version.local is not None:
        raise Rejected(
            Problem.VERSION,
            f"The version {quoted(str(version))} is local (it has a '+'); an index takes only public versions: "
            f"use {quoted(version.public)} or another one without '+'.",
        )


def _check_spelling(found: FileName, normal: str) -> None:
    if found.filename != normal:
        raise Rejected(
            Problem.FILE_NAME_NOT_NORMAL,
            f"The file name {quoted(found.filename, limit=MAX_LENGTH)} is not in normal form; rename it to "
            f"{quoted(normal, limit=MAX_LENGTH)} or build it with a current tool.",
        )
