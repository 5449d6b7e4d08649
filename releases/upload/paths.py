"""Names of archive members: the same rules for zips and tars."""

from __future__ import annotations

import re
from collections.abc import Iterable

from releases.upload.problems import Problem, Rejected, quoted

_DRIVE = re.compile(r"[A-Za-z]:")
_MAX_LENGTH = 4096


def check_path(path: str) -> None:
    """A plain relative path with forward slashes; a directory's may end in one.

    Raises:
        Rejected: extracting it could write outside the target, or two tools could read it differently.
    """
    parts = path.removesuffix("/").split("/")
    if (
        path.startswith("/")
        or "\\" in path
        or _DRIVE.match(path)
        or any(part in {"", ".", ".."} for part in parts)
        or any(ord(char) < 32 or ord(char) == 127 for char in path)
        or len(path) > _MAX_LENGTH
    ):
        raise Rejected(
            Problem.ARCHIVE_UNSAFE,
            f"The archive has a member named {quoted(path)}; names must be plain relative paths with '/'.",
        )


def ancestors(path: str) -> Iterable[str]:
    """Every directory above `path`, the nearest first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def check_no_file_is_a_directory(paths: Iterable[str], non_directories: set[str]) -> None:
    """No member may lie below a file or link: what it would overwrite or follow depends on the tool."""
    cleared: set[str] = set()
    for path in paths:
        for above in ancestors(path):
            if above in cleared:
                break
            if above in non_directories:
                raise Rejected(
                    Problem.ARCHIVE_UNSAFE,
                    f"The archive has {quoted(above)} both as a file or link and as a directory.",
                )
            cleared.add(above)
