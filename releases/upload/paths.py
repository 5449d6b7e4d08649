"""Names of archive members: the same rules for zips and tars."""

from __future__ import annotations

import re
from collections.abc import Iterable

from releases.upload.problems import Problem, Rejected, quoted

_DRIVE = re.compile(r"[A-Za-z]:")
MAX_LENGTH = 4096
# What all names of an archive, link targets included, may have together: they are held in memory.
MAX_NAMES = 32 * 1024 * 1024
MAX_DEPTH = 100  # steps from the top; walking them costs the square of their number


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
        or len(path) > MAX_LENGTH
        or len(parts) > MAX_DEPTH
    ):
        raise Rejected(
            Problem.ARCHIVE_UNSAFE,
            f"The archive has a member named {quoted(path)}; names must be plain relative paths with '/'.",
        )


def check_no_file_is_a_directory(paths: Iterable[str], non_directories: set[str]) -> None:
    """No member may lie below a file or link: what it would overwrite or follow depends on the tool.

    Raises:
        Rejected: one does.
    """
    # NUL sorts before whatever a name may have in it: what lies below a path follows it at once. A set of all
    # directories would take thousands of strings for one long path.
    above = ""
    for path in sorted(paths, key=lambda path: path.replace("/", "\0")):
        if above and path.startswith(f"{above}/"):
            raise Rejected(
                Problem.ARCHIVE_UNSAFE,
                f"The archive has {quoted(above)} both as a file or link and as a directory.",
            )
        above = path if path in non_directories else ""
