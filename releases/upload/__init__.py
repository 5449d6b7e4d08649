"""From bytes on disk to a `ParsedUpload`, or to one sentence why not. Knows no Django, no database, no network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from packaging.utils import canonicalize_name, canonicalize_version

from releases.upload.core_metadata import FoundMetadata
from releases.upload.filenames import FileName, parse_file_name, read_version
from releases.upload.form import check_against_file_name, check_digests, read_claims
from releases.upload.parsed import Hashes, ParsedUpload, UploadLimits
from releases.upload.problems import Problem, Rejected, quoted
from releases.upload.sdists import read_sdist
from releases.upload.wheels import read_wheel

__all__ = [
    "Hashes",
    "ParsedUpload",
    "Problem",
    "Rejected",
    "UploadLimits",
    "parse_file",
    "parse_file_name",
    "parse_upload",
    "quoted",
    "read_version",
]

_RELIABLE_SDIST = (2, 2)  # PEP 643


def parse_upload(
    path: Path,
    *,
    filename: str,
    form: Mapping[str, list[str]],
    hashes: Hashes,
    limits: UploadLimits | None = None,
) -> ParsedUpload:
    """Judge an uploaded file, cheapest checks first. The file is read as a stream; memory does not grow with it.

    Args:
        path: the bytes as they arrived; never changed.
        filename: as the client sent it.
        form: every text field of the form, in order of arrival; it may not contradict the file.
        hashes: computed while the bytes were stored.
        limits: how much work the archive may cause; the defaults if None.

    Raises:
        Rejected: the only exception for any content of `path` and `form`; its sentence is ASCII.
    """
    limits = limits or UploadLimits()
    claims = read_claims(form)
    file_name = parse_file_name(filename)
    check_against_file_name(claims, file_name)
    check_digests(form, hashes)
    return _read(path, file_name, hashes, limits)


def parse_file(path: Path, *, filename: str, hashes: Hashes, limits: UploadLimits | None = None) -> ParsedUpload:
    """The same for a file that comes without a form.

    Raises:
        Rejected: as for `parse_upload`.
    """
    return _read(path, parse_file_name(filename), hashes, limits or UploadLimits())


def _read(path: Path, file_name: FileName, hashes: Hashes, limits: UploadLimits) -> ParsedUpload:
    with path.open("rb") as file:
        if file_name.package_type == "sdist":
            metadata = read_sdist(file, hashes.size, file_name=file_name, limits=limits)
        else:
            metadata = read_wheel(file, file_name=file_name, limits=limits)
    _check_identity(metadata, file_name)
    return _result(metadata, file_name)


def _check_identity(metadata: FoundMetadata, file_name: FileName) -> None:
    if canonicalize_name(metadata.name) != file_name.normalized_name:
        raise Rejected(
            Problem.METADATA_CONTRADICTS_NAME,
            f"The file {quoted(file_name.filename)} says inside that it belongs to project {quoted(metadata.name)}"
            "; build it again instead of renaming it.",
        )
    if metadata.version != file_name.version:
        raise Rejected(
            Problem.METADATA_CONTRADICTS_NAME,
            f"The file {quoted(file_name.filename)} says inside that it is version {quoted(metadata.version_text)}"
            "; build it again instead of renaming it.",
        )


def _result(metadata: FoundMetadata, file_name: FileName) -> ParsedUpload:
    is_sdist = file_name.package_type == "sdist"
    return ParsedUpload(
        filename=file_name.filename,
        project_name=metadata.name,
        normalized_name=file_name.normalized_name,
        version=metadata.version_text,
        normalized_version=canonicalize_version(file_name.version),
        package_type=file_name.package_type,
        python_version=file_name.python_version,
        requires_python=metadata.text("requires_python"),
        metadata=metadata.fields,
        metadata_bytes=None if is_sdist and metadata.metadata_version < _RELIABLE_SDIST else metadata.content,
        summary=metadata.text("summary"),
        description=metadata.description,
        description_content_type=metadata.text("description_content_type"),
    )
