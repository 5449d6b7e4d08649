"""What must be inside an sdist: one directory with a PKG-INFO in it."""

from __future__ import annotations

from typing import BinaryIO

from packaging.utils import canonicalize_name

from releases.upload import tars
from releases.upload.core_metadata import FoundMetadata, parse_metadata
from releases.upload.filenames import FileName, read_version
from releases.upload.parsed import UploadLimits
from releases.upload.problems import Problem, Rejected, quoted


def read_sdist(file: BinaryIO, length: int, *, file_name: FileName, limits: UploadLimits) -> FoundMetadata:
    """Survey the whole sdist, every byte of it, and return its metadata.

    Raises:
        Rejected: not a sound archive, or not laid out as an sdist.
    """
    tops: set[str] = set()

    def is_the_pkg_info(path: str) -> bool:
        # Of the first top directory only, and there may be no second one: a thousand would fill the memory.
        top, _, rest = path.partition("/")
        tops.add(top)
        return rest == "PKG-INFO" and len(tops) == 1

    contents = tars.survey(file, length, limits=limits, keep=is_the_pkg_info)
    top = _top(contents, file_name)
    pkg_info = contents.kept.get(f"{top}/PKG-INFO")
    if pkg_info is None:
        raise Rejected(Problem.LAYOUT, f"The sdist has no file {quoted(top + '/PKG-INFO')}; build it again.")
    metadata = parse_metadata(pkg_info)
    paths = contents.paths
    for path in metadata.license_files:
        if f"{top}/{path}" not in paths:
            raise Rejected(
                Problem.LICENSE_FILE,
                f"PKG-INFO names the licence file {quoted(path)}, but the sdist does not have it; build it again.",
            )
    return metadata


def _top(contents: tars.Contents, file_name: FileName) -> str:
    tops = {path.partition("/")[0] for path in contents.paths}
    if len(tops) != 1:
        raise Rejected(
            Problem.LAYOUT,
            f"An sdist has exactly one top directory; this one has {len(tops)} entries there. Build it again.",
        )
    top = tops.pop()
    # The file name is normalised, the directory may be in a legacy spelling.
    name, _, version = top.rpartition("-")
    if canonicalize_name(name) != file_name.normalized_name or read_version(version) != file_name.version:
        raise Rejected(
            Problem.METADATA_CONTRADICTS_NAME,
            f"The sdist {quoted(file_name.filename)} unpacks to {quoted(top)}, not to {quoted(file_name.stem)}; "
            "build it again instead of renaming it.",
        )
    return top
